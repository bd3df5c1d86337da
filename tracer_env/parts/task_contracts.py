"""What scenarios hand out, checked once at the seam: tasks, answers that were read, grades.

    check_each(scenario)                all of them: sound, counted right, each id once
    check_tasks(scenario)               the same, and all of one scenario
    task_at(scenario, index)            one of them, sound
    reading(scenario, text, state)      an Extraction
    grading(scenario, text, state)      a Grade
    same(scenario, left, right, state)  True or False

Anything else, or what a scenario raises, is a ScenarioError in one line that names it, the task and the turn.
Scenarios of this package check their tasks when they are made and are not asked again.
"""

from __future__ import annotations

from typing import Any

from tracer_env.errors import ScenarioError
from tracer_env.interfaces import Extraction, Scenario
from tracer_env.parts.blame import name_of, place, raised, told
from tracer_env.parts.contracts import well_formed
from tracer_env.rules import DialogueState
from tracer_env.types import Grade, Task

__all__ = ["OURS", "check_each", "check_tasks", "grading", "inside", "reading", "same", "size_of", "task_at"]


def check_tasks(scenario: Scenario) -> None:
    """Raise ScenarioError unless the tasks pass `check_each` and name one scenario, as the tables of a run need."""
    check_each(scenario)
    _check_origin(scenario)


def check_each(scenario: Scenario) -> None:
    """Raise ScenarioError unless the tasks are sound, as many as ``len`` says, the same by index, each id once."""
    if OURS[type(scenario)]:
        return
    size, seen = size_of(scenario), dict[str, int]()
    for index, listed in enumerate(_listed(scenario, size)):
        task = task_at(scenario, index)
        if task != listed:
            raise ScenarioError(
                f"the scenario {name_of(scenario)} gives {told(listed)} for task {index} when iterated and "
                f"{told(task)} by index; both must be the same task each time"
            )
        if task.id in seen:
            raise ScenarioError(
                f"the scenario {name_of(scenario)} has the id {told(task.id)} twice, for tasks {seen[task.id]} and "
                f"{index}; each task needs an id of its own"
            )
        seen[task.id] = index


def _check_origin(scenario: Scenario) -> None:
    """Raise ScenarioError where tasks name several scenarios: a table has one for each."""
    named = sorted({task.scenario for task in scenario})
    if len(named) > 1:
        raise ScenarioError(
            f"the scenario {name_of(scenario)} has tasks whose field 'scenario' is {told(named[0])} and others with "
            f"{told(named[1])}; give all of them one"
        )


def size_of(scenario: Scenario) -> int:
    """Return how many tasks there are; raises ScenarioError for a length that is none."""
    try:
        return len(scenario)  # Python itself refuses what is no whole number of at least 0
    except BaseException as error:
        raise raised(ScenarioError, f"the scenario {name_of(scenario)}", "the number of its tasks", error) from error


def task_at(scenario: Scenario, index: int) -> Task:
    """Return one task; raises ScenarioError for what no task can be."""
    try:
        task: Any = scenario[index]
        if OURS[type(scenario)]:
            return task  # type: ignore[no-any-return]
        problem = _problem(task)
    except BaseException as error:
        where = f"task {index} of {size_of(scenario)}"
        raise raised(ScenarioError, f"the scenario {name_of(scenario)}", where, error) from error
    if problem:
        raise ScenarioError(f"the scenario {name_of(scenario)} returned {problem}, for task {index}")
    return task  # type: ignore[no-any-return]


def inside(scenario: Scenario, state: DialogueState) -> Scenario:
    """Return the scenario as it reads what is said in ``state``; raises ScenarioError."""
    reads = getattr(scenario, "reading", None)
    if reads is None:
        return scenario
    try:
        found: Scenario = reads(state)
    except BaseException as error:
        raise raised(ScenarioError, f"{name_of(scenario)}.reading", place(state), error) from error
    return found


def reading(scenario: Scenario, text: str, state: DialogueState) -> Extraction:
    """Return the answer that a proposal settles on; raises ScenarioError."""
    try:
        found: Any = scenario.extract(text)
        sound = (
            isinstance(found, Extraction) and _is_text(found.rule) and (found.answer is None or _is_text(found.answer))
        )
    except BaseException as error:
        raise raised(ScenarioError, f"{name_of(scenario)}.extract", place(state), error) from error
    if not sound:
        raise ScenarioError(
            f"{name_of(scenario)}.extract returned {told(found)} for {place(state)}; it must return an Extraction of "
            "a text (or None) and the name of a rule"
        )
    return found  # type: ignore[no-any-return]


def grading(scenario: Scenario, text: str, state: DialogueState) -> Grade:
    """Return the grade of a proposal; raises ScenarioError."""
    try:
        grade: Any = scenario.grade(text, state.task)
    except BaseException as error:
        raise raised(ScenarioError, f"{name_of(scenario)}.grade", place(state), error) from error
    if not isinstance(grade, Grade):
        raise ScenarioError(
            f"{name_of(scenario)}.grade returned {told(grade)} for {place(state)}; it must return a Grade"
        )
    return grade


def same(scenario: Scenario, left: str, right: str, state: DialogueState) -> bool:
    """Return whether two answers are equal; raises ScenarioError."""
    try:
        equal: Any = scenario.same(left, right)
        if getattr(equal, "shape", None) == () and hasattr(equal, "item"):
            equal = equal.item()
    except BaseException as error:
        raise raised(ScenarioError, f"{name_of(scenario)}.same", place(state), error) from error
    if not isinstance(equal, bool):
        raise ScenarioError(
            f"{name_of(scenario)}.same returned {told(equal)} for {place(state)}; it must return True or False"
        )
    return equal


class _Ours(dict[type, bool]):
    """Asked at every reset of an environment."""

    def __missing__(self, kind: type) -> bool:
        self[kind] = ours = kind.__module__.startswith("tracer_env.scenarios.")
        return ours


OURS = _Ours()
"""For a class of scenarios, whether it is of this package and has checked its tasks."""


def _listed(scenario: Scenario, size: int) -> list[Any]:
    """Return the tasks as they come one after another; raises ScenarioError when they are not ``size``."""
    found = []
    try:
        for task in scenario:
            found.append(task)
            if len(found) > size:
                break
    except BaseException as error:
        what = f"the scenario {name_of(scenario)}"
        raise raised(ScenarioError, what, f"task {len(found)} of {size}", error) from error
    if len(found) != size:
        many = "more" if len(found) > size else str(len(found))
        raise ScenarioError(f"the scenario {name_of(scenario)} says it has {size} tasks and gives {many}")
    return found


def _problem(task: Any) -> str:
    """Return what is wrong with a task, in words; an empty text for a sound one."""
    if not isinstance(task, Task):
        return f"{told(task)} where a Task must stand"
    for name in ("id", "question", "answer", "kind", "scenario"):
        value = getattr(task, name)
        if not isinstance(value, str):
            return f"a Task whose {name} is {told(value)}; it must be a text"
        if well_formed(value) != value:
            return f"a Task whose {name} is {told(value)}; half of a surrogate pair in it cannot be written"
    if not task.id or not task.question.strip():
        return f"a Task whose {'question' if task.id else 'id'} is empty"
    level = task.difficulty
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 <= level <= 1:
        return f"a Task whose difficulty is {told(level)}; it must be a number from 0 to 1"
    if not isinstance(task.options, tuple) or not all(_is_text(option) for option in task.options):
        return f"a Task whose options are {told(task.options)}; they must be a tuple of texts"
    return ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and well_formed(value) == value
