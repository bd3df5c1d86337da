"""Ctrl-C in long work: the step that runs is finished first, a second Ctrl-C stops at once.

    with patient() as interrupted:
        for step in steps:
            ...
            if interrupted():
                save, then raise KeyboardInterrupt

SIGTERM and SIGHUP do the same; the KeyboardInterrupt leaves the block as the `Stopped` of the signal that came.
Outside the main thread, where signals cannot be caught, nothing changes.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tracer_env.storage.endings import Stopped, handling
from tracer_env.terminal.screen import complain

__all__ = ["patient"]

_NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def patient() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; the old handler is back at the end."""
    came: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if came:
            raise Stopped(number)
        came.append(number)
        complain("finishing this step, then saving; press Ctrl-C again to stop at once")

    with handling(handle, *_NUMBERS):
        try:
            yield lambda: bool(came)
        except KeyboardInterrupt as error:
            if not came or isinstance(error, Stopped):
                raise
            raise Stopped(came[0]) from error
