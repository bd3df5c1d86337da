"""The tasks of saved dialogue trees: ``recorded:DIR``, to go with the speaker of the same name.

Splits share no task: which one a task belongs to is decided by a hash of its id, so that neither the order of
the tasks nor a pattern in it matters; a question that would train and stands under another id in the test as well is
in neither. Of what would train, a fifth of the questions are ``tune`` (`splits`). ``all`` is every task.
The seed changes nothing: tasks are as recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tracer_env.errors import ConfigError
from tracer_env.parts.lessons import mark_of
from tracer_env.scenarios.base import TaskList, check_limit, check_split
from tracer_env.scenarios.splits import DIVIDED, TRAIN, TUNE, in_tune
from tracer_env.trees.files import load_tasks
from tracer_env.trees.shipped import RECORDINGS
from tracer_env.types import Task

__all__ = ["SPLITS", "RecordedTasks", "ShippedSmolLM2Tasks", "ShippedTasks"]

SPLITS = ("train", "tune", "test", "all")


class RecordedTasks(TaskList):
    """The tasks of the folder ``file`` that fall on ``split``, in recorded order.

    Raises RunFolderError or DataError for a folder that cannot be read, ConfigError for an empty split.
    """

    def __init__(
        self, file: str, path: str | None = None, split: str = "test", limit: int | None = None, seed: int = 0
    ) -> None:
        name = f"recorded:{file}"
        if path is not None:
            raise ConfigError(f"{name} names its folder already; leave out the path option {path!r}")
        check_split(name, split, SPLITS)
        check_limit(limit)
        tasks = [task for task, side in _sides(load_tasks(file)) if split in ("all", side)]
        if not tasks:
            raise ConfigError(f"no task of {name} falls on the split {split!r}; record more tasks, or take split 'all'")
        super().__init__(tasks, name, limit)
        self.split = split


class ShippedTasks(RecordedTasks):
    """The tasks of the recording of nano that comes with the package: level-1 arithmetic."""

    shipped = "recorded"

    def __init__(self, path: str | None = None, split: str = "test", limit: int | None = None, seed: int = 0) -> None:
        super().__init__(str(RECORDINGS[self.shipped]), path, split, limit, seed)
        self.name = self.shipped


class ShippedSmolLM2Tasks(ShippedTasks):
    """The tasks of the recording of SmolLM2 that comes with the package: level-1 arithmetic."""

    shipped = "recorded-smollm2"


def _sides(tasks: Iterable[Task]) -> list[tuple[Task, str]]:
    """Say for each task which split it is in: none (``both``) where it would train and its like is tested."""
    sides = [(task, _split(task)) for task in tasks]
    tested = {mark_of(task) for task, side in sides if side == "test"}
    return [(task, "both" if side in DIVIDED and mark_of(task) in tested else side) for task, side in sides]


def _split(task: Task) -> str:
    if hashlib.blake2b(task.id.encode(), digest_size=1).digest()[0] & 1:
        return "test"
    return TUNE if in_tune(task.question, of="recorded") else TRAIN
