"""Memory that is freed goes back to the system while gradients are computed on a CPU.

glibc's allocator keeps freed blocks, and raises the size up to which it keeps them whenever a larger one is freed. Once
it keeps 30 MB blocks, the many tensors of a forward and backward pass lie scattered among holes that nothing fits
into: a process of SmolLM2 held twice what it used. Inside `lean_memory` what was kept is given back first, and blocks
from 2 MB on come from the system and return to it. Smaller ones are kept, for the system's work on pages takes time:
a limit of 1 MB cost a fifth of the speed, one of 4 MB half as much memory again. Drawing, which allocates all the
time, keeps its quick way.

Elsewhere (GPUs, other systems) nothing happens: there torch or the system has an allocator of its own.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

__all__ = ["lean_memory"]

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LEAN, _QUICK = 2 << 20, 32 << 20  # the latter is where glibc's own adjustment ends


@contextmanager
def lean_memory(device: str) -> Iterator[None]:
    """Give freed memory back at once while inside, if ``device`` is ``cpu`` and the allocator is glibc's."""
    library = _glibc() if device == "cpu" else None
    if library is None:
        yield
        return
    library.malloc_trim(0)
    library.mallopt(_MMAP_THRESHOLD, _LEAN)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _QUICK)


@lru_cache(maxsize=1)
def _glibc() -> Any:
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError):
        return None
