"""The recording that comes with the package: real texts of a real model, and what compare shows by default."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracer_env
from tracer_env.cli.app import main
from tracer_env.runs.folder import load_run
from tracer_env.trees.shipped import RECORDINGS, SHIPPED


def test_it_is_small_and_holds_enough() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 1_000_000
    trees = tracer_env.DialogueTrees.load(SHIPPED)
    assert len(trees.tasks) >= 1000
    assert trees.texts is not None
    assert len({said.text for said in trees.texts}) > 500  # a model's words, not a handful of templates
    assert 0.4 < trees.evaluate("never").accuracy < 0.8  # right often enough to matter, with real mistakes
    assert trees.evaluate("oracle").accuracy > trees.evaluate("always").accuracy


def test_recorded_grades_are_what_the_verifier_says() -> None:
    scenario, trees = tracer_env.make_scenario("recorded", split="all"), tracer_env.DialogueTrees.load(SHIPPED)
    tasks = {task.id: task for task in scenario}
    per_row = len(trees.texts or ()) // trees.rows
    for row in range(0, trees.rows, 67):
        for said in (trees.texts or ())[row * per_row : (row + 1) * per_row]:
            if said.grade is not None:
                assert scenario.grade(said.text, tasks[trees.tasks[row % len(trees.tasks)].id]) is said.grade


@pytest.mark.parametrize("seed", [0, 7])
def test_it_is_the_default_of_compare(seed: int, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert main(["compare", "--limit", "10", "--methods", "always,never", "--seed", str(seed), "--out", str(out)]) == 0
    run = load_run(out)
    assert run.config.scenario.name == run.config.speaker.name == "recorded"
    assert {len(episodes) for episodes in run.by_method().values()} == {10}


def test_naming_either_leaves_it_aside(capsys: pytest.CaptureFixture[str]) -> None:
    for named in (["--scenario", "arithmetic"], ["--speaker", "simulated"], ["--set", "speaker.skill=0.5"]):
        assert main(["compare", "--dry-run", *named]) == 0
        assert 'name = "recorded"' not in capsys.readouterr().out


def test_the_one_of_smollm2_is_small_and_holds_enough() -> None:
    folder = RECORDINGS["recorded-smollm2"]
    assert sum(file.stat().st_size for file in folder.iterdir()) < 1_000_000
    trees = tracer_env.DialogueTrees.load(folder)
    assert len(trees.tasks) >= 200
    assert len({said.text for said in trees.texts or ()}) > 500
    assert trees.told
    assert 0.3 < trees.evaluate("never").accuracy < 0.8


def test_it_is_played_by_its_name(tmp_path: Path) -> None:
    out = tmp_path / "run"
    asked = ["--scenario", "recorded-smollm2", "--speaker", "recorded-smollm2", "--seed", "5", "--out", str(out)]
    assert main(["compare", *asked, "--limit", "5", "--methods", "always,never"]) == 0
    assert "SmolLM2" in str((load_run(out).environment() or {})["words"])
    assert main(["see", "recorded-smollm2", "--information", "vote", "--iterations", "5", "--starts", "1"]) == 0
