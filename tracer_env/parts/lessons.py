"""Which tasks a table was trained on, so that nobody is judged by what he was taught.

    mark_of(task)             12 hexadecimal digits of the SHA-256 of question, options and gold answer
    Lessons.of(tasks, split)  the marks of all tasks of a training, and the split that they came from
    lessons.among(tasks)      how many of these tasks were taught
    tasks_digest(tasks)       16 digits for a whole list: ids, questions and answers in order

A task is known by what it asks, not by its id: files of two splits may count from 0 both, and one question may stand
under two ids. Two of ten thousand questions have the same mark by chance once in millions of trainings. Trees and
controllers' files carry lessons on; those of before have none, and nothing is known of what they were taught.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.intake.bounded import MEBIBYTE, shown
from tracer_env.intake.checked import Misfit, line, record, text
from tracer_env.types import Task

__all__ = ["UNKNOWN", "Lessons", "mark_of", "read_lessons", "split_of", "tasks_digest"]

UNKNOWN = "unknown"
"""The split of tasks that do not say where they are from."""
_DIGITS, _HEX, _LONGEST = 12, frozenset("0123456789abcdef"), 200


def mark_of(task: Task) -> str:
    """Return what a task is known by."""
    asked = json.dumps([task.question, list(task.options), task.answer])
    return hashlib.sha256(asked.encode()).hexdigest()[:_DIGITS]


def split_of(scenario: Any) -> str:
    """Return the split that a scenario says its tasks are from; raises ConfigError for what is no name of one."""
    split = getattr(scenario, "split", UNKNOWN)
    if not isinstance(split, str) or not split.isprintable() or not 0 < len(split) <= _LONGEST:
        raise ConfigError(
            f"the scenario's split is {shown(split)}; it must be a name of at most {_LONGEST} characters on one line"
        )
    return split


def tasks_digest(tasks: Iterable[Task]) -> str:
    """Return a digest of tasks in order: ids, questions and answers."""
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(json.dumps([task.id, task.question, task.answer]).encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Lessons:
    """The marks of the tasks that something was trained on; of several splits when ``split`` joins them by ``+``."""

    split: str = UNKNOWN
    marks: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tasks: Iterable[Task], split: str) -> Lessons:
        """Mark all of these tasks."""
        return cls(split, frozenset(map(mark_of, tasks)))

    def __or__(self, other: Lessons) -> Lessons:
        """Return the lessons of both."""
        if not self.marks or not other.marks:
            return self if self.marks else other
        splits = sorted({*self.split.split("+"), *other.split.split("+")})
        return Lessons("+".join(splits), self.marks | other.marks)

    def among(self, tasks: Iterable[Task]) -> int:
        """Return how many of ``tasks`` were taught."""
        return sum(mark_of(task) in self.marks for task in tasks) if self.marks else 0

    def to_data(self) -> dict[str, Any] | None:
        """Return them as plain data: the marks in order, in one text; None where nothing is known."""
        return {"split": self.split, "marks": "".join(sorted(self.marks))} if self.marks else None


def _marks(value: Any) -> frozenset[str]:
    joined = text(64 * MEBIBYTE)(value)
    if not joined or len(joined) % _DIGITS or not _HEX.issuperset(joined):
        raise Misfit(f"is {shown(joined)}; it must be marks of {_DIGITS} hexadecimal digits each")
    return frozenset(joined[place : place + _DIGITS] for place in range(0, len(joined), _DIGITS))


_DATA = record({"split": line(1000), "marks": _marks})


def read_lessons(value: Any) -> Lessons:
    """Read what `Lessons.to_data` wrote, as a reader of `checked`."""
    return Lessons() if value is None else Lessons(**_DATA(value))
