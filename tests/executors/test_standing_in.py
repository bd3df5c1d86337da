"""A speaker that lives elsewhere: what the driver sees of it, and what becomes of it where it arrives."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracer_env import Rules, expand, make_scenario, make_speaker
from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.executors.seam import InProcess
from tracer_env.executors.standing_in import StandIn, arrived, stand_in
from tracer_env.parts.blame import name_of
from tracer_env.parts.seams import costs_nothing
from tracer_env.parts.voices import words_of
from tracer_env.parts.worlds import worlds_of
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, SpeakerConfig
from tracer_env.store.keeping import FILE
from tracer_env.store.tending import stats
from tracer_env.trees.growth import speaker_name

with_model = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


class Posted(InProcess):
    """Work goes by post: packed, opened again, done, and the result packed as well."""

    apart = True

    def run(self, work: Any, chunks: Iterable[Any]) -> Generator[Any, None, None]:
        for chunk in chunks:
            there, piece = pickle.loads(pickle.dumps((work, chunk)))
            yield pickle.loads(pickle.dumps(there.ready()(piece)))


class There(Posted):
    """And speakers are made where the work is done."""

    def speaker(self, name: str, **settings: Any) -> Any:
        return stand_in(self, name, settings)


CODE = '''
def say(prompt):
    """Say a number that hangs on the prompt alone."""
    return f"Final answer: {len(prompt) % 7}"

say.worlds = 1
'''


@pytest.fixture
def own(tmp_path: Any) -> str:
    (tmp_path / "own.py").write_text(CODE)
    return f"{tmp_path / 'own.py'}:say"


def test_the_driver_knows_what_it_has_to(own: str) -> None:
    here, there = make_speaker(own), stand_in(Posted(), own, {})
    assert isinstance(there, StandIn)
    assert not costs_nothing(there)
    assert worlds_of(there) == worlds_of(there, 5) == worlds_of(here) == 1
    assert words_of(there) == words_of(here)
    assert speaker_name(there) == name_of(there) == speaker_name(here)


def test_it_says_the_same_words(own: str) -> None:
    tasks = make_scenario("arithmetic", limit=12)
    here, there = expand(tasks, own), expand(tasks, stand_in(Posted(), own, {}))
    assert list(here.texts or ()) == list(there.texts or ())
    assert here.speaker != "StandIn"


def test_where_it_arrives_it_is_made_once(own: str) -> None:
    packed = pickle.dumps(stand_in(Posted(), own, {}))
    first, second = (arrived(pickle.loads(packed)) for _ in range(2))
    assert first is second
    assert not isinstance(first, StandIn)
    assert arrived(first) is first


def test_free_words_are_said_in_the_driver() -> None:
    assert costs_nothing(stand_in(Posted(), "simulated", {}))
    assert not isinstance(stand_in(Posted(), "simulated", {}), StandIn)


def test_rules_are_checked_where_the_speaker_is(own: str) -> None:
    there = stand_in(Posted(), own, {})
    assert isinstance(there, StandIn)
    there.check(Rules(max_turns=3))


def test_a_cast_tells_of_each_part(own: str) -> None:
    there = stand_in(Posted(), f"proposer={own},reviewer=simulated", {})
    here = make_speaker(f"proposer={own},reviewer=simulated")
    assert words_of(there) == words_of(here)


def test_what_cannot_be_made_there_is_said(tmp_path: Any) -> None:
    with pytest.raises(RunFolderError):
        stand_in(Posted(), f"recorded:{tmp_path / 'nothing'}", {})


@with_model
def test_workers_answer_from_the_store_of_the_run(tmp_path: Path) -> None:
    """Of this machine: the words of one process, kept as they are said, and found again with no model asked."""
    config = Config(
        scenario=ScenarioConfig("arithmetic", limit=3),
        speaker=SpeakerConfig("nano"),
        evaluation=EvaluationConfig(methods=("always",)),
    )
    one, many = compare(config, out=tmp_path / "one"), compare(config, out=tmp_path / "many", executor=There())
    assert many.rows == one.rows
    answers = [stats(tmp_path / name / FILE)["answers"] for name in ("one", "many")]
    assert answers[0] == answers[1] > 0
    kept = replace(config, speaker=SpeakerConfig("nano", store=str(tmp_path / "many")))
    again = compare(kept, out=tmp_path / "again", executor=There(), offline=True)
    assert again.rows == one.rows
    other = replace(kept, seed=1)
    with pytest.raises(DataError, match=r"--offline: the store .* has no answer of nano"):
        compare(other, out=tmp_path / "other", executor=There(), offline=True)


@with_model
def test_workers_that_see_other_files_keep_nothing(tmp_path: Path) -> None:
    class Away(There):
        shares_files = False

    config = Config(
        scenario=ScenarioConfig("arithmetic", limit=3),
        speaker=SpeakerConfig("nano"),
        evaluation=EvaluationConfig(methods=("always",)),
    )
    compare(config, out=tmp_path / "away", executor=Away())
    assert not (tmp_path / "away" / FILE).exists()
    with pytest.raises(ConfigError, match="workers of a cluster see none on this machine"):
        compare(config, out=tmp_path / "other", executor=Away(), offline=True)
