"""Comparing what a caller gives: names as in `env` and `expand`, objects beside them, and what the run says of it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

import pytest

import tracer_env
from tracer_env import Task, Utterance, compare, load_run
from tracer_env.agents.controllers.baselines import Always
from tracer_env.errors import ConfigError, TrustError, UnknownNameError
from tracer_env.interfaces import Request
from tracer_env.runs.config import Config
from tracer_env.runs.given import import_path

TASKS = [Task(f"t{n}", f"What is {n} + {n}?", str(2 * n)) for n in range(6)]


def answer(prompt: str) -> str:
    return "RIGHT." if "RIGHT or WRONG" in prompt.rpartition("### Task")[2] else "Final answer: 4"


class Parrot:
    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        return [Utterance("Final answer: 4") for request in requests for _ in range(request.candidates)]


class Lazy:
    def speak_probability(self, state: tracer_env.DialogueState, key: str) -> float:
        return 0.0


def test_names_are_taken_as_in_env_and_expand(tmp_path: Path) -> None:
    asked = {"scenario": "arithmetic", "speaker": "simulated", "methods": ["always", "never"], "limit": 5}
    found = compare(**asked, seed=3, out=tmp_path / "a")  # type: ignore[arg-type]
    config = load_run(tmp_path / "a").config
    assert (config.scenario.name, config.scenario.limit, config.speaker.name, config.seed) == (
        *("arithmetic", 5, "simulated"),
        3,
    )
    assert [row["method"] for row in found.rows] == ["always", "never"]
    assert "given" not in (load_run(tmp_path / "a").environment() or {})
    for wrong, name in (("scenario", "arithmetics"), ("speaker", "simulatd")):
        with pytest.raises(UnknownNameError, match="did you mean"):
            compare(**{wrong: name})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="methods must be a list of names, got the text 'always'"):
        compare(methods="always")


def test_controllers_stand_below_the_methods(tmp_path: Path) -> None:
    asked = {"scenario": "arithmetic", "speaker": "simulated", "limit": 4}
    both = compare(**asked, methods=["always"], controllers={"lazy": Lazy()}, out=tmp_path / "a")  # type: ignore[arg-type]
    assert [row["method"] for row in both.rows] == ["always", "lazy"]
    alone = compare(**asked, controllers={"lazy": Lazy()}, out=tmp_path / "b")  # type: ignore[arg-type]
    assert [row["method"] for row in alone.rows] == ["lazy"]
    config = Config.from_data({"evaluation": {"methods": ["never"]}, "scenario": {"limit": 4}})
    named = compare(config, controllers={"lazy": Lazy()}, out=tmp_path / "c")
    assert [row["method"] for row in named.rows] == ["never", "lazy"]
    with pytest.raises(ConfigError, match="'always' is a method and a controller as well"):
        compare(methods=["always"], controllers={"always": Always()})


@pytest.mark.parametrize("speaker", [answer, Parrot(), "nano"], ids=["function", "object", "nano"])
def test_a_run_says_what_played(speaker: object, tmp_path: Path) -> None:
    if speaker == "nano":
        pytest.importorskip("transformers")
    asked = {"scenario": TASKS, "speaker": speaker, "methods": ["until_approved"], "controllers": {"lazy": Lazy()}}
    found = compare(**asked, out=tmp_path / "run")  # type: ignore[arg-type]
    name = {"nano": "nano"}.get(str(speaker)) or import_path(speaker)
    run = load_run(tmp_path / "run")
    assert run.config.speaker.name == name
    objects = ["scenario", *(["speaker"] if speaker != "nano" else []), "controllers"]
    assert (run.environment() or {})["given"] == objects
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "given as objects: config.toml alone does not make them again" in page
    again = compare(**asked, resume=tmp_path / "run")  # type: ignore[arg-type]
    assert again.rows == found.rows


def test_a_folder_that_names_code_is_not_believed(tmp_path: Path) -> None:
    compare(scenario=TASKS, speaker=answer, methods=["always"], out=tmp_path / "run")
    with pytest.raises(TrustError, match="test_given:answer"):
        compare(resume=tmp_path / "run", scenario=TASKS)
    compare(resume=tmp_path / "run", scenario=TASKS, speaker=answer)


def test_episodes_of_training_stand_in_the_config(tmp_path: Path) -> None:
    asked = {"scenario": "arithmetic", "speaker": "simulated", "methods": ["regret_matching"], "limit": 3}
    compare(**asked, out=tmp_path / "run")  # type: ignore[arg-type]
    assert load_run(tmp_path / "run").config.training.episodes == 10_000
    compare(**asked, resume=tmp_path / "run")  # type: ignore[arg-type]


def test_help_shows_real_signatures() -> None:
    for name in tracer_env.__all__:
        thing = getattr(tracer_env, name)
        if not callable(thing) or name == "errors":
            continue
        parameters = inspect.signature(thing).parameters.values()
        bare = [each for each in parameters if each.kind is each.VAR_POSITIONAL]
        assert not bare, f"{name}{inspect.signature(thing)}"
