"""What all scenarios share: grading by the kind of answer, checked tasks, splits and limits.

    TaskList(tasks, name="mine")      a scenario from tasks you have
    Graded                            the grading half alone, for scenarios that make their tasks on demand

The constructor of every named scenario is ``(path=None, split="test", limit=None, seed=0)`` behind the
argument of its prefix, if it has one. Tasks are checked when the scenario is made: what is wrong is
said with its line or id and its field, before any work starts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

from tracer_env.annotations import Count
from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.intake.bounded import shown
from tracer_env.interfaces import Extraction
from tracer_env.parts.lessons import UNKNOWN
from tracer_env.rules import DialogueState
from tracer_env.scenarios.options import LETTERS
from tracer_env.scenarios.rows import check_encodable
from tracer_env.scenarios.splits import TUNE, TUNE_SHARE, part_of
from tracer_env.settings import require
from tracer_env.types import Grade, Task
from tracer_env.verification.reasoning import check_unread
from tracer_env.verification.verifiers import AnswerVerifier, MathVerifier, verifier_for

__all__ = ["MIXED", "Graded", "TaskList", "check_limit", "check_split", "lettered"]


MIXED = "mixed"
"""The kind of a scenario whose tasks have several kinds of answers."""


class Graded:
    """Reads and grades answers with the verifier of their kind.

    Where tasks have several kinds, `kind` is ``mixed``, and `reading` says of which kind an answer is; `extract` and
    `same` raise ConfigError before that. ``split`` is where the tasks are from, ``unknown`` unless a scenario says it.
    """

    def __init__(self, name: str, *kinds: str) -> None:
        self.name = name
        self.kind = kinds[0] if len(kinds) == 1 else MIXED
        self.split = UNKNOWN
        self._verifiers: dict[str, AnswerVerifier] = {kind: verifier_for(kind) for kind in kinds}
        self._options: tuple[str, ...] = ()

    @property
    def unread(self) -> tuple[str, ...]:
        """The names of the reasoning blocks that are left out of reading; the setting ``scenario.unread``."""
        return next(iter(self._verifiers.values())).unread

    def leaving_out(self, unread: Sequence[str]) -> Self:
        """Return this scenario with other names of reasoning blocks; ConfigError when they are no names."""
        try:
            names = check_unread(unread)
        except ValueError as error:
            raise ConfigError(f"the setting 'unread' of scenario {self.name!r} {error}") from error
        twin = copy.copy(self)
        twin._verifiers = {kind: each.leaving_out(names) for kind, each in self._verifiers.items()}
        return twin

    def reading(self, state: DialogueState) -> Self:
        """Return this scenario as it reads answers to the task of ``state``: of its kind, with its letters."""
        if not state.task.options and self.kind != MIXED:
            return self
        reading = copy.copy(self)
        reading._options = state.task.options
        reading.kind = state.task.kind if self.kind == MIXED else self.kind
        return reading

    def timed(self, math_seconds: float) -> Self:
        """Return this scenario with a clock of ``math_seconds`` of processor time over each comparison of mathematics.

        Raises ConfigError for seconds that no clock can be set to, and for answers of another kind.
        """
        if "math" not in self._verifiers:
            raise ConfigError(
                f"scenario {self.name!r} has answers of kind {self.kind!r}, which need no clock; "
                "leave the setting 'math_seconds' out"
            )
        twin = copy.copy(self)
        twin._verifiers = {**self._verifiers, "math": MathVerifier(self.unread, math_seconds)}
        return twin

    def extract(self, text: str) -> Extraction:
        return self._verifier.extract(text, self._options)

    @property
    def _verifier(self) -> AnswerVerifier:
        if self.kind not in self._verifiers:
            raise ConfigError(f"scenario {self.name!r} has answers of several kinds; ask reading(state) of one task")
        return self._verifiers[self.kind]

    def grade(self, text: str, task: Task) -> Grade:
        verifier = self._verifiers.get(task.kind) or self._verifier
        return verifier.grade(text, task.answer, task.options)

    def same(self, left: str, right: str) -> bool:
        return self._verifier.same(left, right)


class TaskList(Graded):
    """A scenario made of given tasks, of one kind of answer or several.

    Raises ConfigError when there is no task or ``limit`` is below 1, and DataError
    for a task with an empty or repeated id, an empty question, a text that cannot be encoded, or a gold answer that
    cannot be read or names no option.
    ``where`` names the place of each task in its source for those messages (``file.jsonl line 3``).
    ``split`` says where the tasks are from. Of those of a train split, ``train`` and ``tune`` keep their part each
    (`splits`), after all have been checked and before ``limit`` counts; ConfigError when nothing is kept for ``tune``.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        name: str = "tasks",
        limit: int | None = None,
        where: Sequence[str] = (),
        split: str = UNKNOWN,
    ) -> None:
        if not tasks:
            raise ConfigError(f"scenario {name!r} needs at least one task")
        super().__init__(name, *dict.fromkeys(task.kind for task in tasks))
        check_limit(limit)
        self._check(tasks, where)
        self.split = split
        self._tasks = tuple(_hashable(task) for task in _taken(tasks, name, split)[:limit])

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    def __getitem__(self, index: int) -> Task:
        return self._tasks[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, tasks={len(self)}, kind={self.kind!r})"

    def _check(self, tasks: Sequence[Task], where: Sequence[str]) -> None:
        seen: dict[str, str] = {}
        for number, task in enumerate(tasks):
            place = where[number] if where else f"{self.name}: task {number + 1} (id {task.id!r})"
            _check_fields(task, place)
            if task.id in seen:
                raise DataError(f"{place}: the field 'id' repeats {task.id!r} of {seen[task.id]}")
            seen[task.id] = place
            self._check_gold(task, place)

    def _check_gold(self, task: Task, place: str) -> None:
        """Raise DataError unless the gold answer is wholly one of its kind, and the letter of an option of its own."""
        if refusal := self._verifiers[task.kind].refusal(task):
            raise DataError(f"{place}: {refusal}")


def _taken(tasks: Sequence[Task], name: str, split: str) -> Sequence[Task]:
    """Return the tasks that are in ``split``; ConfigError for none."""
    if found := part_of(tasks, split):
        return found
    raise ConfigError(
        f"none of the {len(tasks)} training tasks of scenario {name!r} is kept for the split {split!r} "
        f"({TUNE_SHARE:.0%} of the questions, by their hash); give it more tasks"
    )


def _hashable(task: Task) -> Task:
    return task if type(task.options) is tuple else replace(task, options=tuple(task.options))


def _check_fields(task: Task, place: str) -> None:
    """Raise DataError for a field of a task that is not what every task has."""
    texts = {"id": task.id, "question": task.question, "answer": task.answer}
    for field, value in texts.items():
        if not isinstance(value, str):
            raise DataError(f"{place}: the field {field!r} must be text, got {type(value).__name__}")
        if field != "answer" and not value.strip():
            raise DataError(f"{place}: the field {field!r} is empty")
    options = task.options
    if not isinstance(options, list | tuple) or not all(isinstance(each, str) and each.strip() for each in options):
        raise DataError(f"{place}: the field 'options' must be a list of texts, got {shown(options)}")
    if len(options) > len(LETTERS):
        raise DataError(f"{place}: the field 'options' holds {len(options)} texts; at most {len(LETTERS)} have letters")
    level = task.difficulty
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 <= level <= 1:
        raise DataError(f"{place}: the field 'difficulty' must be a number from 0 to 1, got {level!r}")
    check_encodable(place, [*texts.items(), ("options", task.options), ("metadata", task.metadata)])


def check_limit(limit: int | None) -> None:
    """Raise ConfigError unless ``limit`` is None or a whole number of at least 1."""
    require("", Count | None, limit=limit)


def check_split(scenario: str, split: str, known: Sequence[str]) -> None:
    """Raise ConfigError unless ``scenario`` has a split of that name."""
    if split == TUNE and TUNE not in known:
        raise ConfigError(
            f"scenario {scenario!r} has no split {split!r}: there is no train split to take it out of; "
            f"choose one of: {', '.join(known)}"
        )
    if split not in known:
        raise ConfigError(f"scenario {scenario!r} has no split {split!r}{did_you_mean(split, known)}")


def lettered(question: str, options: Sequence[str]) -> str:
    """Return the question with its options below it, ``A) ...`` a line."""
    lines = [f"{letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return "\n".join([question, "", *lines])
