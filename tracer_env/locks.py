"""Who writes into a folder: one owner at a time, until it is done or dead."""

from __future__ import annotations

import os
import sys

__all__ = ["claim"]


def claim(number: int) -> bool:
    """Lock an open file without waiting, until it is closed or its process dies; return whether it is ours now."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(number, _FAR, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
            os.lseek(number, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


_FAR = 1 << 30
"""A byte that no file of ours reaches: Windows lets nobody read what is locked."""
