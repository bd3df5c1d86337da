"""How work ends that nobody finished: stopped from outside, or refused by the machine.

    with stoppable():       SIGTERM and SIGHUP end the work like Ctrl-C, as the exception `Stopped`
        ...

A command that is stopped says how to go on, lets go of its folder, and exits with 128 and the signal's number: 130 for
Ctrl-C, 143 for SIGTERM, 129 for SIGHUP. A signal that was ignored before (under nohup) stays so. `failure` puts what
the system refuses (a full disk, a missing permission, too many open files) into one line that ends with a remedy.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopped", "failure", "handling", "remedy", "stoppable"]

_GENTLE = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_Handler = Callable[[int, FrameType | None], object]


class Stopped(KeyboardInterrupt):
    """Ctrl-C, or a signal that means the same."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` for SIGTERM and SIGHUP inside the block; nothing changes outside the main thread."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    with handling(stop, *_GENTLE):
        yield


@contextmanager
def handling(handle: _Handler, *numbers: int) -> Iterator[None]:
    """Let ``handle`` answer the signals, unless they were ignored; the handlers of before are back at the end.

    A child that was forked in the block ends by them as it would without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def ours(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            handle(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: old for number, old in before.items() if old is not None and old != signal.SIG_IGN}
    for number in before:
        signal.signal(number, ours)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


_REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EROFS: "choose a place that can be written to",
    errno.EACCES: "give the permission, or choose another place",
    errno.EPERM: "give the permission, or choose another place",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the system's limit on open files",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EEXIST: "choose another name: something else stands there",
    errno.ENOENT: "see where it has gone",
    errno.ENOTDIR: "choose another name: a file stands where a folder is needed",
    errno.ENOMEM: "give it more memory",
}


def failure(error: OSError | MemoryError) -> str:
    """Return one line on what the system refused, of which file, and what helps."""
    if isinstance(error, MemoryError):
        return "the memory does not suffice; take smaller batches or fewer tasks, or give it more memory"
    if error.errno is None:
        return str(error) or type(error).__name__
    what = f"{error.filename}: " if error.filename is not None else ""
    folder = getattr(error, "run_folder", None)
    on = "" if folder is None else f", then continue with --resume {folder}"
    return f"{what}{error.strerror}; {remedy(error)}{on}"


def remedy(error: OSError) -> str:
    """Return what helps where the system refused something."""
    return _REMEDIES.get(error.errno or 0, "the system refused it")
