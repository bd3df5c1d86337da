"""Finding one episode among many: where each line of ``episodes.jsonl`` begins, kept beside it.

    index = open_index(path)            read from ``index``, or made from the episodes
    index.read(place)                   the episode there, read and checked like any other

An index is nothing but a shortcut. It hangs on the episodes alone (the same ones, the same bytes), is made
again when it is missing, damaged, older than the episodes or of other ones, and is believed only as far as the line
that stands where it points: that line must be the episode that it names. A file that is read in a moment gets none,
and a folder that takes none goes without.

    one line of JSON: schema, size, lines, probe (the first and last bytes of the episodes), digest of the rest, methods
    offsets, episodes, worlds  int64, methods, tasks  int32, little-endian; the task ids as JSON
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from array import array
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from tracer_env.episodes.compact import is_compact
from tracer_env.episodes.lines import raw_lines
from tracer_env.episodes.promise import Promise
from tracer_env.episodes.transcript import Transcript, transcript_at
from tracer_env.errors import DataError, TracerEnvError
from tracer_env.intake.bounded import shown_path
from tracer_env.storage.files import write_bytes

__all__ = ["NAME", "Index", "Moved", "index_of", "keep_index", "open_index"]

NAME = "episodes.index"
SMALL = 1 << 20
"""Episodes of fewer bytes are scanned as quickly as their index is read."""

_PROBE = 1 << 16
_KINDS = ("<i8", "<i8", "<i8", "<i4", "<i4")
_WIDTH = sum(np.dtype(kind).itemsize for kind in _KINDS)
Count = Annotated[int, Meta(ge=0, le=1 << 53)]


class Moved(DataError):
    """The line that an index points to is not the episode it names."""


class _Id(Struct, gc=False):
    id: str


class _Head(Struct, gc=False):
    """What tells one line from the others; the rest is not looked at."""

    episode: Count
    method: str
    task: _Id
    world: Count


class _CompactId(Struct, array_like=True, gc=False):
    id: str


class _CompactHead(Struct, array_like=True, gc=False):
    """The same of a line of the compact form."""

    schema: Literal[3]
    episode: Count
    world: Count
    method: str
    task: _CompactId


class _Header(Struct, forbid_unknown_fields=True):
    schema: int
    size: Count
    lines: Count
    probe: str
    digest: str
    methods: list[str]


_head = msgspec.json.Decoder(_Head).decode
_compact_head = msgspec.json.Decoder(_CompactHead).decode


@dataclass(frozen=True, eq=False)
class Index:
    """N episodes in file order; every array has shape (N,)."""

    path: Path  # of the episodes
    method_names: tuple[str, ...]  # in order of first appearance
    task_ids: tuple[str, ...]  # likewise
    offsets: NDArray[np.int64]
    episodes: NDArray[np.int64]
    worlds: NDArray[np.int64]
    methods: NDArray[np.int32]  # numbers in method_names
    tasks: NDArray[np.int32]  # numbers in task_ids

    def __len__(self) -> int:
        return len(self.offsets)

    def task_id(self, place: int) -> str:
        """Return the id of the task of an episode, which is not read for it."""
        return self.task_ids[int(self.tasks[place])]

    def read(self, place: int) -> Transcript:
        """Read one episode; raises `Moved` when another line stands there, DataError when it is damaged."""
        named = (self.episodes[place], self.method_names[self.methods[place]], self.task_id(place), self.worlds[place])
        try:
            told = transcript_at(self.path, int(self.offsets[place]))
        except DataError as error:
            raise Moved(f"{shown_path(self.path)}, line {place + 1}: {error}") from error
        if (told.episode, told.method, told.task.id, told.world) != named:
            raise Moved(f"{shown_path(self.path)} has changed while it was read; run the command again")
        return told


def open_index(path: Path, *, anew: bool = False) -> Index:
    """Return the index of a file of episodes, the kept one where it fits, else (or ``anew``) a new one, which is kept.

    Raises DataError when the episodes cannot be read.
    """
    kept = None if anew else _load(path)
    if kept is not None:
        return kept
    made = index_of(path)
    _keep(made)
    return made


def keep_index(path: Path, promise: Promise, places: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
    """Keep the index of episodes of which it is known where each stands (`Ledger`), unless one that fits is there.

    ``places`` and ``offsets`` have shape (N,); all places of the promise are filled, in order.
    """
    if promise.ids is None or _load(path) is not None:
        return
    episodes, methods = np.divmod(places, len(promise.methods))
    worlds, tasks = np.divmod(episodes, promise.tasks)
    numbers = (methods.astype(np.int32), tasks.astype(np.int32))
    _keep(Index(path, promise.methods, promise.ids, offsets, episodes, worlds, *numbers))


def _keep(made: Index) -> None:
    with suppress(OSError, TracerEnvError):  # a folder that takes none, or a link there: a shortcut is not needed
        if os.path.getsize(made.path) >= SMALL:
            write_bytes(made.path.with_name(NAME), _packed(made), inside=made.path.parent)


def index_of(path: Path) -> Index:
    """Make an index from the episodes; raises DataError for a line that names no episode."""
    columns = [array("q"), array("q"), array("q"), array("i"), array("i")]
    methods: dict[str, int] = {}
    tasks: dict[str, int] = {}
    for number, offset, line in raw_lines(path):
        try:
            head = _compact_head(line) if is_compact(line) else _head(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            _refuse(path, number, line, error)
        method = methods.setdefault(head.method, len(methods))
        task = tasks.setdefault(head.task.id, len(tasks))
        for column, value in zip(columns, (offset, head.episode, head.world, method, task), strict=True):
            column.append(value)
    arrays: list[NDArray[Any]] = [np.array(column, dtype=kind) for column, kind in zip(columns, _KINDS, strict=True)]
    return Index(path, tuple(methods), tuple(tasks), *arrays)


def _refuse(path: Path, number: int, line: bytes, error: Exception) -> None:
    where = f"{shown_path(path)}, line {number}"
    try:
        Transcript.from_json(line)
    except DataError as full:
        raise DataError(f"{where}: {full}") from error
    raise DataError(f"{where}: not a transcript") from error


def _probe(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_PROBE))
        file.seek(max(0, size - _PROBE))
        digest.update(file.read(_PROBE))
    return digest.hexdigest()


def _packed(index: Index) -> bytes:
    columns: list[NDArray[Any]] = [index.offsets, index.episodes, index.worlds, index.methods, index.tasks]
    body = b"".join(column.astype(kind).tobytes() for column, kind in zip(columns, _KINDS, strict=True))
    body += json.dumps(list(index.task_ids)).encode()
    size = index.path.stat().st_size
    header = _Header(1, size, len(index), _probe(index.path, size), hashlib.sha256(body).hexdigest(),
                     list(index.method_names))  # fmt: skip
    return msgspec.json.encode(header) + b"\n" + body


def _load(path: Path) -> Index | None:
    """Return the kept index when it is whole and of these episodes, else None."""
    try:
        here, there = path.stat(), path.with_name(NAME).lstat()
        if not stat.S_ISREG(there.st_mode) or there.st_mtime_ns < here.st_mtime_ns or there.st_size > here.st_size:
            return None
        content = path.with_name(NAME).read_bytes()
        first, _, body = content.partition(b"\n")
        header = msgspec.json.decode(first, type=_Header)
        fits = (header.schema, header.size) == (1, here.st_size) and header.lines * _WIDTH <= len(body)
        if not fits or header.digest != hashlib.sha256(body).hexdigest() or header.probe != _probe(path, here.st_size):
            return None
        start, arrays = 0, list[NDArray[Any]]()
        for kind in _KINDS:
            arrays.append(np.frombuffer(body, kind, header.lines, start))
            start += header.lines * np.dtype(kind).itemsize
        ids = msgspec.json.decode(body[start:], type=tuple[str, ...])
        index = Index(path, tuple(header.methods), ids, *arrays)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return index if _sound(index, here.st_size) else None


def _sound(index: Index, size: int) -> bool:
    """Whether the numbers of a kept index can be those of a file of this size."""
    offsets = index.offsets
    if not len(offsets):
        return size == 0
    rising = offsets[0] == 0 and offsets[-1] < size and bool(np.all(np.diff(offsets) > 0))
    known = (index.methods, len(index.method_names)), (index.tasks, len(index.task_ids))
    return rising and all(bool(np.all((numbers >= 0) & (numbers < count))) for numbers, count in known)
