"""Looking after a store: what is in it, whether it is sound, what can go.

    stats(path)                     how many answers, of which models, since when
    verify(path)                    every answer against its checksum and its question, the file against SQLite's check
    repair(path)                    damaged answers out; a file with damaged tables is written anew from what is sound
    prune(path, model=..., ...)     answers out by model, by age, or the oldest until the rest is small enough

A damaged question does not make its answer wrong, for that is found by its key: `verify` tells, and `repair` marks the
question as lost. Other processes may use the store meanwhile; only a file that is written anew must be nobody's.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.storage.files import write_with
from tracer_env.store.keys import Prompt, key_of
from tracer_env.store.opening import opened, telling
from tracer_env.store.records import checksum, unpacked

__all__ = ["Found", "prune", "repair", "stats", "verify"]

_LOST = "lost"
_ROW = (
    "SELECT said.key, said.checksum, said.data, said.seed, said.candidate, sources.text, prompts.form, prompts.data, "
    "prompts.digest, said.prompt FROM said LEFT JOIN sources ON sources.id = said.source "
    "LEFT JOIN prompts ON prompts.id = said.prompt WHERE said.id = ?"
)
_BATCH = 1000


@dataclass(frozen=True)
class Found:
    """What `verify` saw: how many answers are sound, the numbers of those that are not, and what else is wrong."""

    sound: int
    damaged: tuple[int, ...] = ()  # ids of answers
    lost: tuple[int, ...] = ()  # ids of prompts that are not what was written
    torn: tuple[str, ...] = ()  # what SQLite says of the file

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.lost or self.torn)

    def line(self) -> str:
        """Return what is wrong in words."""
        told = (
            (len(self.damaged), "damaged answers"),
            (len(self.lost), "answers whose question is damaged"),
            (len(self.torn), f"faults of the file ({self.torn[0] if self.torn else ''})"),
        )
        return ", ".join(f"{count} {what}" for count, what in told if count) or "nothing"


def stats(path: Path) -> dict[str, Any]:
    """Return counts and sizes, in all and by model; raises DataError for no store."""
    with closing(opened(path, reading=True)) as connection, telling(path):
        query = (
            "SELECT sources.name, count(*), sum(length(said.data)), min(said.made), max(said.made) FROM said "
            "LEFT JOIN sources ON sources.id = said.source GROUP BY 1 ORDER BY 1"
        )
        models = [
            {"model": name or "", "answers": count, "bytes": size, "first": first, "last": last}
            for name, count, size, first, last in connection.execute(query)
        ]
        (prompts,) = connection.execute("SELECT count(*) FROM prompts").fetchone()
    return {
        "store": str(path),
        "answers": sum(each["answers"] for each in models),
        "prompts": prompts,
        "bytes": path.stat().st_size,
        "models": models,
    }


def verify(path: Path) -> Found:
    """Look at every answer and at the file itself; raises DataError where it cannot be read at all."""
    with closing(opened(path, reading=True)) as connection:
        torn: tuple[str, ...] = ()
        try:
            told = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(8)")]
            torn = () if told == ["ok"] else tuple(line.splitlines()[-1][:200] for line in told)
        except sqlite3.Error as error:
            torn = (str(error),)
        sound, damaged, lost = 0, list[int](), dict[int, None]()
        for number in _numbers(connection):
            try:
                row = connection.execute(_ROW, (number,)).fetchone()
            except sqlite3.Error:
                row = None
            state, prompt = ("damaged", 0) if row is None else _state(row)
            if state == "damaged":
                damaged.append(number)
                continue
            sound += 1
            if state == "lost":
                lost[prompt] = None
        return Found(sound, tuple(damaged), tuple(lost), torn)


def repair(path: Path) -> Found:
    """Take out what is damaged and return what was found; a file whose tables are damaged is written anew."""
    found = verify(path)
    if found.whole:
        return found
    if found.torn:
        _rewrite(path)
        return found
    with closing(opened(path)) as connection, telling(path):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM said WHERE id = ?", [(number,) for number in found.damaged])
        connection.executemany(
            f"UPDATE prompts SET form = '{_LOST}', data = x'' WHERE id = ?", [(number,) for number in found.lost]
        )
        _sweep(connection)
        connection.execute("COMMIT")
    return found


def prune(
    path: Path, model: str | None = None, before: int | None = None, most: int | None = None, dry_run: bool = False
) -> dict[str, int]:
    """Take answers out: those of ``model``, those made before a time (seconds), then the oldest beyond ``most`` bytes.

    Model and time together mean both. Returns how many go and stay. Raises ConfigError where nothing is asked for,
    and for a model that is not there.
    """
    if model is None and before is None and most is None:
        raise ConfigError("prune needs to know what can go: --model NAME, --before DATE or --most BYTES")
    with closing(opened(path)) as connection, telling(path):
        names = sorted(str(name) for (name,) in connection.execute("SELECT DISTINCT name FROM sources"))
        if model is not None and model not in names:
            raise ConfigError(f"the store {path} has no model {model!r}{did_you_mean(model, names)}")
        connection.execute("BEGIN IMMEDIATE")
        (total,) = connection.execute("SELECT count(*) FROM said").fetchone()
        if model is not None or before is not None:
            connection.execute(
                "DELETE FROM said WHERE (:model IS NULL OR source IN (SELECT id FROM sources WHERE name = :model)) "
                "AND (:before IS NULL OR made < :before)",
                {"model": model, "before": before},
            )
        if most is not None:
            connection.execute(
                "DELETE FROM said WHERE id IN (SELECT id FROM (SELECT id, sum(length(data)) OVER "
                "(ORDER BY id DESC) AS size FROM said) WHERE size > ?)",
                (most,),
            )
        _sweep(connection)
        (left,) = connection.execute("SELECT count(*) FROM said").fetchone()
        connection.execute("ROLLBACK" if dry_run else "COMMIT")
        if not dry_run and left < total:
            connection.execute("VACUUM")
    return {"removed": total - left, "left": left}


def _sweep(connection: sqlite3.Connection) -> None:
    """Take out questions that nobody answers any more."""
    connection.execute("DELETE FROM prompts WHERE id NOT IN (SELECT prompt FROM said)")


def _numbers(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield the ids of all answers, also past what cannot be read."""
    last, limit = 0, None
    while True:
        try:
            rows = connection.execute(
                f"SELECT id FROM said WHERE id > ? ORDER BY id LIMIT {_BATCH}", (last,)
            ).fetchall()
        except sqlite3.Error:
            if limit is None:
                limit = _highest(connection)
            rows = [(number,) for number in range(last + 1, min(last + _BATCH, limit) + 1)]
        if not rows:
            return
        yield from (number for (number,) in rows)
        last = rows[-1][0]


def _highest(connection: sqlite3.Connection) -> int:
    """Return no less than the highest id there can be: ids are handed out one after the other."""
    with suppress(sqlite3.Error):
        found = connection.execute("SELECT max(id) FROM said").fetchone()[0]
        return int(found or 0)
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * size // 100)


def _state(row: tuple[Any, ...]) -> tuple[str, int]:
    """Return whether an answer is ``sound``, ``damaged``, or sound with a ``lost`` question; and the question's id."""
    key, told, data, seed, candidate, source, form, asked, digest, prompt = row
    try:
        if checksum(key, data) != told:
            return "damaged", prompt
        unpacked(data)
        if form == _LOST:
            return "sound", prompt
        question = Prompt.of(form, asked) if isinstance(form, str) and isinstance(asked, bytes) else None
        if question is None or question.digest != digest:
            return "lost", prompt
        sound = key_of(source, question, seed % (1 << 64), candidate) == key
        return ("sound" if sound else "damaged"), prompt
    except (ValueError, TypeError, AttributeError, OverflowError):
        return "damaged", prompt


def _rewrite(path: Path) -> None:
    """Write the file anew from the answers that are sound."""
    log = path.with_name(f"{path.name}-wal")
    with closing(opened(path)) as connection, suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if log.exists() and log.stat().st_size:
        raise DataError(f"the store {path} is in use; end the runs that write to it, then repair it")

    def fill(temporary: Path) -> None:
        with closing(opened(path, reading=True)) as old, closing(opened(temporary)) as new:
            new.execute("BEGIN IMMEDIATE")
            for number in _numbers(old):
                with suppress(sqlite3.DatabaseError):
                    row = old.execute(_ROW, (number,)).fetchone()
                    if row is not None and _state(row)[0] != "damaged":
                        _copy(old, new, number)
            new.execute("COMMIT")
            new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            new.execute("PRAGMA journal_mode=DELETE")

    with telling(path):
        write_with(path, fill)
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(f"{path}{ending}")


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, number: int) -> None:
    row = old.execute("SELECT * FROM said WHERE id = ?", (number,)).fetchone()
    source = old.execute("SELECT * FROM sources WHERE id = ?", (row[2],)).fetchone()
    prompt = old.execute("SELECT * FROM prompts WHERE id = ?", (row[3],)).fetchone()
    prompt = prompt if prompt is not None else (row[3], row[1], _LOST, b"")
    source = source if source is not None else (row[2], f"lost {row[2]}", "")
    new.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", source)
    new.execute("INSERT OR IGNORE INTO prompts VALUES (?, ?, ?, ?)", prompt)
    new.execute("INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
