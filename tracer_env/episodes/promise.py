"""What a run promises, and how much of it is there: each task in each world by each method, exactly once.

A `Promise` numbers these: episode e plays task e mod n in world e div n, and place e * M + m is that of method m in
it. So a transcript has one place, or it is foreign (another method, seed, world, task, or a number that does not fit).
A `Ledger` takes the transcripts of a file, one at a time, and tells which places are filled, doubled and missing.
Progress is what stands in the file under its name, never how many lines there are.

All episodes of a task must tell the same task; where only a digest of all tasks was recorded, the ledger computes it
from the episodes, which stand in order in an undisturbed file.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import RunFolderError
from tracer_env.intake.bounded import shown
from tracer_env.parts.worlds import played_in
from tracer_env.types import Task

__all__ = ["Ledger", "Promise", "TasksDigest"]

_NAMED = 3  # of many are named in a message


class TasksDigest:
    """A digest of tasks in order: ids, questions and answers."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        self._digest = hashlib.sha256()
        for task in tasks:
            self.add(task)

    def add(self, task: Task) -> None:
        """Take one more task in."""
        self._digest.update(json.dumps([task.id, task.question, task.answer]).encode())

    def __str__(self) -> str:
        return self._digest.hexdigest()[:16]


@dataclass(frozen=True)
class Promise:
    """What was asked for. ``ids`` are the tasks in order, None where only their number is known."""

    methods: tuple[str, ...]
    worlds: int
    seed: int
    tasks: int
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.size >= 1 << 62:
            raise RunFolderError(
                f"{self.tasks} tasks in {self.worlds} worlds by {len(self.methods)} methods are more episodes than can "
                "be counted; ask for fewer evaluation.worlds"
            )

    @property
    def size(self) -> int:
        """How many episodes are promised."""
        return self.tasks * self.worlds * len(self.methods)

    def foreign(self, told: Transcript) -> str:
        """Return why an episode is none of this run's, in words; an empty text when it is one."""
        if told.method not in self.methods:
            return f"method {shown(told.method)} is none of the run's"
        if told.seed != self.seed:
            return f"seed {told.seed} is not the run's {self.seed}"
        if told.world >= self.worlds:
            return f"world {told.world} is none of the run's {self.worlds}"
        world, number = played_in(told.episode, self.tasks)
        if told.episode >= self.tasks * self.worlds or world != told.world:
            return f"episode {told.episode} does not lie in world {told.world} of {self.tasks} tasks"
        if self.ids is not None and self.ids[number] != told.task.id:
            return f"task {shown(told.task.id)} is not the run's number {number}"
        return ""

    def place(self, told: Transcript) -> int:
        """Return the place of an episode that is not foreign."""
        return told.episode * len(self.methods) + self.methods.index(told.method)

    def named(self, place: int) -> str:
        """Name a place: its task, world and method."""
        episode, method = divmod(place, len(self.methods))
        world, number = played_in(episode, self.tasks)
        task = shown(self.ids[number]) if self.ids is not None else f"number {number}"
        return f"task {task} in world {world} by {self.methods[method]}"


class Ledger:
    """The places of the episodes of a file, in file order; some thirty bytes an episode."""

    def __init__(self, promise: Promise) -> None:
        self.promise = promise
        self._places, self._offsets = array("q"), array("q")
        self._foreign: list[str] = []
        self.foreign = self.retold = 0
        self._retold: list[str] = []
        self._told: dict[int, bytes] = {}  # of each task number, a digest of what is told of it
        self._newest: tuple[int, Task] | None = None  # the number and task that were looked at last
        self._digest, self._next = TasksDigest(), 0

    def add(self, told: Transcript, offset: int, line: int) -> str:
        """Enter an episode; return why it is foreign, an empty text when it is not."""
        why = self.promise.foreign(told)
        if why:
            self.foreign += 1
            if len(self._foreign) < _NAMED:
                self._foreign.append(f"line {line}: {why}")
            return why
        self._check_task(told.task, told.episode % self.promise.tasks, line)
        if told.episode == self._next < self.promise.tasks:
            self._digest.add(told.task)
            self._next += 1
        self._places.append(self.promise.place(told))
        self._offsets.append(offset)
        return ""

    @property
    def places(self) -> NDArray[np.int64]:
        """The places in file order, shape (N,)."""
        return np.array(self._places, dtype=np.int64)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where their lines begin, shape (N,)."""
        return np.array(self._offsets, dtype=np.int64)

    @property
    def in_order(self) -> bool:
        """Whether they stand as an undisturbed run writes them."""
        return bool(np.all(np.diff(self.places) > 0))

    @property
    def tasks_digest(self) -> str | None:
        """The digest of all tasks, None when they do not all stand in order."""
        return str(self._digest) if self._next == self.promise.tasks else None

    def complete(self) -> set[int]:
        """Return the numbers of the episodes that every method has played."""
        size = len(self.promise.methods)
        numbers, found = np.unique(np.unique(self.places) // size, return_counts=True)
        return set(numbers[found == size].tolist())

    def doubled(self) -> list[int]:
        """Return the places that more than one episode fills."""
        places, times = np.unique(self.places, return_counts=True)
        found: list[int] = places[times > 1].tolist()
        return found

    def missing(self) -> Iterator[int]:
        """Yield the places that nothing fills."""
        before = -1
        for place in (*np.unique(self.places).tolist(), self.promise.size):
            yield from range(before + 1, place)
            before = place

    def problems(self) -> list[str]:
        """Return what is missing, doubled and foreign, in words; nothing when every place is filled once."""
        told, absent = [], self.promise.size - len(np.unique(self.places))
        if absent:
            some = (place for place, _ in zip(self.missing(), range(_NAMED), strict=False))
            told.append(f"{absent} of {self.promise.size} episodes are missing ({self._some(some, absent)})")
        doubled = self.doubled()
        if doubled:
            told.append(f"{len(doubled)} stand more than once ({self._some(doubled[:_NAMED], len(doubled))})")
        if self.foreign:
            more = ", ..." if self.foreign > len(self._foreign) else ""
            told.append(f"{self.foreign} are foreign ({'; '.join(self._foreign)}{more})")
        if self.retold:
            more = ", ..." if self.retold > len(self._retold) else ""
            told.append(f"{self.retold} tell their task otherwise than others do ({'; '.join(self._retold)}{more})")
        return told

    def _some(self, places: Iterable[int], of: int) -> str:
        names: Sequence[str] = [self.promise.named(place) for place in places]
        return "; ".join(names) + (", ..." if of > len(names) else "")

    def _check_task(self, task: Task, number: int, line: int) -> None:
        if self._newest is not None and self._newest[0] == number and self._newest[1] == task:
            return
        parts = json.dumps([task.id, task.question, task.answer, task.kind, task.difficulty, task.scenario])
        mine = hashlib.blake2b(parts.encode(), digest_size=8).digest()
        if self._told.setdefault(number, mine) != mine:
            self.retold += 1
            if len(self._retold) < _NAMED:
                self._retold.append(f"line {line}: {shown(task.id)}")
        else:
            self._newest = (number, task)
