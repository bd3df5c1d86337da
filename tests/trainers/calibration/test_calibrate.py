"""Calibration: known simulations come back within their errors, and the preset file speaks like the recorded one."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console
from samples import mended, one_proposal

import tracer_env
from tracer_env.agents.controllers.baselines import Random
from tracer_env.agents.speakers.simulated.rates import PRESETS, Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.rollout import Job, everything, nothing, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.information import vote_and_time
from tracer_env.parts.casting import make_speaker
from tracer_env.rules import Rules
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.trainers.calibration.calibrate import Calibration, calibrate
from tracer_env.trainers.calibration.command import calibrate_command, calibration_table
from tracer_env.trees.growth import expand
from tracer_env.types import Grade, Task

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), difficulty=(i % 11) / 10) for i in range(2000)]
UNLIKE = Simulation(
    skill=0.35,
    mend=0.5,
    slope=1.0,
    cave=0.55,
    repeat=0.8,
    invalid=0.12,
    tpr=0.6,
    tnr=0.45,
    no_verdict=0.2,
    distractors=9,
    proposer_tokens=70.0,
    reviewer_tokens=25.0,
    spread=0.6,
    proposer_prompt_tokens=151,
    reviewer_prompt_tokens=203,
    reread=0.7,
)


def off(found: Calibration, true: Simulation) -> dict[str, float]:
    """Return by how many standard errors each estimate misses."""
    missed = {}
    for estimate in found.estimates:
        assert estimate.note in ("", "at the bound"), estimate
        gap = abs(estimate.value - getattr(true, estimate.name))
        missed[estimate.name] = gap / estimate.standard_error if estimate.standard_error else gap
    return missed


def episodes(simulation: Simulation, tasks: Sequence[Task], draw_all: bool = False) -> list[Transcript]:
    speaker, scenario = SimulatedSpeaker(simulation), tracer_env.make_scenario(list(tasks))
    jobs = [Job(i, "random", Random(), task, 0, 5) for i, task in enumerate(tasks)]
    return rollout(jobs, speaker, scenario, Rules(), vote_and_time, everything if draw_all else nothing)


@pytest.mark.parametrize("true", [Simulation(), UNLIKE, PRESETS["harsh"], PRESETS["sycophant"]])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_simulation_is_recovered_from_its_trees(true: Simulation, seed: int) -> None:
    found = calibrate(expand(TASKS, SimulatedSpeaker(true), Rules(), seed=seed, texts=False))
    assert max(off(found, true).values()) < 4.0
    assert found.events == 2000 * 16
    assert found.overall is not None
    assert found.overall.p > 1e-4


@pytest.mark.parametrize("true", [Simulation(), UNLIKE])
@pytest.mark.parametrize("draw_all", [False, True])
def test_a_simulation_is_recovered_from_its_episodes(true: Simulation, draw_all: bool) -> None:
    found = calibrate(episodes(true, TASKS, draw_all))
    assert max(off(found, true).values()) < 4.0
    assert found.tasks == 2000
    assert found.overall is not None
    assert found.overall.p > 1e-4


def test_errors_know_that_a_tree_shares_its_luck() -> None:
    found = calibrate(expand(TASKS, "simulated", Rules(), seed=2, texts=False))
    skill = found["skill"]
    assert skill.standard_error is not None
    assert skill.independent_error is not None
    assert skill.standard_error > 1.5 * skill.independent_error


def test_a_calibrated_simulation_says_what_it_was_fitted_to() -> None:
    trees = expand(TASKS, SimulatedSpeaker(UNLIKE), Rules(), seed=3, texts=False)
    again = expand(TASKS, SimulatedSpeaker(calibrate(trees).simulation), Rules(), seed=4, texts=False)
    for controller in ("always", "never", "until_approved"):
        old, new = trees.evaluate(controller), again.evaluate(controller)
        assert new.accuracy == pytest.approx(old.accuracy, abs=0.04)
        assert new.tokens_per_task == pytest.approx(old.tokens_per_task, rel=0.04)


def test_many_methods_that_say_the_same_count_once() -> None:
    played = episodes(UNLIKE, TASKS[:50])
    twice = played + [replace(each, method="another") for each in played]
    assert calibrate(twice) == calibrate(played)


def test_what_nobody_said_keeps_its_default() -> None:
    found = calibrate([one_proposal(Grade.CORRECT), one_proposal(Grade.WRONG, task="u")])
    told = {estimate.name: estimate.note for estimate in found.estimates}
    known = {"skill", "invalid", "proposer_tokens", "spread", "proposer_prompt_tokens"}
    assert {name for name, note in told.items() if note != "not identified"} == known
    assert found["skill"].value == pytest.approx(0.5)
    assert found.simulation.tpr == Simulation().tpr
    assert calibrate([one_proposal(Grade.CORRECT)], defaults=UNLIKE).simulation.tnr == 0.45


def test_never_failing_is_not_certainty() -> None:
    found = calibrate([one_proposal(Grade.CORRECT, task=f"t{i}") for i in range(9)])
    skill = found["skill"]
    assert (skill.value, skill.note, skill.events) == (1.0, "at the bound", 9)
    assert skill.standard_error == pytest.approx(0.0726, abs=1e-4)  # of 0.5 in 10: sqrt(0.05 * 0.95 / 9)
    assert found["invalid"].value == 0.0


def test_timeouts_are_left_out_and_nothing_else_is_an_error() -> None:
    found = calibrate([one_proposal(Grade.TIMEOUT), one_proposal(Grade.CORRECT, task="u")])
    assert (found.events, found.left_out) == (1, 1)
    with pytest.raises(ConfigError, match="all 1 utterances timed out"):
        calibrate([one_proposal(Grade.TIMEOUT)])
    with pytest.raises(ConfigError, match="reads DialogueTrees or a list of Transcript, got list"):
        calibrate([])


# -- the preset file -----------------------------------------------------------------------------


def test_the_preset_file_reads_back(tmp_path: Path) -> None:
    found = calibrate([mended()])
    path = found.save(tmp_path / "new" / "mine.toml")
    assert Simulation.from_toml(path) == found.simulation
    by_prefix, by_preset = make_speaker(f"simulated:{path}"), make_speaker("simulated", preset=str(path), skill=0.25)
    assert isinstance(by_prefix, SimulatedSpeaker)
    assert isinstance(by_preset, SimulatedSpeaker)
    assert by_prefix.simulation == found.simulation
    assert by_preset.simulation == replace(found.simulation, skill=0.25)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# fitted to 5 utterances of 1 tasks\n")
    assert "\nslope = 2.0  # not identified\n" in text


@pytest.mark.parametrize("simulation", [UNLIKE, *PRESETS.values()])
def test_to_toml_and_back(simulation: Simulation, tmp_path: Path) -> None:
    path = tmp_path / "preset.toml"
    path.write_text(simulation.to_toml(), encoding="utf-8")
    assert Simulation.from_toml(path) == simulation


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skil = 0.5", "preset.toml: the simulated speaker has no rate 'skil'; did you mean 'skill'?"),
        ("skill = 1.5", "preset.toml: speaker.skill must lie between 0 and 1, got 1.5"),
        ("skill = 'high'", "preset.toml: speaker.skill must be a number, got 'high'"),
        ("distractors = 'x'", "speaker.distractors must be a whole number, got 'x'"),
        ("skill", "preset.toml is not valid TOML"),
    ],
)
def test_a_bad_preset_file(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "preset.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        make_speaker(f"simulated:{path}")
    assert message in str(caught.value)


def test_a_missing_preset_file() -> None:
    with pytest.raises(ConfigError, match=r"cannot read the preset file absent.toml: No such file"):
        make_speaker("simulated:absent.toml")


# -- the command ---------------------------------------------------------------------------------


def test_the_command_on_trees(tmp_path: Path) -> None:
    trees = expand(TASKS[:40], "simulated", Rules(), seed=1, texts=False)
    trees.save(tmp_path / "trees")
    data = calibrate_command(tmp_path / "trees")
    assert data["file"] == str(tmp_path / "trees.preset.toml")
    assert data["speaker"] == f"simulated:{data['file']}"
    assert json.loads(json.dumps(data)) == data
    assert data["preset"] == asdict(Simulation.from_toml(data["file"])) == asdict(calibrate(trees).simulation)


def test_the_command_on_a_run(tmp_path: Path) -> None:
    run = RunFolder.create(Config(rules=Rules(history_window=1)), "compare", tmp_path / "run")
    run.append([mended()])
    data = calibrate_command(run.path, tmp_path / "out.toml")
    assert data["events"] == 5
    assert Path(data["file"]) == tmp_path / "out.toml"


def test_the_command_refuses(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="neither a folder of trees nor a run folder"):
        calibrate_command(tmp_path / "absent")
    with pytest.raises(ConfigError, match=r"a preset file ends in \.toml, got 'x'"):
        calibrate_command(tmp_path / "absent", "x")


def test_the_table_fits_a_terminal() -> None:
    data = calibrate(expand(TASKS[:300], "simulated", Rules(), seed=1, texts=False)).to_data()
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(calibration_table(data))
    lines = console.export_text().splitlines()
    assert lines[0].startswith("simulated speaker fitted to 4,800 utterances of 300 tasks")
    assert not any("…" in line for line in lines)
    assert lines[-1].startswith("overall chi-square")
