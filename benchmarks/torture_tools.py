"""What the sweeps of `torture` share: counting, running the command line in a child, comparing folders.

    counts = Counts()
    ended = forked(["compare", "--limit", "3", "--out", "run"], folder, kill_after=0.2)
    counts.add("kills") if ended.killed else counts.check(ended.code == 0, f"compare: {ended.err}")
    counts.check(digests(folder / "run") == expected, "the resumed run differs")

`forked` runs a command in a fork of this process, in which the package is imported already: a hundred runs cost little
more than their work. `launched` runs it as its own program, where the environment variables of its start count.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Counts", "Ended", "changed", "digests", "forked", "in_child", "launched", "one_line"]

_PATIENCE = 900.0


class Counts(Counter[str]):
    """What a sweep did, by name, and ``failures``; each failure is told on stderr when it is found."""

    def add(self, what: str, number: int = 1) -> None:
        """Count ``number`` more of ``what``."""
        self[what] += number

    def check(self, good: bool, told: str) -> bool:
        """Count a failure unless ``good``, and return ``good``."""
        self["failures"] += not good
        if not good and self["failures"] <= 20:
            print(f"  failure: {told[:2000]}", file=sys.stderr, flush=True)
        return good


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (minus the signal that ended it), what it printed, how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether it was ended by kill -9."""
        return self.code == -signal.SIGKILL


def forked(
    arguments: Sequence[str],
    folder: Path,
    kill_after: float | None = None,
    prepare: Callable[[], None] | None = None,
) -> Ended:
    """Run ``tracer-env ARGUMENTS`` in a fork, in ``folder``; kill -9 it after so many seconds.

    ``prepare`` is called in the child first (limits, environment).
    """

    def body() -> int:
        os.chdir(folder)
        if prepare is not None:
            prepare()
        from tracer_env.cli.app import main

        return main(list(arguments))

    return in_child(body, kill_after)


def in_child(body: Callable[[], int], kill_after: float | None = None) -> Ended:
    """Run ``body`` in a fork that has its own stdout and stderr, and return how it ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = os.pipe(), os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(body, out[1], err[1])
    os.close(out[1])
    os.close(err[1])
    try:
        code, texts = _followed(child, (out[0], err[0]), start, kill_after)
    finally:
        os.close(out[0])
        os.close(err[0])
    return Ended(code, texts[0], texts[1], time.monotonic() - start)


def launched(arguments: Sequence[str], folder: Path, **environment: str) -> Ended:
    """Run ``tracer-env ARGUMENTS`` as a program of its own, with these environment variables besides ours."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tracer_env.cli", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Ended(124, "", f"not done after {_PATIENCE:.0f} s", time.monotonic() - start)
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - start)


def digests(folder: Path, leave_out: Sequence[str] = ()) -> dict[str, str]:
    """Return the digest of every file below ``folder`` by its relative path, links told as such."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_file() and path.name not in leave_out:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def one_line(err: str) -> str | None:
    """Return what is wrong with a refusal: None for one line that begins with ``error:`` and owns up to no bug."""
    lines = [line for line in err.splitlines() if "error:" in line or "Traceback" in line or "a bug" in line]
    if len(lines) != 1 or not lines[0].startswith("error: ") or "a bug" in lines[0]:
        return f"no single line of an error: {err[-600:]!r}"
    return None


def changed(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return which files differ, are missing, or are there besides."""
    names = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    kinds = {
        name: "differs" if name in found and name in expected else "is missing" if name in expected else "is extra"
        for name in names
    }
    return ", ".join(f"{name} {kind}" for name, kind in kinds.items()) or "nothing"


def _become(body: Callable[[], int], out: int, err: int) -> None:
    """Run ``body`` as the whole of this forked process; never returns."""
    code = 70
    try:
        os.setpgid(0, 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (lives as long as the process)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
        code = body()
        sys.stdout.flush()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _followed(child: int, pipes: tuple[int, int], start: float, kill_after: float | None) -> tuple[int, list[str]]:
    """Read what a child prints until it ends, killing it and its children in time; return (code, texts)."""
    texts, watch = [bytearray(), bytearray()], selectors.DefaultSelector()
    for place, pipe in enumerate(pipes):
        os.set_blocking(pipe, False)
        watch.register(pipe, selectors.EVENT_READ, place)
    deadline = start + (_PATIENCE if kill_after is None else kill_after)
    ended, status = 0, 0
    while not ended:
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        pause = max(0.0, min(0.02, deadline - time.monotonic()))
        if not _drain(watch, texts, pause):
            time.sleep(pause)
        ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # what it started and left behind: workers of mathematics
    _drain(watch, texts, 0.0)
    watch.close()
    return os.waitstatus_to_exitcode(status), [text.decode("utf-8", "replace") for text in texts]


def _drain(watch: selectors.BaseSelector, texts: list[bytearray], pause: float) -> bool:
    """Read what is there; return whether a pipe is still open."""
    for key, _ in watch.select(pause):
        while True:
            try:
                piece = os.read(key.fd, 1 << 16)
            except BlockingIOError:
                break
            if not piece:
                watch.unregister(key.fd)
                break
            texts[key.data] += piece
    return bool(watch.get_map())
