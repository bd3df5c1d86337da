"""The parameters of the simulated speakers: difficulty, lengths, presets, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.agents.speakers.simulated.rates import PRESETS, QUANTILES, Simulation
from tracer_env.errors import ConfigError


def test_the_presets() -> None:
    assert sorted(PRESETS) == [
        "balanced",
        "harsh",
        "paper_qwen2.5_7b",
        "strong_proposer",
        "sycophant",
        "weak_reviewer",
    ]
    assert PRESETS["balanced"] == Simulation()
    paper = PRESETS["paper_qwen2.5_7b"]
    assert (paper.skill, paper.slope, paper.invalid, paper.reread) == (0.916, 0.0, 0.0, 0.0)
    assert paper.proposer_prompt_tokens + paper.proposer_tokens == 336
    assert paper.reviewer_prompt_tokens + paper.reviewer_tokens == 336


@pytest.mark.parametrize(
    ("difficulty", "skill", "mend"),
    [(0.5, 0.62, 0.72), (0.9, 0.4230, 0.5361), (0.1, 0.7841, 0.8513), (0.0, 0.8160, 0.8748), (1.0, 0.3751, 0.4861)],
)
def test_skill_falls_with_difficulty(difficulty: float, skill: float, mend: float) -> None:
    assert Simulation(skill=0.62, mend=0.72).chances(difficulty) == pytest.approx((skill, mend), abs=1e-4)
    assert Simulation(skill=0.62, mend=0.72, slope=0.0).chances(difficulty) == (0.62, 0.72)
    assert Simulation(skill=1.0, mend=0.0).chances(difficulty) == (1.0, 0.0)


@pytest.mark.parametrize(("mean", "spread"), [(200.0, 0.35), (60.0, 0.35), (120.0, 1.0), (50.0, 0.0)])
def test_lengths_have_the_mean_and_the_spread(mean: float, spread: float) -> None:
    lengths = Simulation(proposer_tokens=mean, reviewer_tokens=mean, spread=spread).proposer_lengths
    assert len(lengths) == QUANTILES == 256
    assert list(lengths) == sorted(lengths)
    average = sum(lengths) / 256
    deviation = math.sqrt(sum((length - average) ** 2 for length in lengths) / 256)
    assert average == pytest.approx(mean, rel=0.01)
    assert deviation == pytest.approx(mean * spread, rel=0.08)


def test_a_length_is_at_least_one_token() -> None:
    assert min(Simulation(reviewer_tokens=1.0, spread=2.0).reviewer_lengths) == 1


def test_the_papers_mean_tokens_a_call() -> None:
    paper = PRESETS["paper_qwen2.5_7b"]
    assert 136 + sum(paper.proposer_lengths) / 256 == pytest.approx(336, abs=1)
    assert 136 + sum(paper.reviewer_lengths) / 256 == pytest.approx(336, abs=1)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"skill": -0.1}, "speaker.skill must lie between 0 and 1, got -0.1"),
        ({"tnr": 1.1}, "speaker.tnr must lie between 0 and 1, got 1.1"),
        ({"reread": 2.0}, "speaker.reread must lie between 0 and 1, got 2.0"),
        ({"skill": "high"}, "speaker.skill must be a number, got 'high'"),
        ({"skill": True}, "speaker.skill must be a number, got True"),
        ({"slope": math.nan}, "speaker.slope must be a number, got nan"),
        ({"slope": math.inf}, "speaker.slope must be a number, got inf"),
        ({"proposer_tokens": 0}, "speaker.proposer_tokens must be at least 1 token, got 0"),
        ({"reviewer_prompt_tokens": 0}, "speaker.reviewer_prompt_tokens must be at least 1 token, got 0"),
        ({"distractors": 0}, "speaker.distractors must lie between 1 and 256, got 0"),
        ({"distractors": 2.5}, "speaker.distractors must be a whole number, got 2.5"),
        ({"distractors": 4.0}, "speaker.distractors must be a whole number, got 4.0"),
        ({"distractors": 257}, "speaker.distractors must lie between 1 and 256, got 257"),
        ({"proposer_prompt_tokens": 90.5}, "speaker.proposer_prompt_tokens must be a whole number, got 90.5"),
        ({"spread": -1.0}, "speaker.spread must be at least 0, got -1.0"),
        ({"confidence": 0.4}, "speaker.confidence must lie between 0.5 and 1.0, got 0.4"),
        ({"confidence": 1.1}, "speaker.confidence must lie between 0.5 and 1.0, got 1.1"),
        ({"surprise": 0.0}, "speaker.surprise must lie between 1e-06 and 100.0, got 0.0"),
        ({"margin": 1.5}, "speaker.margin must lie between 0 and 1, got 1.5"),
        ({"margin_spread": 9}, "speaker.margin_spread must lie between 0.0 and 3.0, got 9"),
        ({"own_tnr": -0.5}, "speaker.own_tnr must lie between 0 and 1, got -0.5"),
    ],
)
def test_impossible_parameters_are_refused(rates: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Simulation(**rates)  # type: ignore[arg-type]
    assert str(caught.value) == message


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1e6, 1e6))
def test_chances_are_probabilities(skill: float, difficulty: float, slope: float) -> None:
    simulation = Simulation(skill=skill, slope=slope)
    chance, _ = simulation.chances(difficulty)
    assert 0.0 <= chance <= 1.0
    assert simulation.chances(difficulty)[0] == chance


def test_presets_come_from_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("skill = 0.4\ndistractors = 2\n", encoding="utf-8")
    assert Simulation.from_toml(file) == Simulation(skill=0.4, distractors=2)
    for preset in PRESETS.values():
        file.write_text(preset.to_toml(), encoding="utf-8")
        assert Simulation.from_toml(file) == preset


def test_a_preset_file_from_before_there_were_signals(tmp_path: Path) -> None:
    """Its sixteen lines are read; what it does not tell is that of ``balanced``."""
    file, lines = tmp_path / "old.toml", PRESETS["harsh"].to_toml().splitlines()
    assert lines[16].startswith("confidence = ")
    file.write_text("\n".join(lines[:16]), encoding="utf-8")
    assert Simulation.from_toml(file) == PRESETS["harsh"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("skil = 0.4\n", "the simulated speaker has no rate 'skil'; did you mean 'skill'?"),
        ("skill = 4.0\n", "speaker.skill must lie between 0 and 1, got 4.0"),
        ("skill = \n", "is not valid TOML"),
    ],
)
def test_bad_preset_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    with pytest.raises(ConfigError, match="cannot read the preset file"):
        Simulation.from_toml(file)
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Simulation.from_toml(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_preset_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xef\xbb\xbfskill = 0.25\n")
    assert Simulation.from_toml(file) == Simulation(skill=0.25)
    file.write_bytes(b"skill = " + b"[" * 9999)
    with pytest.raises(ConfigError, match="is not valid TOML"):
        Simulation.from_toml(file)
