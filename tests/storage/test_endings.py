"""Stopped from outside, or refused by the machine: one line, the right code, and a run that goes on."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tracer_env.cli.app import main
from tracer_env.storage.endings import Stopped, failure, handling, stoppable

QUICK = ["compare", "--scenario", "arithmetic", "--speaker", "simulated", "--methods", "always,never", "--limit", "20"]
LONG = [*QUICK[:-1], "10000", "--worlds", "50"]


def tracer_env(*arguments: str, **settings: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tracer_env.cli", *arguments]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_comparison_as_ctrl_c_does(name: str, code: int, tmp_path: Path) -> None:
    number = getattr(signal, name)

    def heeded() -> None:  # tests that were started under nohup hand on an ignored SIGHUP
        signal.signal(number, signal.SIG_DFL)

    with tracer_env(*LONG, "--out", str(tmp_path / "run"), preexec_fn=heeded) as process:
        while not (tmp_path / "run" / "episodes.jsonl").exists():
            assert process.poll() is None
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert told.splitlines()[-1] == f"interrupted; continue with: tracer-env compare --resume {tmp_path / 'run'}"
    assert not [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_signals_raise_inside_the_block_alone() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(Stopped) as caught, stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.exit_code == 143
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_forked_child_ends_by_the_signal_itself() -> None:
    code = (
        "import os, signal\nfrom tracer_env.storage.endings import stoppable\n"
        "with stoppable():\n"
        "    child = os.fork()\n"
        "    if not child: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "-15\n"


def test_other_handlers_are_back_at_the_end() -> None:
    seen: list[int] = []
    with handling(lambda number, _: seen.append(number), signal.SIGTERM), pytest.raises(Stopped), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert seen == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a"), "/a: No space left on device; make room there"),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "Too many open files; raise the limit on open files (ulimit -n)",
        ),
        (OSError(errno.EIO, "Input/output error", "/a"), "/a: Input/output error; the system refused it"),
        (OSError("a library's own words"), "a library's own words"),
        (OSError(), "OSError"),
        (MemoryError(), "the memory does not suffice; take smaller batches or fewer tasks, or give it more memory"),
    ],
)
def test_a_failure_is_one_line(error: OSError | MemoryError, line: str) -> None:
    assert failure(error) == line


def limited(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize("size", [100, 3000, 20_000])
def test_a_disk_that_is_full_and_has_room_again(size: int, tmp_path: Path) -> None:
    with tracer_env(*QUICK, "--out", str(tmp_path / "run"), preexec_fn=limited(size)) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    last = told.splitlines()[-1]
    assert last.startswith(f"error: cannot write {tmp_path / 'run'}")
    begun = (tmp_path / "run" / "config.toml").exists()
    way = "continue with --resume" if begun else "run the command again"
    assert f"File too large; make room there and {way}" in last
    assert not list((tmp_path / "run").rglob(".*"))
    again = [*QUICK[:1], "--resume", str(tmp_path / "run")] if begun else [*QUICK, "--out", str(tmp_path / "run")]
    assert main(again) == 0
    assert main([*QUICK, "--out", str(tmp_path / "whole")]) == 0
    for name in ("episodes.jsonl", "metrics.json", "config.toml", "environment.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_too_many_open_files(tmp_path: Path) -> None:
    code = "import sys, tracer_env.cli.app as cli, tracer_env.runs.comparing, resource\n"
    code += "resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5)); sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *QUICK, "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Too many open files" in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], [*QUICK]])
def test_stdout_that_takes_nothing(arguments: list[str], tmp_path: Path) -> None:
    more = ["--out", str(tmp_path / "run")] if arguments == QUICK else []
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tracer_env.cli", *arguments, *more], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    line = "error: the results cannot be printed: No space left on device; give another place for stdout"
    assert done.stderr.splitlines()[-1] == line
    if more:
        assert main(["verify", str(tmp_path / "run")]) == 0


def test_stderr_that_takes_nothing() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "tracer_env.cli", "compare", "--nonsense"], stderr=full)
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("file/below", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("nowhere", "a link that leads nowhere"),
        ("file", "exists already"),
        ("pipe", "exists already"),
    ],
)
def test_a_folder_that_cannot_be_made(out: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "nowhere").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    assert main([*QUICK, "--out", str(tmp_path / out)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: ")
    assert words in told
    assert "bug" not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "nowhere", "pipe"]


@pytest.mark.parametrize("out", ["link.html", "pipe.html", "folder.html", "device.html"])
def test_a_picture_is_written_over_plain_files_alone(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--out", str(tmp_path / "run")]) == 0
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "link.html").symlink_to(tmp_path / "victim")
    (tmp_path / "device.html").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "folder.html").mkdir()
    assert main(["replay", str(tmp_path / "run"), "--export", str(tmp_path / out)]) == 2
    assert "only plain files and folders are written to" in capsys.readouterr().err
    assert (tmp_path / "victim").read_text() == "mine"
