"""Methods whose words were trained: found in a folder, trained to order, gone on with, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tracer_env
from tracer_env.errors import ConfigError, UserError
from tracer_env.parts.seams import voice_of
from tracer_env.rules import Rules, under
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.verifying import verify

SHORT = {
    "scenario": {"name": "arithmetic", "level": 1, "limit": 3},
    "speaker": {"name": "nano"},
    "gspo": {
        "learning_rate": 1e-3,
        "max_completion_length": 32,
        "num_generations": 2,
        "tasks_per_step": 2,
        "steps_per_generation": 1,
    },
}


def asked(*methods: str, **more: Any) -> Config:
    return Config.from_data({**SHORT, "evaluation": {"methods": list(methods)}, **more})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("voiced") / "run"
    return compare(asked("cot", "gspo:steps=1", "magrpo:steps=1", "always"), out=folder)


def test_trained_to_order(run: Any) -> None:
    """The rows stand in order; a lone agent speaks once, a team always; both are learned; the run holds together."""
    rows = {row["method"]: row for row in run.rows}
    assert list(rows) == ["cot", "gspo:steps=1", "magrpo:steps=1", "always"]
    assert [rows[name]["calls_per_task"] for name in rows] == [1.0, 1.0, 5.0, 5.0]
    assert [rows[name].get("kind", "rule") for name in rows] == ["rule", "learned", "learned", "rule"]
    assert (run.run.path / "trained" / "gspo-steps-1" / "adapters").is_dir()
    assert verify(run.run.path).unchecked == ()


def test_a_finished_run_trains_nothing_again(run: Any) -> None:
    before = {path: path.stat().st_mtime_ns for path in (run.run.path / "trained").rglob("*") if path.is_file()}
    assert compare(None, resume=run.run.path).rows == run.rows
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_found_in_a_folder(run: Any, tmp_path: Path) -> None:
    """What was trained in one run speaks in another as it did there."""
    found = run.run.path / "trained" / "magrpo-steps-1"
    again = compare(asked(f"magrpo:run={found}", "always"), out=tmp_path / "run")
    here = [told for told in again.run.stream() if told.method != "always"]
    there = [told for told in run.run.stream() if told.method == "magrpo:steps=1"]
    assert [[turn.utterance for turn in told.turns] for told in here] == [
        [turn.utterance for turn in told.turns] for told in there
    ]


def test_rules_of_trained_methods() -> None:
    run = Rules(num_agents=3, max_turns=7)
    assert under(run, tracer_env.make_method("gspo:steps=2")).max_turns == 1
    for name in ("magrpo", "maporl", "tracer"):
        made = tracer_env.make_method(f"{name}:steps=2")
        assert under(run, made) == run
        assert voice_of(made) is None


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("gspo", "method gspo: give it the folder of a training that has ended, gspo:run=FOLDER, or the steps"),
        ("gspo:steps=2,run=here", "method gspo: give it the folder"),
        ("gspo:steps=0", "method gspo: steps must be at least 1, got 0"),
        ("gspo:run=nowhere", "nowhere is not a run folder"),
        ("gspo:step=3", "the method 'gspo' has no setting 'step'; did you mean 'steps'?"),
    ],
)
def test_mistakes(method: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        compare(asked("cot", method), out=tmp_path / "run")
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_another_training_and_other_agents_are_refused(run: Any, tmp_path: Path) -> None:
    found = run.run.path / "trained" / "magrpo-steps-1"
    with pytest.raises(ConfigError, match=r"is a training of magrpo; say magrpo:run="):
        compare(asked(f"gspo:run={found}"), out=tmp_path / "one")
    with pytest.raises(ConfigError, match=r"trained 2 agents, and rules.num_agents is 3; set it to 2"):
        compare(asked(f"magrpo:run={found}", rules={"num_agents": 3}), out=tmp_path / "two")


def test_a_simulation_has_no_words_to_train(tmp_path: Path) -> None:
    config = Config.from_data({"scenario": {"limit": 2}, "evaluation": {"methods": ["gspo:steps=1"]}})
    with pytest.raises(ConfigError, match="simulated"):
        compare(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
