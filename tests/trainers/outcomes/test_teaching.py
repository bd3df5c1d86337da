"""What learns from outcomes, in a comparison: taught on the train split, kept as data, taken over, given as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.parts.lessons import Lessons
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, SpeakerConfig, TrainingConfig
from tracer_env.runs.verifying import verify

NAMES = ("down", "imad:price=2e-4", "thompson:information=vote+time+confidence:bins=3,price=2e-4", "q_learning")
CONFIG = Config(
    scenario=ScenarioConfig(name="arithmetic", limit=30),
    speaker=SpeakerConfig(name="simulated"),
    training=TrainingConfig(episodes=200, limit=50),
    evaluation=EvaluationConfig(methods=("always", *NAMES)),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("outcomes") / "run"
    compare(CONFIG, out=out)
    return out


def kept(run: Path) -> dict[str, dict[str, Any]]:
    found = (json.loads(file.read_text()) for file in (run / "controllers").glob("*.json"))
    return {each["controller"]: each for each in found}


def test_they_are_taught_on_the_train_split_alone(run: Path) -> None:
    train = make_scenario("arithmetic", split="train", limit=50)
    marks = Lessons.of(train, "train").to_data()
    assert set(kept(run)) == {"down", "imad", "thompson", "q_learning"}
    assert all(each["trained_on"] == marks for each in kept(run).values())
    assert {each["training"]["learned_from"] for each in kept(run).values()} == {"outcomes"}
    assert {each["training"]["episodes"] for each in kept(run).values()} == {200}


def test_a_run_that_goes_on_takes_them_over(run: Path) -> None:
    before = {file.name: file.read_bytes() for file in (run / "controllers").iterdir()}
    rows = json.loads((run / "metrics.json").read_text())["rows"]
    again = compare(resume=run)
    assert {file.name: file.read_bytes() for file in (run / "controllers").iterdir()} == before
    assert json.loads(json.dumps(list(again.to_data()["rows"]))) == rows
    assert verify(run).metrics["rows"] == rows  # asked again, its own controllers say the same


def test_their_files_are_methods(run: Path, tmp_path: Path) -> None:
    files = tuple(str(file) for file in sorted((run / "controllers").glob("*.json")))
    asked = replace(CONFIG, evaluation=replace(CONFIG.evaluation, methods=("always", *files)))
    by_file = {row["method"]: row for row in compare(asked, out=tmp_path / "again").to_data()["rows"]}
    by_name = {row["method"]: row for row in json.loads((run / "metrics.json").read_text())["rows"]}
    for name in NAMES:
        same = [row for path, row in by_file.items() if Path(path).stem.startswith(name.partition(":")[0])]
        assert [row["accuracy"] for row in same] == [by_name[name]["accuracy"]]
        assert [row["tokens_per_task"] for row in same] == [by_name[name]["tokens_per_task"]]


def test_a_gate_that_learns_is_alone() -> None:
    asked = replace(CONFIG, evaluation=replace(CONFIG.evaluation, methods=("proposer=down+reviewer=always",)))
    with pytest.raises(ConfigError, match="decides for the whole dialogue"):
        compare(asked)
    made = make_controller("proposer=down:threshold=0.5+reviewer=always")
    assert made.speak_probability


def test_two_ways_of_learning_do_not_mix() -> None:
    asked = replace(CONFIG, evaluation=replace(CONFIG.evaluation, methods=("proposer=ucb+reviewer=cfr_plus",)))
    with pytest.raises(ConfigError, match="learn from returns and from trees"):
        compare(asked)
