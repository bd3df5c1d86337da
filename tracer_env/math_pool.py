"""The clock over mathematics: a few worker processes that compare answers, each killed when it is late.

    compare(gold, answer)    True or False, or None when the time or the memory of the worker ran out

Workers are plain subprocesses of `math_worker`: nothing is forked, the caller's main module is not
imported again, and any thread may call. They start when they are first needed, at most `SIZE` of them, and
end with this process. A worker that is late is killed and its replacement started at once, in the background.
A forked child of this process leaves its parent's workers alone and starts its own.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tracer_env.errors import MissingExtraError, TracerEnvError

__all__ = ["SIZE", "TIMEOUT", "MathPool", "compare", "require_math_verify"]

SIZE = min(4, os.cpu_count() or 1)
"""How many workers run at most."""
TIMEOUT = 1.0
"""Seconds a comparison may take on a worker that is ready; a replacement is ready in about half a second."""
STARTUP_TIMEOUT = 60.0
"""Seconds a worker may take to load math-verify."""
_PROGRAM = Path(__file__).with_name("math_worker.py")


def require_math_verify() -> None:
    """Raise MissingExtraError unless math-verify is installed."""
    if importlib.util.find_spec("math_verify") is None:
        raise MissingExtraError("math answers", "math-verify", "math")


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
        self._ready = False

    def ask(self, job: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """Return the reply, or None when the worker was late or died; then it is of no more use."""
        if not self._ready:
            hello = self._reply(STARTUP_TIMEOUT)
            if hello is None or "error" in hello:
                self.close()
                reason = hello["error"] if hello else f"it did not start within {STARTUP_TIMEOUT:.0f} s"
                raise TracerEnvError(f"the math worker {_PROGRAM} cannot work: {reason}")
            self._ready = True
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(job).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError:
            return None
        return self._reply(seconds)

    def _reply(self, seconds: float) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        clock = threading.Timer(seconds, self._process.kill)
        clock.daemon = True
        clock.start()
        line = self._process.stdout.readline()
        clock.cancel()
        if not line.endswith(b"\n"):
            return None
        reply: dict[str, Any] = json.loads(line)
        return reply

    def close(self) -> None:
        """End the process and free its pipes."""
        self._process.kill()
        self._process.communicate()


class MathPool:
    """At most ``size`` workers, started when needed, shared by all threads."""

    def __init__(self, size: int = SIZE, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    def compare(self, gold: str, answer: str) -> bool | None:
        """Return whether two answers are equal, or None when time or memory ran out."""
        with self._slots:
            worker = self._take()
            try:
                reply = worker.ask({"gold": gold, "answer": answer}, self._timeout)
            except BaseException:  # Ctrl-C as well: a worker with a reply on its way must not be used again
                self._drop(worker)
                raise
            if reply is None:
                self._drop(worker)
                worker = self._start()
            with self._lock:
                self._idle.append(worker)
        return None if reply is None or reply.get("exhausted") else bool(reply["equal"])

    def close(self) -> None:
        """End all workers; the next comparison starts new ones."""
        with self._lock:
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.close()

    def _take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._start()

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


def compare(gold: str, answer: str) -> bool | None:
    """Return whether two answers are equal, or None when time or memory ran out; from any thread."""
    return _pool.compare(gold, answer)


def _forget() -> None:
    """In a forked child: the workers are the parent's, and so are the locks as they were."""
    global _pool
    _pool = MathPool()


atexit.register(lambda: _pool.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
