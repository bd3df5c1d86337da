"""Scenarios of a user's own: what they hand out is checked where it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracer_env
from tracer_env.cli.app import main
from tracer_env.errors import ScenarioError
from tracer_env.interfaces import Extraction, Request
from tracer_env.parts.task_contracts import check_tasks, same, task_at
from tracer_env.registry import KINDS
from tracer_env.rules import Rules, initial
from tracer_env.runs.playing import evaluate
from tracer_env.types import Grade, Task, Utterance
from tracer_env.verification.referee import ask

GOOD = tuple(Task(f"t{number}", f"What is {number} + 1?", str(number + 1)) for number in range(3))


class Mine:
    """A scenario of three sums; whatever is given takes the place of what it would do."""

    name = "mine"

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def _done(self, what: str, instead: Any) -> Any:
        changed = self.changes.get(what, instead)
        return changed() if callable(changed) else changed

    def __len__(self) -> int:
        return self._done("size", 3)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Task]:
        return iter(self._done("listed", GOOD))

    def __getitem__(self, index: int) -> Task:
        return self._done("item", GOOD[index])  # type: ignore[no-any-return]

    def extract(self, text: str) -> Extraction:
        return self._done("extract", Extraction(text, "mine"))  # type: ignore[no-any-return]

    def grade(self, text: str, task: Task) -> Grade:
        return self._done("grade", Grade.CORRECT if text == task.answer else Grade.WRONG)  # type: ignore[no-any-return]

    def same(self, left: str, right: str) -> bool:
        return self._done("same", left == right)  # type: ignore[no-any-return]


class Says:
    def speak(self, requests: Any) -> list[Utterance]:
        return [Utterance("1") for _ in requests]


def asked(scenario: Any) -> Utterance:
    state = initial(GOOD[0], Rules())
    return ask(Says(), [Request(state, state.seat, 1)], scenario)[0]


@pytest.mark.parametrize(
    "found",
    [None, "1", ("1", "rule"), Extraction(1, "rule"), Extraction("1", None), Extraction("\ud800", ""), {}],  # type: ignore[arg-type]
)
def test_an_extraction_that_is_none_is_refused(found: Any) -> None:
    with pytest.raises(ScenarioError, match=r"^Mine.extract returned .* \(proposer\) at turn 1 of task 't0'"):
        asked(Mine(extract=lambda: found))


@pytest.mark.parametrize("grade", [None, True, 1, "correct", 1.0, np.int64(1), 7])
def test_a_grade_that_is_none_is_refused(grade: Any) -> None:
    with pytest.raises(ScenarioError, match=r"^Mine.grade returned .* at turn 1 of task 't0'; it must return a Grade"):
        asked(Mine(grade=grade))


def test_what_a_scenario_raises_is_its_own() -> None:
    for what in ("extract", "grade"):
        with pytest.raises(ScenarioError, match=rf"^Mine.{what} raised ZeroDivisionError: .* at turn 1 of task 't0'"):
            asked(Mine(**{what: lambda: 1 / 0}))
    with pytest.raises(ScenarioError, match=r"^Mine.same returned None"):
        same(Mine(same=lambda: None), "1", "2", initial(GOOD[0], Rules()))
    assert same(Mine(same=np.bool_(1)), "1", "2", initial(GOOD[0], Rules())) is True


def changed(**fields: Any) -> Task:
    return Task(**{"id": "t0", "question": "What?", "answer": "1", **fields})


BAD_TASKS = [
    None,
    {"id": "t0"},
    *[changed(**{name: value}) for name in ("id", "question", "answer", "kind") for value in (None, 7, b"x", "\ud800")],
    *[changed(difficulty=level) for level in (None, "0.5", 2.0, -0.1, float("nan"), True)],
    changed(id=""),
    changed(question=" "),
    changed(options="AB"),
    changed(options=("A", None)),
    changed(scenario=None),
]


@pytest.mark.parametrize("task", BAD_TASKS, ids=repr)
def test_a_task_that_is_not_sound_is_refused_before_it_is_played(task: Any) -> None:
    scenario = Mine(item=task)
    with pytest.raises(ScenarioError, match=r"^the scenario Mine returned .*, for task 0"):
        task_at(scenario, 0)
    with pytest.raises(ScenarioError, match="the scenario Mine"):
        check_tasks(scenario)
    env = tracer_env.raw_env(scenario, Says())
    with pytest.raises(ScenarioError, match="the scenario Mine returned"):
        env.reset(seed=0)
    always = {"always": tracer_env.make_controller("always")}
    with pytest.raises(ScenarioError, match="the scenario Mine returned"):
        next(evaluate(always, scenario, Says(), Rules()))


class Broken(Mine):
    """As a user's module offers it: made by keywords, with a task that is none."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(listed=(*GOOD[:2], None), item=None)


@pytest.mark.parametrize(
    "words",
    [
        ("play", "--speaker", "simulated"),
        ("compare", "--speaker", "simulated", "--methods", "never"),
        ("expand", "--speaker", "simulated"),
        ("train", "--speaker", "simulated", "--method", "regret_matching", "--steps", "32"),
        ("train", "--speaker", "nano", "--method", "gspo", "--steps", "1"),
    ],
    ids=" ".join,
)
def test_every_command_tells_what_is_no_task_as_the_scenarios_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(KINDS["scenario"], "broken", Broken)
    out = () if words[0] == "play" else ("--out", "folder")
    assert main([*words, "--scenario", "broken", *out]) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: the scenario Broken returned None where a Task must stand, for task 0")
    assert line.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"size": 4}, "says it has 4 tasks and gives 3"),
        ({"size": 2}, "says it has 2 tasks and gives more"),
        ({"listed": GOOD[::-1]}, "for task 0 when iterated"),
        ({"listed": (GOOD[0],) * 3, "item": GOOD[0]}, "has the id 't0' twice, for tasks 0 and 1"),
        ({"item": lambda: 1 / 0}, "raised ZeroDivisionError"),
        ({"listed": (GOOD[0], replace(GOOD[1], scenario="b"))}, "says it has 3 tasks and gives 2"),
        ({"size": lambda: 1 / 0}, "raised ZeroDivisionError"),
        ({"listed": lambda: 1 / 0}, "raised ZeroDivisionError"),
    ],
)
def test_a_scenario_that_contradicts_itself_is_refused(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ScenarioError, match=f"^the scenario Mine .*{line}"):
        check_tasks(Mine(**changes))


def test_tasks_of_several_scenarios_are_refused_before_they_are_played() -> None:
    mixed = [replace(task, scenario=f"s{number}") for number, task in enumerate(GOOD)]
    with pytest.raises(ScenarioError, match="has tasks whose field 'scenario' is 's0' and others with 's1'"):
        check_tasks(tracer_env.make_scenario(mixed))


def test_sound_scenarios_pass(tmp_path: Path) -> None:
    check_tasks(Mine())
    assert task_at(Mine(), 2) == GOOD[2]
    assert asked(Mine()).grade is Grade.CORRECT
    check_tasks(tracer_env.make_scenario("arithmetic", limit=5))
    trees = tracer_env.expand(Mine(), Says(), Rules(max_turns=3))
    assert len(trees.tasks) == 3
    with pytest.raises(ScenarioError, match="gives 3"):
        tracer_env.expand(Mine(size=4), Says(), Rules(max_turns=3))
