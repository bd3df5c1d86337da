"""`train` as a run folder: what it leaves behind, and going on after a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tracer_env.agents.controllers.regret_matching import RegretMatching, RegretMatchingPlus
from tracer_env.errors import ConfigError, RunFolderError, UnknownNameError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules
from tracer_env.runs.config import Config, TrainingConfig
from tracer_env.runs.folder import load_run
from tracer_env.runs.settling import of_training
from tracer_env.trainers.runs import controllers as training_run
from tracer_env.trainers.runs.controllers import train_run

CONFIG = Config(seed=3, training=TrainingConfig(episodes=640))


class Stop(Exception):
    """Stands for the moment at which a run is killed."""


class StopAt:
    """A reporter that stops the work after some episodes."""

    def __init__(self, episode: int) -> None:
        self.episode = episode

    def start(self, what: str, total: int, done: int = 0) -> None:
        assert total == 640

    def reach(self, done: int, note: str = "") -> None:
        if done >= self.episode:
            raise Stop


def test_what_a_run_leaves_behind(tmp_path: Path) -> None:
    result = train_run(CONFIG, out=tmp_path / "run")
    names = {str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert names == {"config.toml", "environment.json", "checkpoint.json", "controllers/regret_matching.json"}
    assert load_run(tmp_path / "run").config == of_training(CONFIG)
    assert set(result) == {
        *("run", "controller", "method", "seed", "config", "turns_per_second", "episodes", "average_regret", "turns"),
        *("tokens", "counterfactual_tokens", "average_regret_curve", "policy_table"),
    }
    assert (result["episodes"], result["turns"], result["seed"]) == (640, 3200, 3)
    made = make_controller(result["controller"], Rules(), "vote_and_time")
    assert isinstance(made, RegretMatching)
    assert {entry["key"]: entry["visits"] for entry in result["policy_table"]} == {
        key: row.visits for key, row in made.rows.items()
    }
    assert json.loads(json.dumps(result, allow_nan=False))["method"] == "regret_matching"


def test_regret_matching_plus_trains_too(tmp_path: Path) -> None:
    result = train_run(CONFIG, method="regret_matching_plus", out=tmp_path / "run")
    assert isinstance(make_controller(result["controller"]), RegretMatchingPlus)


@pytest.mark.parametrize("episode", [32, 320, 608])
def test_a_killed_run_goes_on_as_if_never_killed(tmp_path: Path, episode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "_SAVE_EVERY", 0.0)
    whole = train_run(CONFIG, out=tmp_path / "whole")
    with pytest.raises(Stop):
        train_run(CONFIG, out=tmp_path / "cut", reporter=StopAt(episode))
    assert not list((tmp_path / "cut" / "controllers").iterdir())
    resumed = train_run(None, resume=tmp_path / "cut")
    for name in ("controllers/regret_matching.json",):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    same = ("episodes", "turns", "average_regret", "average_regret_curve", "policy_table")
    assert {key: resumed[key] for key in same} == {key: whole[key] for key in same}


def test_a_finished_run_can_be_resumed_in_vain(tmp_path: Path) -> None:
    train_run(CONFIG, out=tmp_path / "run")
    before = (tmp_path / "run" / "controllers" / "regret_matching.json").read_bytes()
    train_run(CONFIG, resume=tmp_path / "run")
    assert (tmp_path / "run" / "controllers" / "regret_matching.json").read_bytes() == before


def test_a_changed_config_is_refused(tmp_path: Path) -> None:
    train_run(CONFIG, out=tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"they differ in: rules\.max_turns, training\.update_every"):
        train_run(
            replace(CONFIG, rules=Rules(max_turns=3), training=TrainingConfig(episodes=640, update_every=8)),
            resume=tmp_path / "run",
        )


@pytest.mark.parametrize("content", ["{", "{}", '{"controller": 3}', "[]", "[" * 10_000, "\xff\xfe"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: str) -> None:
    train_run(CONFIG, out=tmp_path / "run")
    (tmp_path / "run" / "checkpoint.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"checkpoint\.json.*; delete it to begin again$"):
        train_run(CONFIG, resume=tmp_path / "run")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("episodes", 12.5, r"episodes is 12\.5"),
        ("curve", [[1]], r"curve\[0\] has 1 entries; 2 are allowed"),
        ("tokens", "7", "tokens is '7'"),
        ("seconds", -1, "seconds is -1"),
        ("controller", [], r"controller is \[\]"),
        ("controller", {"schema": 1}, "this is a None table of schema 1"),
    ],
)
def test_a_field_of_a_checkpoint_is_read_by_kind(tmp_path: Path, place: str, value: object, message: str) -> None:
    train_run(CONFIG, out=tmp_path / "run")
    file = tmp_path / "run" / "checkpoint.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), place: value}))
    with pytest.raises(RunFolderError, match=rf"checkpoint\.json: {message}.*; delete it to begin again"):
        train_run(CONFIG, resume=tmp_path / "run")


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        ("always", ConfigError, "'always' keeps no table to train; try regret_matching or regret_matching_plus"),
        ("regret_matchin", UnknownNameError, "did you mean 'regret_matching'"),
    ],
)
def test_mistakes_leave_no_folder(tmp_path: Path, method: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        train_run(CONFIG, method=method, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match="exists already"):
        train_run(CONFIG, out=tmp_path)


def test_training_on_another_key(tmp_path: Path) -> None:
    asked = Config(information="history", training=TrainingConfig(episodes=32))
    train_run(asked, out=tmp_path / "run")
    saved = json.loads((tmp_path / "run" / "controllers" / "regret_matching.json").read_text(encoding="utf-8"))
    assert saved["tables"][0]["information"] == "history"
