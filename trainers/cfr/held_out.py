"""What a table that was solved on trees comes to on tasks that it was not solved on: the figures that may be reported.

    lessons, tests = divided(trees)         trees of the train split teach whole; others are divided
    judged(policy, tests, "cfr_plus")       accuracy and tokens on the tests, beside fixed baselines

The rule of division: the questions in the order of their marks (`lessons.mark_of`, a SHA-256); the first half, rounded
up, teaches, the rest is held out. A question that stands there twice goes to one side, so none is on both. Everything
is exact on the trees; what ± tells is half of a 95% interval (Student's) of the mean over held-out tasks, and
differences are paired by task. Keys that the lessons never met get P(SPEAK) = 1/2, as an untrained row has it, and
are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Information
from tracer_env.parts.lessons import Lessons, mark_of
from tracer_env.statistics.expected import scored
from tracer_env.statistics.means import half_width
from tracer_env.trees.split import take_tasks
from tracer_env.trees.tree import DialogueTrees

__all__ = ["BASELINES", "RULE", "check_apart", "divided", "judged"]

BASELINES = ("until_approved", "never", "always")
"""What a trained table stands beside; differences are to the first."""
RULE = "half of the questions, by the order of their SHA-256"
_WHOLE = "train"


def divided(trees: DialogueTrees) -> tuple[DialogueTrees, DialogueTrees | None]:
    """Return the trees to learn from, and those to be judged on; None where all are of the train split.

    Raises ConfigError for a single question that is not of the train split.
    """
    if trees.split == _WHOLE:
        return trees, None
    marks = [mark_of(task) for task in trees.tasks]
    order = sorted(set(marks))
    if len(order) < 2:
        raise ConfigError(
            f"these trees hold one question of the split {trees.split!r}, of which nothing can be held out; grow trees "
            "of more tasks, or of the train split (expand --split train)"
        )
    taught = set(order[: (len(order) + 1) // 2])
    places = ([place for place, mark in enumerate(marks) if (mark in taught) is side] for side in (True, False))
    lessons, tests = (take_tasks(trees, some) for some in places)
    return lessons, tests


def check_apart(lessons: DialogueTrees, tests: DialogueTrees) -> None:
    """Raise ConfigError when a task is in both, and when the trees were grown under different rules."""
    if shared := Lessons.of(lessons.tasks, lessons.split).among(tests.tasks):
        raise ConfigError(
            f"{shared} of the {len(tests.tasks)} held-out tasks are among those to be trained on; hold out others"
        )
    if lessons.rules != tests.rules:
        raise ConfigError("the held-out trees were grown under other rules; grow both under the same")


def judged(
    policy: Mapping[str, float] | Controller,
    tests: DialogueTrees,
    method: str,
    information: str | Information = "vote_and_time",
) -> dict[str, Any]:
    """Return what ``policy`` and the baselines come to on held-out trees, as plain data; the policy's row is first."""
    keys, table = tests.keys(information).names, policy if isinstance(policy, Mapping) else None
    reference = tests.evaluate(BASELINES[0], information)
    rows = []
    for name in (method, *BASELINES):
        mine = policy if table is None else {key: table.get(key, 0.5) for key in keys}
        found = tests.evaluate(mine if name == method else name, information)
        right, tokens = found.by_task("accuracy"), found.by_task("tokens_per_task")
        gain = right - reference.by_task("accuracy")
        rows.append(
            {
                "controller": name,
                **scored(right, tokens, tests.worlds),
                "difference": None if name == BASELINES[0] else float(gain.mean()),
                "difference_half_width": None if name == BASELINES[0] else half_width(gain),
            }
        )
    return {
        "split": tests.split,
        "tasks": len(tests.tasks),
        "worlds": tests.worlds,
        "unseen_keys": 0 if table is None else sum(key not in table for key in keys),
        "rows": rows,
    }
