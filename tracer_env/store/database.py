"""A store of utterances that several processes and threads use at once.

    store = open_store(Path("utterances.db"))
    store.get(keys)         a record or None for each; what is damaged counts as not there, with one warning
    store.put(entries)      written when it returns, whoever is killed then; gives back what stands

- What is kept first stays: of two processes that ask the same at once, both get the answer of the first. That holds
  also for speakers that would not repeat themselves.
- A record whose bytes are not what was written is never handed out. It counts as missing: the answer is asked for again
  and takes its place, for nothing else can mend it, and one lost answer is no reason to end a run. It is said once.
  Offline, where nothing can be asked, it ends the run as a missing one does. Damage to the file itself is an error.
- One opening a file and process: who opens it again gets the same `Store`. A forked or pickled one opens it anew.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.store.keys import Prompt, key_of
from tracer_env.store.opening import MEND, opened, telling
from tracer_env.store.records import Record, checksum, packed, unpacked
from tracer_env.terminal.screen import complain

__all__ = ["Entry", "Store", "open_store"]

_OPEN: dict[str, Store] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer to be kept, with what was asked: `keys` says what each part is."""

    source: str
    prompt: Prompt
    seed: int
    candidate: int
    record: Record
    name: str = ""
    """What the model is called where a person reads it; the key does not hang on it."""

    @property
    def key(self) -> bytes:
        """What the answer is found by."""
        return key_of(self.source, self.prompt, self.seed, self.candidate)


class Store:
    """One file of answers. Take it from `open_store`; ``offline`` says that whoever asks must do with what is there."""

    def __init__(self, path: Path, offline: bool = False) -> None:
        self.path, self.offline = path, offline
        self.hits, self.misses, self.kept, self.damaged = 0, 0, 0, 0
        self._lock, self._owner = threading.RLock(), os.getpid()
        self._connection: sqlite3.Connection | None = opened(path, reading=offline)
        self._sources: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, hits={self.hits}, misses={self.misses})"

    def __reduce__(self) -> Any:
        return open_store, (self.path, self.offline)

    def get(self, keys: Sequence[bytes]) -> list[Record | None]:
        """Return the record of each key, None where there is none."""
        with self._using() as connection:
            if len(keys) > 1:
                connection.execute("BEGIN")
            try:
                found = [self._read(connection, key) for key in keys]
            finally:
                if len(keys) > 1:
                    connection.execute("COMMIT")
        hits = len(found) - found.count(None)
        self.hits, self.misses = self.hits + hits, self.misses + len(found) - hits
        return found

    def put(self, entries: Sequence[Entry]) -> list[Record]:
        """Keep answers, all of them or none, and return those that stand under their keys from now on."""
        if self.offline:
            raise ConfigError(f"the store {self.path} is read alone (--offline), and takes no answers")
        rows = [(entry, entry.key, packed(entry.record)) for entry in entries]
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                standing = [self._write(connection, entry, key, data) for entry, key, data in rows]
                connection.execute("COMMIT")
            except BaseException:
                self._sources.clear()
                with suppress(sqlite3.Error):  # after a full disk SQLite has done so itself
                    connection.execute("ROLLBACK")
                raise
        return standing

    def close(self) -> None:
        """Let go of the file; a later use opens it again."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                with telling(self.path):
                    self._connection.close()
            self._connection = None
            self._sources.clear()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        if self._owner != os.getpid():  # forked: what is open belongs to the parent, its lock may be held there
            self._lock, self._owner, self._connection = threading.RLock(), os.getpid(), None
            self._sources = {}
        with self._lock, telling(self.path):
            if self._connection is None:
                self._connection = opened(self.path, reading=self.offline)
            yield self._connection

    def _read(self, connection: sqlite3.Connection, key: bytes) -> Record | None:
        row = connection.execute("SELECT data, checksum FROM said WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        data, told = row
        try:
            if type(data) is bytes and checksum(key, data) == told:
                return unpacked(data)
        except ValueError:
            pass
        if not self.damaged:
            complain(
                f"warning: the store {self.path} holds a damaged answer, which counts as missing; "
                f"{MEND.format(path=self.path)}"
            )
        self.damaged += 1
        return None

    def _write(self, connection: sqlite3.Connection, entry: Entry, key: bytes, data: bytes) -> Record:
        values = {
            "key": key,
            "source": self._source(connection, entry),
            "prompt": _prompt(connection, entry.prompt),
            "seed": _signed(entry.seed),
            "candidate": entry.candidate,
            "made": int(time.time()),
            "checksum": checksum(key, data),
            "data": data,
        }
        done = connection.execute(
            "INSERT INTO said (key, source, prompt, seed, candidate, made, checksum, data) VALUES "
            "(:key, :source, :prompt, :seed, :candidate, :made, :checksum, :data) ON CONFLICT (key) DO NOTHING",
            values,
        )
        if done.rowcount:
            self.kept += 1
            return entry.record
        standing = self._read(connection, key)
        if standing is not None:
            return standing
        connection.execute(
            "UPDATE said SET source=:source, prompt=:prompt, seed=:seed, candidate=:candidate, made=:made, "
            "checksum=:checksum, data=:data WHERE key=:key",
            values,
        )
        self.kept += 1
        return entry.record

    def _source(self, connection: sqlite3.Connection, entry: Entry) -> int:
        known = self._sources.get(entry.source)
        if known is None:
            values = entry.source, entry.name
            connection.execute("INSERT INTO sources (text, name) VALUES (?, ?) ON CONFLICT DO NOTHING", values)
            (known,) = connection.execute("SELECT id FROM sources WHERE text = ?", (entry.source,)).fetchone()
            self._sources[entry.source] = known
        return known


def open_store(path: Path | str, offline: bool = False) -> Store:
    """Return the store in the file ``path``, made when it is missing; the same object for the same file.

    ``offline``: it is read alone. Raises DataError for a file that is no store or is damaged, ConfigError or DiskError
    where the system refuses, ConfigError when one run wants the same file both ways.
    """
    place = os.path.realpath(os.path.expanduser(path))
    with _LOCK:
        found = _OPEN.get(place)
        if found is None or found._connection is None or not os.path.exists(place):
            if found is not None:
                found.close()
            found = _OPEN[place] = Store(Path(place), offline)
        elif found.offline != offline:
            raise ConfigError(
                f"the store {place} is open already, {'read alone' if found.offline else 'to be written to'}"
            )
        return found


def _prompt(connection: sqlite3.Connection, prompt: Prompt) -> int:
    row = connection.execute("SELECT id FROM prompts WHERE digest = ?", (prompt.digest,)).fetchone()
    if row is None:
        values = prompt.digest, prompt.form, prompt.data
        row = connection.execute(
            "INSERT INTO prompts (digest, form, data) VALUES (?, ?, ?) RETURNING id", values
        ).fetchone()
    number: int = row[0]
    return number


def _signed(number: int) -> int:
    """Return the 64-bit number that SQLite keeps for one from 0, below 2**64."""
    return number - (1 << 64) if number >> 63 else number
