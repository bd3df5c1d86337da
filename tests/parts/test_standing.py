"""What stands at an import path: what makes a part, or the part itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_env.agents.speakers.function import FunctionSpeaker
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller, make_reward, make_scenario, make_speaker
from tracer_env.parts.standing import the_part_itself
from tracer_env.parts.worlds import worlds_of

MINE = """
import functools
from tracer_env import Task
from tracer_env.scenarios.base import TaskList
from tracer_env.agents.controllers.regret_matching import RegretMatching


class Mine:
    def __init__(self, turns=3):
        self.turns = turns

    def speak_probability(self, state, key):
        return float(state.turn <= self.turns)


class Talk:
    def speak(self, requests):
        return []


class Pay:
    def __call__(self, before, after):
        return (2.0, 2.0)


def say(prompt, word="8"):
    return f"Final answer: {word}"


say.worlds = 1


def paid(before, after, scale=1.0):
    return (scale, scale)


def make_mine(turns=1):
    return Mine(turns)


mine, talk, pay, table = Mine(7), Talk(), Pay(), RegretMatching()
half = functools.partial(say, word="1/2")
tasks = [Task(f"t{n}", f"{n} + 1?", str(n + 1)) for n in range(4)]
scenario = TaskList(tasks, name="sums")
number = 3
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE, encoding="utf-8")


def test_objects_are_the_parts_themselves() -> None:
    assert make_controller("mine.py:mine").turns == 7  # type: ignore[attr-defined]
    assert type(make_speaker("mine.py:talk")).__name__ == "Talk"
    assert make_reward("mine.py:pay")(None, None) == (2.0, 2.0)  # type: ignore[arg-type]
    assert make_scenario("mine.py:scenario").name == "sums"
    listed = make_scenario("mine.py:tasks", limit=3)
    assert (len(listed), listed.name) == (3, "mine.py:tasks")
    cast = make_speaker("proposer=mine.py:say,reviewer=mine.py:talk")
    assert sorted(cast.parts) == ["proposer", "reviewer"]  # type: ignore[attr-defined]


def test_functions_that_need_an_argument_are_too_with_settings_kept() -> None:
    plain, other = make_speaker("mine.py:say"), make_speaker("mine.py:say:word='9'")
    assert isinstance(plain, FunctionSpeaker)
    assert isinstance(other, FunctionSpeaker)
    assert [plain.function("?"), other.function("?")] == ["Final answer: 8", "Final answer: 9"]
    assert make_speaker("mine.py:say", word="5").function("?") == "Final answer: 5"  # type: ignore[attr-defined]
    assert make_speaker("mine.py:half").function("?") == "Final answer: 1/2"  # type: ignore[attr-defined]
    assert repr(other) == "FunctionSpeaker(say)"
    assert worlds_of(other) == 1
    assert make_reward("mine.py:paid:scale=0.5")(None, None) == (0.5, 0.5)  # type: ignore[arg-type]


def test_classes_and_functions_that_need_nothing_make_the_part() -> None:
    assert the_part_itself("controller", "mine.py:Mine") is None
    assert the_part_itself("controller", "until_approved") is None
    assert make_controller("mine.py:make_mine:turns=5").turns == 5  # type: ignore[attr-defined]
    assert make_reward("mine.py:Pay")(None, None) == (2.0, 2.0)  # type: ignore[arg-type]


def test_a_table_at_a_path_is_new_each_time() -> None:
    first, second = make_controller("mine.py:table"), make_controller("mine.py:table")
    assert first is not second


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("controller", "mine.py:mine:turns=2", "is an object, made already; leave out its setting 'turns'"),
        ("speaker", "mine.py:number", "speaker 'mine.py:number' is 3, which is no speaker and makes none"),
        ("speaker", "mine.py:say:wrod=1", "has no setting 'wrod'; did you mean 'word'"),
        ("reward", "mine.py:number", "is no reward and makes none"),
        ("scenario", "mine.py:number", "is no scenario and makes none"),
    ],
)
def test_what_is_no_part_is_said(kind: str, name: str, words: str) -> None:
    make = {"controller": make_controller, "speaker": make_speaker, "reward": make_reward, "scenario": make_scenario}
    with pytest.raises(ConfigError, match=words):
        make[kind](name)


def test_objects_have_the_split_that_they_have() -> None:
    with pytest.raises(ConfigError, match="has the split 'test' alone"):
        make_scenario("mine.py:tasks", split="train")
    with pytest.raises(ConfigError, match="takes no split, path or limit"):
        make_scenario("mine.py:scenario", limit=2)
