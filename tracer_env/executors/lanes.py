"""Many chunks at once in one process, for speakers that wait for a server: while one waits, another goes on.

    a chunk runs         in a thread of its own, one thread at a time: whoever holds the baton
    a speaker waits      it hands the baton on until its answers are there

So parts of all kinds may be used, as nothing of theirs runs beside anything else; only the waiting overlaps. Dialogues
no longer stand still until the slowest of their block has been answered. Results come in the order of the chunks.
Where the work ends early (a failure, Ctrl-C), what was finished out of turn is handed on before the error is raised,
for it was paid for: after a failure the chunks that have begun go on to their own ends, after Ctrl-C they are broken
off at once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from tracer_env.executors.seam import Work
from tracer_env.interfaces import Speaker
from tracer_env.parts.casting import make_speaker
from tracer_env.parts.seams import waiting_parts

__all__ = ["Lanes"]

C = TypeVar("C")
R = TypeVar("R")
_AHEAD = 4  # chunks a lane may be ahead of the first that is not finished


class Lanes:
    """Does as many chunks at once as one block would hold, each of one task."""

    apart, shares_files = False, True

    def __init__(self, speaker: Speaker) -> None:
        self._parts = waiting_parts(speaker)
        self._count = 1
        self._mine = threading.local()
        self._baton = threading.Lock()
        self._ended = threading.Event()

    def size(self, usual: int, total: int, free: bool) -> int:
        """Return 1: a task waits for no other."""
        self._count = max(1, min(usual, total))
        return 1

    def speaker(self, name: str, **settings: Any) -> Speaker:
        """Make the speaker here."""
        return make_speaker(name, **settings)

    def run(self, work: Work[C, R], chunks: Iterable[C]) -> Generator[R, None, None]:
        """Yield the results in the order of the chunks; see the module for what happens at an early end."""
        do, waiting = work.ready(), iter(chunks)
        going: deque[Future[R]] = deque()
        self._ended.clear()
        for part in self._parts:
            part.waiting = self._handed_on
        pool = ThreadPoolExecutor(self._count, "tracer-env-lane")
        try:
            while True:
                while len(going) < self._count * _AHEAD and (chunk := next(waiting, self)) is not self:
                    going.append(pool.submit(self._lane, do, chunk))
                if not going:
                    return
                yield going[0].result()
                going.popleft()
        except GeneratorExit:
            self._break_off()
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self._break_off()
            pool.shutdown(cancel_futures=True)
            yield from [each.result() for each in going if not each.cancelled() and each.exception() is None]
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            for part in self._parts:
                del part.waiting

    def close(self) -> None:
        """Nobody has to be let go."""

    def _lane(self, do: Callable[[Any], R], chunk: Any) -> R:
        with self._baton:
            self._mine.held = True
            return do(chunk)

    def _break_off(self) -> None:
        self._ended.set()
        for part in self._parts:
            part.interrupt()

    @contextmanager
    def _handed_on(self) -> Iterator[None]:
        """Let another lane go on inside the block."""
        if not getattr(self._mine, "held", False):  # somebody asks from outside of all lanes
            yield
            return
        if self._ended.is_set():
            raise KeyboardInterrupt
        self._baton.release()
        try:
            yield
        finally:
            self._baton.acquire()
