"""The tasks of saved dialogue trees: ``recorded:DIR``, to go with the speaker of the same name.

Two splits share no task: which one a task belongs to is decided by a hash of its id, so that neither the order of
the tasks nor a pattern in it matters. ``all`` is both. The seed changes nothing: tasks are as recorded.
"""

from __future__ import annotations

import hashlib

from tracer_env.errors import ConfigError
from tracer_env.recording import SHIPPED
from tracer_env.scenarios.base import TaskList, check_limit, check_split
from tracer_env.tree_files import load_tasks

__all__ = ["SPLITS", "RecordedTasks", "ShippedTasks"]

SPLITS = ("train", "test", "all")


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
        tasks = [task for task in load_tasks(file) if split in ("all", _split(task.id))]
        if not tasks:
            raise ConfigError(f"no task of {name} falls on the split {split!r}; record more tasks, or take split 'all'")
        super().__init__(tasks, name, limit)


class ShippedTasks(RecordedTasks):
    """The tasks of the recording that comes with the package: level-1 arithmetic."""

    def __init__(self, path: str | None = None, split: str = "test", limit: int | None = None, seed: int = 0) -> None:
        super().__init__(str(SHIPPED), path, split, limit, seed)
        self.name = "recorded"


def _split(task_id: str) -> str:
    return SPLITS[hashlib.blake2b(task_id.encode(), digest_size=1).digest()[0] & 1]
