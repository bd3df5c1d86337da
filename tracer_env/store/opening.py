"""Opening a store: a file of SQLite that is ours and nothing else, or one clear line.

    opened(path)                  to read and write; made when it is missing
    opened(path, reading=True)    to read alone, also from a folder that cannot be written to

A store may come from a stranger, so it is looked at before SQLite makes anything of it: a plain file, with our mark in
its head, with exactly our tables and no trigger or view beside them; what it holds is bounded by SQLite's own limits.

Writers wait for each other (WAL mode, at most a minute), readers for nobody. A commit is with the system when it
returns: no process that is killed loses one, and what a power cut may take are the last ones, whole, to be asked again.
On a file system without shared memory SQLite takes its older journal, which is slower and as safe. WAL needs
one machine: a store on a network drive is for the processes of one machine at a time.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tracer_env.errors import DataError
from tracer_env.intake.near_files import near_files
from tracer_env.storage.folders import unwritable
from tracer_env.store.records import LARGEST

__all__ = ["MEND", "SCHEMA", "opened", "telling"]

ENDINGS = (".db", ".sqlite")
SCHEMA = 1
"""The version of the tables; a store of another one is refused."""
MEND = "mend it with: tracer-env store verify {path} --repair"
_MARK = 0x74_72_73_75  # "trsu", the application id
_HEAD = b"SQLite format 3\0"
_WAIT = 60.0  # seconds for another writer
_TABLES = {
    "sources": "CREATE TABLE sources (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, name TEXT NOT NULL)",
    "prompts": (
        "CREATE TABLE prompts (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, form TEXT NOT NULL, "
        "data BLOB NOT NULL)"
    ),
    "said": (
        "CREATE TABLE said (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, source INTEGER NOT NULL, "
        "prompt INTEGER NOT NULL, seed INTEGER NOT NULL, candidate INTEGER NOT NULL, made INTEGER NOT NULL, "
        "checksum BLOB NOT NULL, data BLOB NOT NULL)"
    ),
}


def opened(path: Path, reading: bool = False) -> sqlite3.Connection:
    """Open a store and return the connection, in autocommit mode.

    Raises DataError for a file that is no store of ours, or is damaged, ConfigError or DiskError where the system
    refuses.
    """
    fresh = _looked_at(path, reading)
    with telling(path):
        connection = _connected(path, reading)
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST + (1 << 20))
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", f"cache_size={-(16 << 10)}"):
                connection.execute(f"PRAGMA {pragma}")
            if not reading:
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
                connection.execute("PRAGMA synchronous=NORMAL")
                if fresh:
                    _make(connection)
                connection.execute(
                    "BEGIN IMMEDIATE"
                )  # a folder that is read alone is told now, not when an answer comes
                connection.execute("ROLLBACK")
            _check(path, connection)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Say in our words what SQLite refuses: damage as DataError, refusals of the system as `unwritable`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FORMAT):
            raise DataError(f"the store {path} is damaged ({error}); {MEND.format(path=path)}") from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DataError(
                f"the store {path} has been written to by another process for {_WAIT:.0f} seconds; wait until it has "
                "ended, or give another store (speaker.store=PATH)"
            ) from error
        number = _ERRNO.get(code)
        if number is None:
            raise DataError(f"the store {path} cannot be used: {error}") from error
        raise unwritable("the store", path, OSError(number, os.strerror(number))) from error


_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}


def _looked_at(path: Path, reading: bool) -> bool:
    """Return whether a store is to be made here; refuse what is none."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no plain file"
            raise DataError(f"the store {path} is {kind}; name a file, such as {path / 'utterances.db'}")
        with open(path, "rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        if reading:
            raise DataError(f"there is no store {path}{near_files(path, ENDINGS)}") from None
        if not path.parent.is_dir():
            line = f"the store {path} cannot be made: there is no folder {path.parent}; make it first"
            raise DataError(line) from None
        return True
    except OSError as error:
        raise unwritable("the store", path, error) from error
    if not head and not reading:
        return True  # its maker was killed before the first write
    if head[:16] != _HEAD or int.from_bytes(head[68:72], "big") not in (_MARK, 0):
        raise DataError(f"{path} is no store of utterances; name another file (speaker.store=PATH)")
    return int.from_bytes(head[68:72], "big") == 0  # likewise; the tables say whether it is one


def _connected(path: Path, reading: bool) -> sqlite3.Connection:
    place = path.absolute().as_uri()
    options: dict[str, Any] = {"uri": True, "isolation_level": None, "timeout": _WAIT, "check_same_thread": False}
    if not reading:
        made: sqlite3.Connection = sqlite3.connect(place, **options)
        return made
    # Not mode=ro, which leaves the files of the log behind: whoever closes last clears them away.
    connection: sqlite3.Connection = sqlite3.connect(f"{place}?mode=rw", **options)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise  # what stands there belongs to the store
        # A folder that cannot be written to: nobody can change the file under us by SQLite's ways.
        connection = sqlite3.connect(f"{place}?mode=ro&immutable=1", **options)
    return connection


def _make(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file, once, however many processes are about to."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES.values():
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_MARK}")
            connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _check(path: Path, connection: sqlite3.Connection) -> None:
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark == _MARK and version != SCHEMA:
        raise DataError(
            f"the store {path} has the version {version}, and this tracer-env reads {SCHEMA}; take the tracer-env that "
            "wrote it, or another store"
        )
    found = {
        name: sql
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master")
        if not (kind == "index" and str(name).startswith("sqlite_autoindex_"))
    }
    if mark != _MARK or found != _TABLES:
        raise DataError(f"{path} is no store of utterances: its tables are others; name another file")
