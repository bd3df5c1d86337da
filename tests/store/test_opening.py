"""Opening: a store of ours or one clear line, whoever left the file there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tracer_env.errors import DataError, DiskError, UserError
from tracer_env.store.opening import opened, telling


def test_a_new_store_is_made_once_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    first, second = opened(path), opened(path)
    assert first.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert second.execute("SELECT count(*) FROM said").fetchone() == (0,)
    first.close()
    second.close()
    assert os.listdir(tmp_path) == ["s.db"]
    opened(path, reading=True).close()
    assert os.listdir(tmp_path) == ["s.db"]


def test_an_empty_file_that_a_killed_process_left_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.touch()
    opened(path).close()
    opened(path).close()


def _foreign(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.commit()
    other.close()


def _with(statement: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        opened(path).close()
        other = sqlite3.connect(path)
        other.execute(statement)
        other.commit()
        other.close()

    return make


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("hello"), "is no store of utterances"),
        (lambda path: path.mkdir(), "is a folder; name a file"),
        (lambda path: os.mkfifo(path), "is no plain file"),
        (_foreign, "is no store of utterances: its tables are others"),
        (_with("CREATE TRIGGER t AFTER INSERT ON said BEGIN DELETE FROM said; END"), "its tables are others"),
        (_with("CREATE VIEW v AS SELECT 1"), "its tables are others"),
        (_with("ALTER TABLE said ADD COLUMN more"), "its tables are others"),
        (_with("PRAGMA user_version=2"), "has the version 2, and this tracer-env reads 1"),
        (_with("PRAGMA application_id=5"), "is no store of utterances"),
    ],
)
@pytest.mark.parametrize("reading", [False, True])
def test_what_is_no_store_of_ours_is_refused(
    tmp_path: Path, make: Callable[[Path], None], words: str, reading: bool
) -> None:
    path = tmp_path / "s.db"
    make(path)
    with pytest.raises(DataError) as caught:
        opened(path, reading)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_store_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    opened(tmp_path / "answers.db").close()
    with pytest.raises(DataError, match=r"there is no store .*; did you mean 'answers\.db'"):
        opened(tmp_path / "answer.db", reading=True)
    with pytest.raises(DataError, match=r"there is no folder .*; make it first"):
        opened(tmp_path / "no" / "s.db")


def test_a_header_that_was_flipped_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    opened(path).close()
    data = bytearray(path.read_bytes())
    for place in (0, 17, 68, 100):
        path.write_bytes(bytes(data[:place]) + bytes([data[place] ^ 0xFF]) + bytes(data[place + 1 :]))
        with pytest.raises(UserError):
            opened(path, reading=True).execute("PRAGMA integrity_check").fetchone()


FULL = """
import resource, signal, sys
from pathlib import Path
from tracer_env.errors import DiskError
from tracer_env.store.database import Entry, open_store
from tracer_env.store.keys import prompt_of_ids
from tracer_env.store.records import Record
store = open_store(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
kept = 0
try:
    for number in range(1000):
        store.put([Entry("s", prompt_of_ids([number]), number, 0, Record("stop", "x" * 5000))])
        kept += 1
except DiskError as error:
    print(kept, error)
"""


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    kept, _, line = done.stdout.partition(" ")
    assert line.startswith(f"cannot write the store {path}: ")
    assert done.stderr == ""
    connection = opened(path)
    assert connection.execute("SELECT count(*) FROM said").fetchone() == (int(kept),)
    connection.close()


def test_refusals_of_the_system_are_its_own_failures() -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    with pytest.raises(DiskError, match=r"cannot write the store s\.db: "), telling(Path("s.db")):
        raise error
