"""Defaults that hang on other settings are written out, and a run that goes on keeps those that it began with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracer_env.agents.controllers.baselines import Never
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.controllers.tree_trained import CFRPlus
from tracer_env.intake.toml_files import read_toml
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.foresight import check_comparison
from tracer_env.runs.settling import learns_from_play, like, of_training, shared, taught, words_are_free
from tracer_env.trainers.runs.controllers import train_run


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "q.jsonl"
    file.write_text("".join(json.dumps({"question": f"{n} + 1?", "answer": n + 1}) + "\n" for n in range(12)))
    return file


def asked(name: object = "arithmetic", methods: tuple[str, ...] = ("never",), **sections: object) -> Config:
    return Config.from_data({"scenario": {"name": str(name)}, "evaluation": {"methods": methods}, **sections})


def test_episodes_are_those_of_who_speaks() -> None:
    assert taught(asked(), free=True).training.episodes == 10_000
    assert taught(asked(), free=False).training.episodes == 100
    assert taught(asked(training={"episodes": 7}), free=True).training.episodes == 7
    assert words_are_free("simulated")
    assert words_are_free("simulated:harsh")
    assert not words_are_free("nano")
    assert not words_are_free("proposer=simulated,reviewer=simulated")


def test_what_learns_from_play() -> None:
    assert learns_from_play([Never(), RegretMatching()])
    assert not learns_from_play([Never(), CFRPlus()])


def test_the_share_of_one_file_is_written_out(questions: Path) -> None:
    assert shared(asked(questions)).scenario.settings == {"train_share": 0.5}
    assert shared(asked(questions, scenario={"name": str(questions), "train_share": 0})).scenario.settings == {
        "train_share": 0
    }
    (questions.parent / "train.jsonl").write_text(questions.read_text())
    (questions.parent / "test.jsonl").write_text(questions.read_text())
    for whole in (questions.parent, "arithmetic", "jsonl:x.jsonl", "no such name", f"{__file__}:asked"):
        assert shared(asked(whole)).scenario.settings == {}


def test_a_training_says_its_split(questions: Path) -> None:
    told = of_training(asked(questions)).scenario
    assert (told.split, told.settings) == ("train", {"train_share": 0.5})
    assert of_training(told and asked(scenario={"name": "arithmetic", "split": "tune"})).scenario.split == "tune"


def test_what_is_settled_stays_and_what_is_said_counts(questions: Path) -> None:
    begun = taught(shared(asked(questions)), free=True)
    assert like(asked(questions), begun) == begun
    other = like(asked(scenario={"name": str(questions), "train_share": 0.3}), begun)
    assert other.scenario.settings == {"train_share": 0.3}
    assert like(asked("arithmetic"), begun).scenario.settings == {}
    assert like(asked(), of_training(asked())).scenario.split == "train"


@pytest.mark.parametrize("methods", [("never", "regret_matching"), ("never", "until_approved")])
def test_a_dry_run_says_what_the_run_records(questions: Path, tmp_path: Path, methods: tuple[str, ...]) -> None:
    config = asked(questions, methods)
    foreseen = check_comparison(config).to_data()
    run = compare(config, out=tmp_path / "run").run
    assert read_toml(run.path / "config.toml") == foreseen
    rows = (run.path / "metrics.json").read_bytes()
    assert compare(config, resume=run.path).run.path == run.path
    assert (run.path / "metrics.json").read_bytes() == rows


def test_a_training_of_tables_goes_on_under_what_it_recorded(questions: Path, tmp_path: Path) -> None:
    config = asked(questions, training={"episodes": 40})
    first = train_run(config, method="regret_matching", out=tmp_path / "run")
    recorded = read_toml(tmp_path / "run" / "config.toml")
    assert recorded["scenario"] == {"name": str(questions), "split": "train", "train_share": 0.5}
    again = train_run(config, method="regret_matching", resume=tmp_path / "run")
    assert again["policy_table"] == first["policy_table"]
