"""The books of one piece of work: which chunks are out, which are done, which have to be done again.

    ledger = Ledger(chunks, ahead=8, lives=3)
    number, chunk = ledger.give()           to a worker that is free; None: nothing to give at the moment
    ledger.enter(number, result)            what came back, an exception where it failed
    ledger.lose(number, chunk, why)         the worker is gone: the chunk is given again, before all others
    result = ledger.take()[0]               the next in order, () where it is not there yet

Results are handed on in the order of the chunks, each once, so losses show nowhere. An exception is raised in its turn,
after everything before it; meanwhile nothing new is begun. No more than ``ahead`` chunks are open at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from tracer_env.errors import ExecutorError

__all__ = ["Ledger"]


class Ledger:
    """Hands chunks out and results on; ``chunks`` is read no further than needed."""

    def __init__(self, chunks: Iterable[Any], ahead: int, lives: int) -> None:
        self._chunks, self._ahead, self._lives = enumerate(chunks), ahead, lives
        self._again: deque[tuple[int, Any]] = deque()
        self._done: dict[int, Any] = {}
        self._losses: dict[int, int] = {}
        self._begun = self._taken = 0
        self._exhausted = self._failed = False

    @property
    def finished(self) -> bool:
        """Whether every chunk has been handed on."""
        return self._exhausted and self._taken == self._begun

    def give(self) -> tuple[int, Any] | None:
        """Return the next chunk for a free worker, with its number."""
        if self._again:
            return self._again.popleft()
        if self._failed or self._exhausted or self._begun - self._taken >= self._ahead:
            return None
        item = next(self._chunks, None)
        if item is None:
            self._exhausted = True
            return None
        self._begun += 1
        return item

    def enter(self, number: int, result: Any) -> None:
        """Take note of what a chunk came to."""
        self._failed |= isinstance(result, BaseException)
        self._done[number] = result

    def lose(self, number: int, chunk: Any, why: str) -> None:
        """Have a chunk done again; raises ExecutorError where it has cost too many workers."""
        self._losses[number] = self._losses.get(number, 0) + 1
        if self._losses[number] >= self._lives:
            raise ExecutorError(
                f"chunk {number} has cost {self._lives} workers, the last because {why}; give workers more memory, or "
                "make chunks smaller (executor.chunk), then continue the run with --resume"
            )
        self._again.append((number, chunk))

    def take(self) -> tuple[Any, ...]:
        """Return the next result in order, alone in a tuple, which is empty while it is not there; raises a failure."""
        if self._taken not in self._done:
            return ()
        result = self._done.pop(self._taken)
        if isinstance(result, BaseException):
            raise result
        self._taken += 1
        return (result,)
