"""Workers of Ray: chunks go to actors, each with a speaker of its own, on one machine or a cluster.

    --executor ray --set executor.workers=8 --set executor.num_gpus=1 --set executor.address=ray://head:10001

A worker is an actor with as many processors and GPUs as asked for. It has one chunk at a time; results come back as
they are ready and are handed on in order, at most `AHEAD` chunks a worker before the one that is waited for. A worker
that is lost (killed, out of memory, its node gone) is replaced and its chunk is done again, by whom is free first; a
chunk that has cost `LIVES` workers ends the run, which can be continued. Nothing but the caller writes.

Ray sends parts and results by its own pickles: whoever can join a cluster can run code in it, which is Ray's own rule.
Every node needs this package in the version of the driver, and what is named by a path at that path.
"""

from __future__ import annotations

import math
import os
import pickle
import signal
import sys
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from annotated_types import Ge

from tracer_env.annotations import Count
from tracer_env.errors import ConfigError, ExecutorError, MissingExtraError, TracerEnvError
from tracer_env.executors.ledger import Ledger
from tracer_env.executors.seam import Failed, Work
from tracer_env.executors.standing_in import stand_in
from tracer_env.interfaces import Speaker
from tracer_env.settings import require
from tracer_env.terminal.screen import complain

__all__ = ["AHEAD", "LIVES", "RayExecutor", "Worker"]

C = TypeVar("C")
R = TypeVar("R")
_Share = Annotated[float, Ge(0)]

AHEAD = 4
"""How many chunks a worker may be done before the one that is waited for: what bounds the driver's memory."""
LIVES = 3
"""How many workers a chunk may cost."""
_PATIENCE = 30.0  # seconds without any worker, after which it is said


class Worker:
    """What runs in an actor: it makes what work needs, once, and does chunks."""

    def __init__(self, folder: str, paths: list[str]) -> None:
        if os.path.isdir(folder):  # relative paths mean what they mean to the driver, where its folder is there too
            os.chdir(folder)
        sys.path.extend(path for path in paths if path not in sys.path)
        self._key, self._does = -1, _nothing

    def hello(self) -> tuple[str, str]:
        """Return the versions of this package and of Python, which must be the driver's."""
        return _versions()

    def do(self, key: int, parcel: list[Any], chunk: Any) -> Any:
        """Do a chunk of the work behind ``parcel``, a reference to it; errors of ours come back as data."""
        import ray

        try:
            if key != self._key:
                self._does = ray.get(parcel[0]).ready()
                self._key = key
            return self._does(chunk)
        except TracerEnvError as error:
            return Failed.of(error)


def _nothing(chunk: Any) -> Any:
    raise AssertionError("a worker was given a chunk before its work")


def _versions() -> tuple[str, str]:
    from tracer_env import __version__

    return __version__, ".".join(map(str, sys.version_info[:2]))


@dataclass(frozen=True)
class _Errand:
    """A chunk on its way, or (number -1) a worker that is starting."""

    worker: Any
    number: int = -1
    chunk: Any = None


class RayExecutor:
    """Workers of Ray (extra ``ray``), started on this machine or found in a cluster.

    ``address``: a cluster's, as Ray takes it (``ray://host:10001``, ``host:6379``, ``auto``); without one RAY_ADDRESS
    counts, and else workers are started here and end with the run. ``workers``: how many (as many as there is room
    for); each holds ``num_cpus`` processors and ``num_gpus`` GPUs, which may be fractions. ``chunk``: tasks that go to
    a worker together (what one process takes at once). Raises MissingExtraError without ray, ConfigError where there
    is no room for the workers, ExecutorError where a cluster cannot be reached.
    """

    apart = True

    def __init__(
        self,
        *,
        address: str | None = None,
        workers: Count | None = None,
        num_cpus: _Share = 1,
        num_gpus: _Share = 0,
        chunk: Count | None = None,
    ) -> None:
        require("executor.", Count | None, workers=workers, chunk=chunk)
        require("executor.", _Share, num_cpus=num_cpus, num_gpus=num_gpus)
        self._ray, self.chunk, self._needs = _imported(), chunk, {"num_cpus": num_cpus, "num_gpus": num_gpus}
        there = address or os.environ.get("RAY_ADDRESS")
        self._ours = not self._ray.is_initialized()
        self.shares_files = self._ours and not there  # a cluster may be other machines
        self._idle: list[Any] = []
        self._out: dict[Any, _Errand] = {}
        self._works = self._starts = 0
        self._told = False
        if self._ours:
            _join(self._ray, there, math.ceil(num_cpus * (workers or 0)))
        try:
            self.workers = self._room(workers, local=self._ours and not there)
        except ConfigError:
            self.close()
            raise

    def size(self, usual: int, total: int, free: bool) -> int:
        """Return the chunk that was asked for; else what is usual, or of free words a share for every worker."""
        if self.chunk is not None:
            return self.chunk
        return min(usual, max(1, math.ceil(total / self.workers))) if free else usual

    def speaker(self, name: str, **settings: Any) -> Speaker:
        """Return what stands for a speaker that the workers make."""
        return stand_in(self, name, settings)

    def run(self, work: Work[C, R], chunks: Iterable[C]) -> Generator[R, None, None]:
        """Yield the results in the order of the chunks; see `seam.Executor`."""
        self._works += 1
        key, parcel, ledger = self._works, self._parcel(work), Ledger(chunks, AHEAD * self.workers, LIVES)
        try:
            while not ledger.finished:
                self._hand_out(key, parcel, ledger)
                found = ledger.take()
                yield from found
                self._gather(ledger, wait=not found)
        finally:
            self._abandon()

    def close(self) -> None:
        """Let go of all workers, and of Ray where it was begun here."""
        if self._ray.is_initialized():
            self._abandon()
            for worker in self._idle:
                self._ray.kill(worker)
            self._idle = []
            if self._ours:
                self._ray.shutdown()
                _messages(True)

    def _parcel(self, work: Any) -> list[Any]:
        """Put work where workers find it; in a list, so that it is read once a worker and not once a chunk."""
        try:
            return [self._ray.put(work)]
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            line = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ConfigError(
                f"a part cannot be sent to workers ({line:.200}); give it by a name that they look up (file.py:Name)"
            ) from error

    def _hand_out(self, key: int, parcel: list[Any], ledger: Ledger) -> None:
        """Give each idle worker a chunk, and have as many workers as were asked for."""
        while self._idle and (item := ledger.give()) is not None:
            worker = self._idle.pop()
            self._out[worker.do.remote(key, parcel, item[1])] = _Errand(worker, *item)
        while not ledger.finished and len(self._idle) + len(self._out) < self.workers:
            made = self._ray.remote(Worker).options(**self._needs, scheduling_strategy="SPREAD")
            worker = made.remote(os.getcwd(), [path for path in sys.path if path])
            self._out[worker.hello.remote()] = _Errand(worker)

    def _gather(self, ledger: Ledger, wait: bool) -> None:
        """Take note of what has come back, at least one thing where ``wait`` is asked for."""
        if not self._out:
            return
        try:
            ready, _ = self._ray.wait(list(self._out), num_returns=1, timeout=_PATIENCE if wait else 0)
        except ConnectionError as error:
            raise _unreachable(error) from error
        if wait and not ready and not self._told and all(errand.number < 0 for errand in self._out.values()):
            complain("waiting for the cluster to start a worker")
            self._told = True
        for ref in ready:
            self._enter(ledger, self._out.pop(ref), ref)

    def _enter(self, ledger: Ledger, errand: _Errand, ref: Any) -> None:
        try:
            result = self._ray.get(ref)
        except ConnectionError as error:
            raise _unreachable(error) from error
        except self._ray.exceptions.RayTaskError as error:  # no error of ours: a fault in a part, or a bug
            result = error.cause or error
        except self._ray.exceptions.RayError as error:
            self._lost(ledger, errand, error)
            return
        self._idle.append(errand.worker)
        if errand.number >= 0:
            ledger.enter(errand.number, result.error() if isinstance(result, Failed) else result)
        elif result != _versions():
            raise ConfigError(
                f"a node of the cluster has tracer-env {result[0]} on Python {result[1]}, and the driver "
                f"{_versions()[0]} on {_versions()[1]}; install the same on every node"
            )
        self._starts = 0

    def _lost(self, ledger: Ledger, errand: _Errand, error: Exception) -> None:
        """Let go of a worker that is gone, and have its chunk done again."""
        why = " ".join(str(error).split())[:200] or type(error).__name__
        with suppress(Exception):  # it may be half gone
            self._ray.kill(errand.worker)
        if errand.number >= 0:
            complain(f"a worker was lost; its chunk is done again ({type(error).__name__})")
            ledger.lose(errand.number, errand.chunk, why)
            return
        self._starts += 1
        if self._starts > LIVES * self.workers:
            raise ExecutorError(f"workers end as soon as they start, the last because {why}; see Ray's own logs")

    def _abandon(self) -> None:
        """Let go of workers in the middle of something that nobody waits for any more."""
        for errand in self._out.values():
            with suppress(Exception):  # it may be gone already
                self._ray.kill(errand.worker)
        self._out = {}

    def _room(self, asked: int | None, local: bool) -> int:
        """Return how many workers there shall be; raises ConfigError where they never fit."""
        if asked is None and not any(self._needs.values()):
            raise ConfigError("executor.num_cpus and executor.num_gpus are 0, so say how many: executor.workers=4")
        have = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        fitting = [_fit(node, self._needs) for node in have]
        room = sum(fitting)
        if room < 1 or (local and asked is not None and asked > room):
            most = ", ".join(f"{sum(node.get(kind, 0) for node in have):g} {kind}s" for kind in ("CPU", "GPU"))
            raise ConfigError(
                f"there is room for {room:g} workers of executor.num_cpus={self._needs['num_cpus']:g} and "
                f"executor.num_gpus={self._needs['num_gpus']:g}, {asked or 1} asked for: Ray knows of {most}"
            )
        return int(room) if asked is None else asked


def _fit(node: dict[str, float], needs: dict[str, float]) -> float:
    """Return how many workers a node has room for; without end where they need nothing."""
    asked = [(node.get(kind, 0.0), needs[name]) for kind, name in (("CPU", "num_cpus"), ("GPU", "num_gpus"))]
    return min((math.floor(there / need) for there, need in asked if need), default=math.inf)


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--executor ray", "ray", "ray") from error
    return ray


def _join(ray: Any, address: str | None, cpus: int) -> None:
    """Connect to a cluster, or start workers' processes on this machine; our own handlers of signals stay."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    kept = signal.getsignal(signal.SIGTERM)
    here = {"num_cpus": max(cpus, os.cpu_count() or 1), "include_dashboard": False}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level="ERROR", **({} if address else here))
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ExecutorError(f"no Ray cluster answers at {address or 'this machine'}: {line:.300}") from error
    finally:
        with suppress(ValueError, TypeError):  # outside the main thread there is nothing to restore
            signal.signal(signal.SIGTERM, kept)
    _messages(False)


def _messages(wanted: bool) -> None:
    """Let Ray print its nodes' messages or not: it does so to stdout, whatever ``log_to_driver`` says."""
    with suppress(ImportError):
        from ray._private import worker

        worker._worker_logs_enabled = wanted


def _unreachable(error: Exception) -> ExecutorError:
    return ExecutorError(f"the Ray cluster answers no more ({error}); continue the run with --resume when it does")
