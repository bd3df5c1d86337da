"""Reasoning Gym's generators (arXiv 2505.24760): ``reasoning-gym:chain_sum`` and a hundred more.

A task is graded by its dataset's own ``score_answer``: a score of 1.0 is correct, anything less is wrong. The
answer is what follows the last ``Final answer:``, else the last line; where the gold answer has several lines (a
grid), as many lines are taken. Train and test use seeds that lie far apart; a generator with few questions may still
repeat one of them in both. Train and tune share no question: a task whose question falls on the other side (`splits`)
is drawn again, from a dataset with a seed further on.

Traps: the scorers are third-party code that runs in this process without a clock, and one that raises on
a strange answer counts as wrong. Some evaluate what a model wrote: they are given harmless answers alone
(`harmless`), and others count as wrong.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from tracer_env.errors import ConfigError, MissingExtraError, UnknownNameError
from tracer_env.scenarios.base import Graded, check_limit, check_split
from tracer_env.scenarios.harmless import evaluates, harmless
from tracer_env.scenarios.splits import DIVIDED, TUNE, in_tune
from tracer_env.types import Grade, Task

__all__ = ["SIZES", "ReasoningGym"]

SIZES = {"train": 10_000, "tune": 1_000, "test": 1_000}
_STEP = max(SIZES.values())
# item i of a dataset is seeded by its seed + i, so the steps are wider than any split and its further draws
_STARTS = {"train": 0, "tune": 50 * _STEP, "test": 100 * _STEP}
_DRAWS = 50
_MARKER = re.compile("final answer", re.IGNORECASE)
_SEED_STEP = 200 * _STEP


class ReasoningGym(Graded):
    """Tasks of one Reasoning Gym dataset, made when they are asked for; the extra ``procedural``."""

    def __init__(
        self,
        dataset: str,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        name = f"reasoning-gym:{dataset}"
        if path is not None:
            raise ConfigError(f"{name} makes its own tasks and takes no path, got {path!r}")
        check_split(name, split, tuple(SIZES))
        check_limit(limit)
        super().__init__(name, "text")
        self.split = split
        self._size = min(SIZES[split], limit or SIZES[split])
        self._prefix = f"{name}-{split}"
        self._dataset, self._start = dataset, seed * _SEED_STEP + _STARTS[split]
        self._data = [_create(dataset, self._start, self._size)]
        self._score = self._data[0].score_answer
        self._evaluates = evaluates(self._score)
        self._tasks: dict[int, Task] = {}
        if split == TUNE:
            self[0]  # a generator with too few questions is refused before work starts

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Task]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Task:
        position = range(self._size)[index]
        if position not in self._tasks:
            entry = self._drawn(position)
            answer = "" if entry["answer"] is None else str(entry["answer"])
            task_id = f"{self._prefix}-{position:06d}"
            self._tasks[position] = Task(
                task_id, entry["question"], answer, "text", 0.5, (), self.name, {"entry": entry}
            )
        return self._tasks[position]

    def __repr__(self) -> str:
        return f"ReasoningGym(name={self.name!r}, tasks={len(self)})"

    def _drawn(self, position: int) -> dict[str, Any]:
        """Return the first item at a position whose question falls on the split; ConfigError after 50 draws."""
        for draw in range(_DRAWS):
            if draw == len(self._data):
                self._data.append(_create(self._dataset, self._start + draw * _STEP, self._size))
            entry: dict[str, Any] = self._data[draw][position]
            if self.split not in DIVIDED or in_tune(entry["question"]) is (self.split == TUNE):
                return entry
        raise ConfigError(
            f"{self.name} makes too few different questions for a split {self.split!r} of its own: "
            f"none in {_DRAWS} draws"
        )

    def grade(self, text: str, task: Task) -> Grade:
        """Return CORRECT when the dataset's own scorer gives 1.0, UNPARSABLE when there is no answer."""
        found = self.extract(text)
        if found.answer is None:
            return Grade.UNPARSABLE
        lines = task.answer.count("\n") + 1
        answer = found.answer if lines == 1 else _block(text, found.answer, lines)
        if self._evaluates and not harmless(answer):
            return Grade.WRONG
        try:
            score = self._score(answer=answer, entry=task.metadata["entry"])
        except Exception:  # third-party scorers raise on answers they cannot take in
            return Grade.WRONG
        return Grade.CORRECT if score >= 1.0 else Grade.WRONG


def _create(dataset: str, seed: int, size: int) -> Any:
    try:
        from reasoning_gym.factory import DATASETS, create_dataset
    except ImportError as error:
        raise MissingExtraError(f"scenario 'reasoning-gym:{dataset}'", "reasoning-gym", "procedural") from error
    if dataset not in DATASETS:
        raise UnknownNameError("reasoning-gym dataset", dataset, DATASETS)
    try:
        return create_dataset(dataset, seed=seed, size=size)
    except Exception as error:  # a generator that needs settings, as one that is made of others does
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ConfigError(
            f"reasoning-gym:{dataset} cannot be made without settings of its own (its constructor raised {said}); "
            "choose another dataset"
        ) from error


def _block(text: str, first: str, lines: int) -> str:
    """Return ``lines`` lines from the answer's first line behind the last ``Final answer``, or the last of the text."""
    last = text.rstrip().split("\n")
    marker = deque(_MARKER.finditer(text), maxlen=1)
    stated = text[text.find(first, marker[0].end()) :].rstrip().split("\n") if marker else []
    return "\n".join(stated[:lines] if len(stated) >= lines else last[-lines:])
