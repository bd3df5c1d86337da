"""A store under many hands: what is kept stays, whoever asks, writes or dies."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from answers import answer, filled, flip

from tracer_env.errors import ConfigError
from tracer_env.store.database import open_store
from tracer_env.store.opening import opened


def test_what_was_put_is_found_and_nothing_else(tmp_path: Path) -> None:
    entries = filled(tmp_path / "s.db")
    store = open_store(tmp_path / "s.db")
    keys = [entry.key for entry in entries]
    assert store.get(keys) == [entry.record for entry in entries]
    assert store.get([answer(99).key, keys[3]]) == [None, entries[3].record]
    assert (store.hits, store.misses, store.damaged) == (21, 1, 0)
    assert store.get([]) == []
    store.close()
    assert store.get(keys[:1]) == [entries[0].record]  # opened again
    store.close()


def test_what_was_kept_first_stays(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    first, other = answer(1, "first"), answer(1, "other")
    assert store.put([first]) == [first.record]
    assert store.put([other, answer(2)]) == [first.record, answer(2).record]
    assert store.put([answer(3, "x"), answer(3, "y")]) == [answer(3, "x").record] * 2
    assert store.get([other.key]) == [first.record]
    assert store.kept == 3
    store.close()


def test_all_of_a_put_or_none(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    with pytest.raises(OverflowError):
        store.put([answer(1), replace(answer(2), candidate=1 << 63)])  # a key has room for it, SQLite has not
    assert store.get([answer(1).key]) == [None]
    store.close()


def test_a_flipped_byte_is_a_miss_with_one_warning_and_mended_by_what_is_said_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.db"
    entries = filled(path)
    for number in (4, 6):
        flip(path, path.read_bytes().index(f"answer {number} of a".encode()))
    store = open_store(path)
    found = store.get([entry.key for entry in entries])
    assert [place for place, record in enumerate(found) if record is None] == [4, 6]
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "holds a damaged answer, which counts as missing; mend it with: tracer-env store verify" in told
    assert store.damaged == 2
    assert store.put([answer(4, "said anew")]) == [answer(4, "said anew").record]
    assert store.get([entries[4].key]) == [answer(4, "said anew").record]
    store.close()


def test_one_opening_of_a_file_and_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "s.db")
    monkeypatch.chdir(tmp_path)
    assert open_store("s.db") is store
    (tmp_path / "link.db").symlink_to("s.db")
    assert open_store("link.db") is store
    with pytest.raises(ConfigError, match="is open already, to be written to"):
        open_store("s.db", offline=True)
    assert pickle.loads(pickle.dumps(store)) is store
    store.close()
    other = open_store("s.db", offline=True)
    assert other is not store
    with pytest.raises(ConfigError, match="is read alone"):
        other.put([answer(1)])
    other.close()


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")

    def work(which: int) -> None:
        for number in range(30):
            store.put([answer(100 * which + number)])
            assert store.get([answer(100 * which + number).key]) != [None]

    threads = [threading.Thread(target=work, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.kept == 120
    store.close()


def _in_child(path: Path) -> None:
    store = open_store(path)
    store.put([answer(2)])
    assert store.get([answer(1).key]) == [answer(1).record]


def test_a_forked_child_opens_the_file_anew(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    store.put([answer(1)])
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(tmp_path / "s.db",))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert store.get([answer(1).key, answer(2).key]) == [answer(1).record, answer(2).record]
    store.close()


WRITER = """
import sys
sys.path[:0] = [sys.argv[3]]
from answers import answer
from tracer_env.store.database import open_store
store, first = open_store(sys.argv[1]), int(sys.argv[2])
for number in range(first, first + 10_000):
    store.put([answer(number)])
    print(number, flush=True)
"""


def test_processes_that_are_killed_lose_nothing_that_they_were_told_is_kept(tmp_path: Path) -> None:
    path, told = tmp_path / "s.db", []
    for first in (0, 100_000, 200_000):
        command = [sys.executable, "-c", WRITER, str(path), str(first), str(Path(__file__).parents[1] / "helpers")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told += [int(child.stdout.readline()) for _ in range(25)]
            os.kill(child.pid, signal.SIGKILL)
            told += [int(line) for line in child.stdout.read().splitlines()]
    store = open_store(path)
    assert None not in store.get([answer(number).key for number in told])
    store.close()


def test_a_writer_waits_for_another(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    other = opened(tmp_path / "s.db")
    other.execute("BEGIN IMMEDIATE")
    ended = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    began = time.monotonic()
    ended.start()
    store.put([answer(1)])
    assert time.monotonic() - began > 0.2
    assert store.get([answer(1).key]) == [answer(1).record]
    ended.join()
    other.close()
    store.close()
