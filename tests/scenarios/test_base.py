from dataclasses import replace

import pytest

from tracer_env.errors import ConfigError, DataError
from tracer_env.interfaces import Scenario
from tracer_env.rules import Rules, initial
from tracer_env.scenarios.base import TaskList, lettered
from tracer_env.types import Grade, Task

SUM = Task("sum", "What is 9 * 2?", "18")
HALF = Task("half", "What is half of one?", "1/2")


def test_a_list_of_tasks_is_a_scenario() -> None:
    scenario = TaskList([SUM, HALF], name="mine")
    assert isinstance(scenario, Scenario)
    assert (scenario.name, len(scenario), list(scenario), scenario[1]) == ("mine", 2, [SUM, HALF], HALF)
    assert scenario.grade("Final answer: 0.5", HALF) is Grade.CORRECT
    assert scenario.extract("#### 3").rule == "hashes"
    assert scenario.same("0.5", "1/2")
    assert repr(scenario) == "TaskList(name='mine', tasks=2, kind='number')"


def test_the_limit_cuts() -> None:
    assert list(TaskList([SUM, HALF], limit=1)) == [SUM]
    assert len(TaskList([SUM, HALF], limit=9)) == 2
    with pytest.raises(ConfigError, match="limit must be at least 1, got 0"):
        TaskList([SUM], limit=0)


def test_no_tasks_are_refused() -> None:
    with pytest.raises(ConfigError, match="needs at least one task"):
        TaskList([])


def test_several_kinds_are_read_task_by_task() -> None:
    metal = Task("metal", "Which?\n\nA) iron\nB) tin", "B", "choice", 0.5, ("iron", "tin"))
    scenario = TaskList([SUM, metal, Task("city", "Where?", "Paris", "text")])
    assert (scenario.kind, len(scenario)) == ("mixed", 3)
    for said, task in zip(("18", "(b)", "paris"), scenario, strict=True):
        assert scenario.grade(f"Final answer: {said}", task) is Grade.CORRECT
    assert scenario.grade("Final answer: A", metal) is Grade.WRONG
    for task, said, answer in ((SUM, "18.0", "18"), (metal, "tin", None), (metal, "B) tin", "B")):
        assert scenario.reading(initial(task, Rules())).extract(f"Final answer: {said}").answer == (answer or "B")
    assert scenario.reading(initial(SUM, Rules())).same("18", "18.0")
    assert not scenario.reading(initial(scenario[2], Rules())).same("18", "18.0")
    with pytest.raises(ConfigError, match=r"answers of several kinds; ask reading\(state\)"):
        scenario.extract("Final answer: 18")
    left_out = scenario.leaving_out(["notes"])
    assert left_out.unread == ("notes",)
    assert left_out.reading(initial(SUM, Rules())).unread == ("notes",)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (replace(HALF, id=""), r"task 2 \(id ''\): the field 'id' is empty"),
        (replace(HALF, id="sum"), r"task 2 \(id 'sum'\): the field 'id' repeats 'sum' of tasks: task 1"),
        (replace(HALF, question=" "), r"task 2 \(id 'half'\): the field 'question' is empty"),
        (replace(HALF, question=3), "task 2 .*: the field 'question' must be text, got int"),
        (replace(HALF, answer=0.5), "task 2 .*: the field 'answer' must be text, got float"),
        (replace(HALF, question="What \ud800?"), "the field 'question' holds half of a surrogate pair"),
        (replace(HALF, metadata={"by": ["\udfff"]}), "the field 'metadata' holds half of a surrogate pair"),
        (replace(HALF, difficulty=float("nan")), "the field 'difficulty' must be a number from 0 to 1, got nan"),
        (replace(HALF, options=("a", None)), r"the field 'options' must be a list of texts, got \('a', None\)"),
        (replace(HALF, options="ab"), "the field 'options' must be a list of texts, got 'ab'"),
        (replace(HALF, options=tuple("abcdefghijk")), "the field 'options' holds 11 texts; at most 10 have letters"),
        (replace(HALF, difficulty=True), "the field 'difficulty' must be a number from 0 to 1, got True"),
        (replace(HALF, answer="some"), r"the field 'answer' holds 'some', which is no answer of kind 'number'"),
    ],
)
def test_a_bad_task_is_named_with_its_field(task: Task, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TaskList([SUM, task])


def test_options_are_lettered() -> None:
    assert lettered("Which?", ["iron", "tin"]) == "Which?\n\nA) iron\nB) tin"


def test_the_gold_letter_is_one_of_the_options() -> None:
    task = Task("metal", "Which?", "B", "choice", options=("iron", "tin"))
    assert TaskList([task])[0] == task
    assert len(TaskList([replace(task, options=(), answer="D")])) == 1  # its options may stand in the question
    with pytest.raises(DataError, match="the field 'answer' is D, but there are 2 options, A to B"):
        TaskList([replace(task, answer="D")])
