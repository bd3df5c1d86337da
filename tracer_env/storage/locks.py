"""Who writes into a folder: one owner at a time, until it is done or dead.

    with locked(folder):
        ...                 everybody else who asks for it is refused, in one line that says who has it

The lock is the system's own (`flock`) on the file ``.lock.tracer-env`` in the folder. It belongs to that one opening
of the file, so

    a second call is refused in another process and in another thread of this one alike;
    it ends with its owner, however that dies: what `kill -9` leaves is a file that locks nothing;
    a process that is suspended keeps it;
    no child keeps it alive: a started program does not inherit it, a forked one closes it first of all;
    reading or reopening the file, as copying the folder does, loses nothing (`lockf` would lose it).

At the end the file goes, while it is still locked; whoever has opened it in the meantime finds that it is not the
one of that name any more, and opens the new one. It names a process and a time, and no machine: so on a drive that
several machines share the process may be another's. Whoever only reads a folder needs no lock. Where a file system
has none, one warning says so, and nothing is put in its place: what a dead owner leaves would lock for ever.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracer_env.errors import RunFolderError
from tracer_env.terminal.plain import visible

__all__ = ["LOCK", "claim", "locked"]

LOCK = ".lock.tracer-env"
"""The file that is locked; it stands in a folder while somebody writes there, or was killed there."""

_HELD: set[int] = set()
_OPENING = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_HOLDER = re.compile(r"(\d{1,10}) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\n", re.ASCII)
_FAR = 1 << 30
"""A byte that no file of ours reaches: Windows lets nobody read what is locked."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Own ``folder`` until the block ends. Raises RunFolderError when another has it, OSError when it cannot be had."""
    owner, path = os.getpid(), folder.resolve() / LOCK
    number = _taken(folder, path)
    _HELD.add(number)
    try:
        with suppress(OSError):  # a full disk: the lock is held all the same
            os.ftruncate(number, 0)
            os.write(number, f"{owner} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
        yield
    finally:
        if os.getpid() == owner:  # not in a child that was forked inside the block
            _HELD.discard(number)
            _release(number, path)


def claim(number: int) -> bool:
    """Lock an open file without waiting, until it is closed or its process dies; return whether it is ours now.

    Raises OSError where the file system has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(number, _FAR, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            os.lseek(number, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def _taken(folder: Path, path: Path) -> int:
    """Return the locked file, open."""
    while True:
        number = _opened(path)
        try:
            if not claim(number):
                raise RunFolderError(_refusal(folder, number))
        except OSError as error:
            line = (
                f"the file system of {folder} has no locks ({error.strerror}): see to it that nobody else writes there"
            )
            warnings.warn(visible(line), stacklevel=4)
            return number
        except RunFolderError:
            os.close(number)
            raise
        if _is_named(number, path):
            return number
        os.close(number)  # its owner removed it between our two steps


def _opened(path: Path) -> int:
    try:
        number = os.open(path, _OPENING, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
            raise RunFolderError(f"{path} is not the plain file that locks are held on; move it away") from error
        raise
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(number)
        raise RunFolderError(f"{path} is not the plain file that locks are held on; move it away")
    return number


def _is_named(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.lstat())
    except FileNotFoundError:
        return False


def _release(number: int, path: Path) -> None:
    if sys.platform == "win32":  # which removes nothing that is open
        os.close(number)
        with suppress(OSError):
            path.unlink()
        return
    if _is_named(number, path):
        with suppress(OSError):
            path.unlink()
    os.close(number)


def _refusal(folder: Path, number: int) -> str:
    """Say who has the folder, as far as the file tells."""
    found = None
    with suppress(OSError, UnicodeDecodeError):
        found = _HOLDER.fullmatch(os.read(number, 64).decode("ascii"))
    who = f"process {found[1]} since {found[2]}" if found else "another process"
    return f"{folder} is being written to by {who}; wait until it has ended, or stop it"


def _forget() -> None:
    """Let go of the locks in a child that was forked: they are its parent's."""
    for number in _HELD:
        with suppress(OSError):
            os.close(number)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
