"""Splitting trees by task: worlds stay together, halves are alike, nothing is changed on the way."""

from __future__ import annotations

import numpy as np
import pytest

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trees.growth import expand
from tracer_env.trees.split import halves, take_tasks
from tracer_env.types import Task

TASKS = [Task(f"t{i}", "?", str(i), difficulty=(i % 4) / 3) for i in range(9)]


def test_taken_trees_are_those_of_the_tasks_alone() -> None:
    trees = expand(TASKS, "simulated", Rules(max_turns=4), seed=5, worlds=3)
    taken = take_tasks(trees, [7, 2])
    alone = expand([TASKS[7], TASKS[2]], "simulated", Rules(max_turns=4), seed=5, worlds=3)
    assert [task.id for task in taken.tasks] == ["t7", "t2"]
    assert (taken.worlds, taken.rows, taken.texts, taken.speaker) == (3, 6, None, "simulated")
    for level, expected in zip(taken.levels, alone.levels, strict=True):
        for name in set(vars(level)) - {"utterance"}:
            np.testing.assert_array_equal(getattr(level, name), getattr(expected, name), err_msg=name)
    assert taken.evaluate("always").accuracy == alone.evaluate("always").accuracy


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_halves_hold_every_task_once_and_are_equally_hard(seed: int) -> None:
    trees = expand(TASKS, "simulated", Rules(max_turns=2), seed=0)
    first, second = halves(trees, seed)
    assert (len(first), len(second)) == (5, 4)
    assert sorted([*first, *second]) == list(range(9))
    hard = [sum(TASKS[place].difficulty == level for place in first) for level in (0, 1 / 3, 2 / 3, 1)]
    assert hard in ([2, 1, 1, 1], [1, 1, 1, 1], [2, 1, 1, 1])
    assert first.tolist() == halves(trees, seed)[0].tolist() == sorted(first)


def test_one_task_has_no_halves() -> None:
    with pytest.raises(ConfigError, match="two halves need at least two tasks"):
        halves(expand(TASKS[:1], "simulated", Rules(max_turns=2), seed=0))
