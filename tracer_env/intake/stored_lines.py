"""Gzipped JSON lines from elsewhere: unpacked piece by piece, so that no line costs more than it may hold.

A gzip file of a few megabytes may unpack to gigabytes in one line. Here it is unpacked 256 kB at a time, and given
up as soon as a line is longer than `LONGEST` or there are more lines than were promised.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tracer_env.errors import DataError
from tracer_env.intake.bounded import MEBIBYTE, decode, shown_path, told
from tracer_env.intake.checked import Misfit, Reader

__all__ = ["LONGEST", "at_most", "read_lines"]

T = TypeVar("T")

LONGEST = 16 * MEBIBYTE
_PIECE = 1 << 18
_SHORTEST = 12  # bytes of the shortest line that means anything
_RATIO = 1032  # what deflate can shrink at best


def at_most(path: Path) -> int:
    """Return how many lines a file of its size can hold, to check a promised number against."""
    return path.stat().st_size * _RATIO // _SHORTEST


def read_lines(
    path: Path, reader: Reader[T], count: int, quick: Callable[[bytes], T | None] = lambda content: None
) -> Iterator[T]:
    """Return the data of each of ``count`` lines, read by ``reader``. Raises DataError in one line that has the number.

    ``quick`` may read a line first; where it returns None, ``reader`` reads it, and says what is wrong with it. That
    there are fewer lines is for the caller to notice: it may know why.
    """
    number = 0
    try:
        for number, content in enumerate(_lines(path), start=1):
            if number > count:
                raise DataError(f"{shown_path(path)} holds more than {count} lines, which is what there should be")
            found = quick(content)
            yield reader(decode(content)) if found is None else found
    except Misfit as misfit:
        raise DataError(f"{shown_path(path)}: line {number}: {misfit}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{shown_path(path)} is damaged after line {number} ({told(error)})") from error
    except ValueError as error:
        raise DataError(f"{shown_path(path)}: line {number} cannot be read: {error}") from None


def _lines(path: Path) -> Iterator[bytes]:
    rest = b""
    with gzip.open(path, "rb") as file:
        while piece := file.read(_PIECE):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
            if len(rest) > LONGEST:
                raise ValueError(f"the next line has more than {LONGEST} bytes; no text is as long")
    if rest:
        yield rest
