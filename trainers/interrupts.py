"""Ctrl-C in long work: the step that runs is finished first, a second Ctrl-C stops at once.

    with patient() as interrupted:
        for step in steps:
            ...
            if interrupted():
                save, then raise KeyboardInterrupt

Outside the main thread, where signals cannot be caught, nothing changes.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["patient"]


@contextmanager
def patient() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; the old handler is back at the end."""
    pressed = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        print("finishing this step, then saving; press Ctrl-C again to stop at once", file=sys.stderr, flush=True)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
