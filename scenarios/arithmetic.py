"""Arithmetic word problems, made on demand: no file, no network, the same bytes for the same seed.

    level 1   one sum below 40                                   difficulty 0.1
    level 2   one or two steps of adding and taking away         difficulty 0.3
    level 3   a product and a sum                                difficulty 0.5
    level 4   two products, or shares that come out even         difficulty 0.7
    level 5   several steps with products and percentages        difficulty 0.9

Task i of a split is a pure function of (seed, split, level, i). The splits share no question,
whatever the seeds: questions whose blake2b hash is odd belong to ``test``, of the even ones a fifth to ``tune``
(`splits`) and the others to ``train``, and a task draws again until its question falls on its side. Inside a split a
question may come twice, most easily at level 1. Gold answers hold by construction and are whole numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tracer_env.errors import ConfigError
from tracer_env.randomness import stream
from tracer_env.scenarios.base import Graded, check_limit, check_split
from tracer_env.scenarios.splits import TRAIN, TUNE, in_tune
from tracer_env.scenarios.word_problems import LEVELS, Dice
from tracer_env.types import Task

__all__ = ["SIZES", "Arithmetic"]

SIZES = {"train": 10_000, "tune": 1_000, "test": 1_000}
"""How many tasks a split has unless ``size`` says otherwise."""


class Arithmetic(Graded):
    """Our own procedural word problems. ``level`` fixes the difficulty (1 to 5); by default levels take turns."""

    def __init__(
        self,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        level: int | None = None,
        size: int | None = None,
    ) -> None:
        if path is not None:
            raise ConfigError(
                f"arithmetic makes its own tasks and takes no path, got {path!r}; for a file use jsonl:PATH"
            )
        check_split("arithmetic", split, tuple(SIZES))
        check_limit(limit)
        if level is not None and level not in LEVELS:
            raise ConfigError(f"level must be one of {', '.join(map(str, LEVELS))}, got {level!r}")
        if size is not None and size < 1:
            raise ConfigError(f"size must be at least 1, got {size}")
        super().__init__("arithmetic", "number")
        self.split, self.seed, self.level = split, seed, level
        self._tasks: list[Task | None] = [None] * min(size or SIZES[split], limit or size or SIZES[split])

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Task:
        task = self._tasks[index]
        if task is None:
            position = index if index >= 0 else index + len(self._tasks)
            task = self._tasks[position] = self._make(position)
        return task

    def __repr__(self) -> str:
        return f"Arithmetic(split={self.split!r}, tasks={len(self)}, seed={self.seed}, level={self.level})"

    def _make(self, index: int) -> Task:
        level = self.level or 1 + index % len(LEVELS)
        family = "arithmetic" if self.level is None else f"arithmetic-level{level}"
        task_id = f"{family}-{self.split}-{index:06d}"
        noise = stream(self.seed, task_id)
        problems, attempt = LEVELS[level], 0
        while True:
            dice = Dice(noise, attempt)
            question, answer = dice.pick(problems)(dice)
            if _side(question) == self.split:
                break
            attempt += 1
        difficulty = (2 * level - 1) / 10
        return Task(task_id, question, str(answer), "number", difficulty, (), self.name, {"level": level})


def _side(question: str) -> str:
    if hashlib.blake2b(question.encode(), digest_size=1).digest()[0] & 1:
        return "test"
    return TUNE if in_tune(question) else TRAIN
