"""The clock over mathematics: a few worker processes that compare answers, each under a clock of its own.

    compare(gold, answer)    True or False, or None when the time or the memory of the worker ran out

Workers are plain subprocesses of `math_worker`: nothing is forked, the caller's main module is not
imported again, and any thread may call. They start when they are first needed, at most `SIZE` of them, and
end with this process. A forked child of this process leaves its parent's workers alone and starts its own.

Three things can go wrong, and they are told apart:

    late        the worker has *computed* for longer than the job's seconds. It counts its own processor time, and
                that ends it: a busy machine, a suspended one and a stopped process change no grade. The answer is
                None, and a replacement is started at once, in the background.
    dead        it was killed, or crashed. Another one is asked the same thing once more; when that dies as well
                (memory that the system takes back, say), the answer is None. A worker that dies while it starts or
                while it is idle is replaced: no job has to do with that.
    silent      it neither answers nor computes for a minute. It is killed: dead.

Where the system has no clock of that kind (Windows) the seconds are those of the wall.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, MissingExtraError, TracerEnvError

__all__ = ["LONGEST", "SIZE", "TIMEOUT", "MathPool", "check_seconds", "compare", "require_math_verify"]

SIZE = min(4, os.cpu_count() or 1)
"""How many workers run at most."""
TIMEOUT = 1.5
"""Seconds of processor time that a comparison may take on a worker that is ready."""
LONGEST = 4_000
"""Characters of an answer that are sent; longer ones are not compared."""
_SILENCE = 60.0
_SLICE = 1.0
_ASKED = 2  # how often a job is given to a worker that dies over it
_STARTS = 5  # how often in a row a worker may be killed while it starts
_PROGRAM = Path(__file__).with_name("math_worker.py")
_LATE = -int(getattr(signal, "SIGPROF", 0))  # the exit code of a worker that its own clock has ended


def require_math_verify() -> None:
    """Raise MissingExtraError unless math-verify is installed."""
    if importlib.util.find_spec("math_verify") is None:
        raise MissingExtraError("reading an answer of mathematics", "math-verify", "math")


def check_seconds(seconds: float) -> float:
    """Return the seconds of processor time of a comparison; raises ConfigError for what no clock can be set to."""
    number = not isinstance(seconds, bool) and isinstance(seconds, int | float)
    if not number or not math.isfinite(seconds) or not 0.01 <= seconds <= 3600:
        raise ConfigError(f"math_seconds must be a number from 0.01 to 3600, got {seconds!r}")
    return float(seconds)


class _Watch:
    """Kills a process that is silent: it gives no sign for ``seconds`` while its processor time stands still.

    The seconds are counted in short waits of this process, so one that was stopped itself has seen no silence.
    """

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, wall: bool = False) -> None:
        self.struck = False
        self._process, self._seconds, self._wall = process, seconds, wall
        self._over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        silent, before = 0.0, _computed(self._process.pid)
        slice_ = min(_SLICE, self._seconds)
        while silent < self._seconds:
            if self._over.wait(slice_):
                return
            now = _computed(self._process.pid)
            silent = silent + slice_ if self._wall or now is None or now == before else 0.0
            before = now
        self.struck = True
        self._process.kill()


class _Worker:
    """One process; ``-P`` keeps our folder, which has a types.py, off its path."""

    def __init__(self) -> None:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        self._ready = self._own_clock = False
        self._struck = False

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def late(self) -> bool:
        """Whether the process was ended for computing too long."""
        return self._process.returncode == _LATE if self._own_clock else self._struck

    def greet(self) -> bool:
        """Wait until the worker is ready; False when it was killed. Raises TracerEnvError when it cannot work."""
        if self._ready:
            return True
        hello = self._reply(_SILENCE)
        if hello is not None and "error" not in hello:
            self._ready, self._own_clock = True, bool(hello["clock"])
            return True
        self.close()
        code = self._process.returncode
        if hello is None and code < 0 and not self._struck:
            return False
        reason = f"it did not start within {_SILENCE:.0f} s" if self._struck else f"it ended with exit code {code}"
        raise TracerEnvError(f"the math worker {_PROGRAM} cannot work: {hello['error'] if hello else reason}")

    def ask(self, job: dict[str, Any]) -> dict[str, Any] | None:
        """Return the reply, or None when the worker was late or died; then it is of no more use."""
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # it has died, or the pool was closed by another thread
            return None
        return self._reply(_SILENCE if self._own_clock else job["seconds"], wall=not self._own_clock)

    def _reply(self, seconds: float, wall: bool = False) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        with _Watch(self._process, seconds, wall) as watch:
            try:
                line = self._process.stdout.readline()
            except (OSError, ValueError):
                line = b""
        self._struck = watch.struck
        if not line.endswith(b"\n"):
            return None
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """End the process and free its pipes."""
        self._process.kill()
        self._process.communicate()


class MathPool:
    """At most ``size`` workers, started when needed, shared by all threads; ``timeout`` is that of `compare`."""

    def __init__(self, size: int = SIZE, timeout: float = TIMEOUT) -> None:
        self._timeout = check_seconds(timeout)
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    def compare(self, gold: str, answer: str, seconds: float | None = None) -> bool | None:
        """Return whether two answers are equal, or None when time or memory ran out, or one is too long to be sent."""
        if max(len(gold), len(answer)) > LONGEST:
            return None
        job = {"gold": gold, "answer": answer, "seconds": self._timeout if seconds is None else check_seconds(seconds)}
        with self._slots:
            for _ in range(_ASKED):
                worker = self._greeted()
                try:
                    reply = worker.ask(job)
                except BaseException:  # Ctrl-C as well: a worker with a reply on its way must not be used again
                    self._drop(worker)
                    raise
                if reply is not None:
                    self._put(worker)
                    return None if reply.get("exhausted") else bool(reply["equal"])
                self._drop(worker)
                if worker.late:
                    self._put(self._start())
                    break
        return None

    def close(self) -> None:
        """End all workers; the next comparison starts new ones."""
        with self._lock:
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.close()

    def _greeted(self) -> _Worker:
        """Return a worker that is alive and ready."""
        for _ in range(_STARTS):
            worker = self._take()
            try:
                if worker.greet():
                    return worker
            except BaseException:
                self._drop(worker)
                raise
            self._drop(worker)
        raise TracerEnvError(
            f"the math worker {_PROGRAM} was killed {_STARTS} times in a row while it started; "
            "see whether the machine is out of memory, then go on where you were"
        )

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return self._start()
            if worker.alive:
                return worker
            self._drop(worker)

    def _put(self, worker: _Worker) -> None:
        with self._lock:
            kept = worker in self._all
            if kept:
                self._idle.append(worker)
        if not kept:  # the pool was closed in the meantime
            worker.close()

    def _start(self) -> _Worker:
        worker = _Worker()
        with self._lock:
            self._all.add(worker)
        return worker

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.close()


_pool = MathPool()


def compare(gold: str, answer: str, seconds: float = TIMEOUT) -> bool | None:
    """Return whether two answers are equal, or None when time or memory ran out; from any thread."""
    return _pool.compare(gold, answer, seconds)


def _computed(process: int) -> tuple[bytes, ...] | None:
    """Return the processor time that a process has used, as the system writes it; None where it does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return tuple(fields[11:13])


def _forget() -> None:
    """In a forked child: the workers are the parent's, and so are the locks as they were."""
    global _pool
    _pool = MathPool()


atexit.register(lambda: _pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
