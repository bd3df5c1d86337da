"""One owner a folder: other processes and threads are refused, and the lock dies with whoever holds it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tracer_env.errors import RunFolderError
from tracer_env.storage import locks
from tracer_env.storage.locks import LOCK, locked

HOLD = """
import os, pathlib, subprocess, sys, time
from tracer_env.storage.locks import locked
with locked(pathlib.Path(sys.argv[1])):
    if sys.argv[2] == "forks" and os.fork() == 0:
        time.sleep(60)
    child = subprocess.Popen(["sleep", "60"]) if sys.argv[2] == "starts" else None
    print(child.pid if child else "held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(folder: Path, kind: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that owns the folder until it reads a line."""
    command = [sys.executable, "-c", HOLD, str(folder), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline().strip()
        try:
            yield process, told
        finally:
            process.kill()


def refused(folder: Path) -> str:
    with pytest.raises(RunFolderError) as caught, locked(folder):
        pass
    return str(caught.value)


def test_the_file_stands_while_the_block_runs_and_goes_with_it(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert (tmp_path / LOCK).read_text().split(" ")[0] == str(os.getpid())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_and_a_second_thread_are_refused(tmp_path: Path) -> None:
    found: list[str] = []
    with locked(tmp_path):
        assert f"process {os.getpid()} since 20" in refused(tmp_path)
        thread = threading.Thread(target=lambda: found.append(refused(tmp_path)))
        thread.start()
        thread.join()
    assert "is being written to by process" in found[0]
    with locked(tmp_path):
        pass


def _held(folder: Path) -> bool:
    try:
        with locked(folder):
            return False
    except RunFolderError:
        return True


@pytest.mark.parametrize("kind", ["", "starts", "forks"])
def test_the_lock_dies_with_its_owner_whatever_children_live(kind: str, tmp_path: Path) -> None:
    with holder(tmp_path, kind) as (process, told):
        assert f"process {process.pid} since" in refused(tmp_path)
        process.send_signal(signal.SIGSTOP)
        assert f"process {process.pid} since" in refused(tmp_path)
        process.kill()
        process.wait()
        if kind == "starts":
            os.kill(int(told), 0)  # the child lives
        for _ in range(200):  # a child that was just forked may not have let go yet
            if not _held(tmp_path):
                break
            time.sleep(0.05)
        with locked(tmp_path):
            pass
        assert list(tmp_path.iterdir()) == []
        if kind == "starts":
            os.kill(int(told), signal.SIGKILL)


def test_a_forked_child_neither_keeps_nor_ends_the_lock(tmp_path: Path) -> None:
    leaving = "import os, pathlib, sys\nfrom tracer_env.storage.locks import locked\n"
    leaving += "with locked(pathlib.Path(sys.argv[1])):\n    child = os.fork()\n    if child: os.waitpid(child, 0)\n"
    leaving += "    if child: print(os.listdir(sys.argv[1]))\n"
    done = subprocess.run([sys.executable, "-c", leaving, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"['{LOCK}']\n"  # the child has left its block by then


def test_reading_and_copying_the_folder_loses_nothing(tmp_path: Path) -> None:
    folder, copy = tmp_path / "folder", tmp_path / "copy"
    folder.mkdir()
    with locked(folder):
        (folder / LOCK).read_bytes()
        shutil.copytree(folder, copy)
        with subprocess.Popen([sys.executable, "-c", HOLD, str(folder), ""], stderr=subprocess.PIPE) as other:
            assert b"RunFolderError" in other.communicate()[1]
    with locked(copy):  # where the file has come along, and locks nothing
        pass
    assert list(copy.iterdir()) == []


def test_an_owner_who_leaves_between_opening_and_locking_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that was opened is removed before it is locked: the one of that name now is another."""
    first, real = [True], locks.claim

    def slow(number: int) -> bool:
        if first.pop() if first else False:
            (tmp_path / LOCK).unlink()
            (tmp_path / LOCK).write_text("of a new owner")
        return real(number)

    monkeypatch.setattr(locks, "claim", slow)
    with locked(tmp_path):
        monkeypatch.undo()
        assert "process" in refused(tmp_path)
        assert (tmp_path / LOCK).read_text().startswith(f"{os.getpid()} ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "\n", "12", "\x1b[31m", "x" * 1000, "12345 2026-11-26 01:02:03\n\x1b", "\xff"])
def test_what_a_lock_file_holds_is_not_believed(content: str, tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / LOCK).write_text(content, encoding="latin-1")
        assert "by another process; wait" in refused(tmp_path)


@pytest.mark.parametrize("kind", ["link", "nowhere", "folder", "pipe", "second name"])
def test_only_a_plain_file_is_locked(kind: str, tmp_path: Path) -> None:
    folder, victim = tmp_path / "folder", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("victim")
    match kind:
        case "link":
            (folder / LOCK).symlink_to(victim)
        case "nowhere":
            (folder / LOCK).symlink_to(tmp_path / "nothing")
        case "folder":
            (folder / LOCK).mkdir()
        case "pipe":
            os.mkfifo(folder / LOCK)
        case "second name":
            os.link(victim, folder / LOCK)
    assert "not the plain file" in refused(folder)
    assert victim.read_text() == "victim"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "victim"]


def test_a_file_system_without_locks_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(number: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "claim", none)
    with pytest.warns(UserWarning, match="has no locks") as caught, locked(tmp_path):
        pass
    assert len(caught) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_and_one_that_cannot_be_written_are_the_systems_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "missing"):
        pass


def test_a_folder_removed_in_the_meantime_ends_in_peace(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with locked(folder):
        shutil.rmtree(folder)
    assert not folder.exists()


def test_many_processes_at_once_are_one_owner_after_another(tmp_path: Path) -> None:
    """Each adds to a number as often as it owns the folder: none is lost when no two own it together."""
    script = (
        "import pathlib, sys\nfrom tracer_env.errors import RunFolderError\n"
        "from tracer_env.storage.locks import locked\n"
        "folder, done = pathlib.Path(sys.argv[1]), 0\n"
        "while done < 40:\n"
        "    try:\n"
        "        with locked(folder):\n"
        "            file = folder / 'number'\n"
        "            file.write_text(str(int(file.read_text()) + 1))\n"
        "        done += 1\n"
        "    except RunFolderError:\n"
        "        pass\n"
    )
    (tmp_path / "number").write_text("0")
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert (tmp_path / "number").read_text() == "160"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]
