"""Arrays of an npz file from elsewhere: every size and kind is checked before a number is unpacked.

    load_arrays(path, {"grade_0": Wanted(np.int8, (400, 1)), ...})

An archive says how large its entries are and an array says its shape and kind; none of it is believed. Asked for are
arrays of known names and shapes, so the sizes must be those that follow. Whole numbers of any width or byte order
are taken when every one of them fits into the kind that is wanted; truth values are taken for truth values alone, and
floating point numbers of float32 or narrower where such are wanted, NaN among them, infinite ones not.
Complex numbers, dates, texts, records and objects are refused, whatever they hold.
Nothing is unpickled.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tracer_env.intake.bounded import MEBIBYTE, shown, told
from tracer_env.intake.checked import Misfit

__all__ = ["UNPACKING", "Wanted", "load_arrays"]

UNPACKING = (
    *(OSError, EOFError, ValueError, RuntimeError, MemoryError, OverflowError, SyntaxError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
)
"""What numpy, zipfile and zlib raise for bytes that are no archive of arrays."""

_HEADER = 1 << 12
_RATIO = 200
"""How much smaller than its arrays an archive may be; those of real dialogues are at most 30 times smaller."""
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Wanted:
    """What an array must be: its kind once it is read, and its shape."""

    kind: DTypeLike
    shape: tuple[int, ...]

    @property
    def entries(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=np.int64))


def load_arrays(path: Path, wanted: Mapping[str, Wanted]) -> dict[str, NDArray[Any]]:
    """Return exactly these arrays. Raises Misfit for an archive of others, one of `UNPACKING` for no archive at all."""
    with zipfile.ZipFile(path) as archive:
        entries = _entries(archive, wanted)
        most = _RATIO * path.stat().st_size + MEBIBYTE
        if (total := sum(entry.file_size for entry in entries.values())) > most:
            raise Misfit(f"unpack to {total} bytes, more than {_RATIO} times the file; no dialogues shrink so much")
        found = {}
        for name, entry in entries.items():
            try:
                with archive.open(entry) as stream:
                    found[name] = _array(stream, entry.file_size, wanted[name])
            except Misfit as misfit:
                raise misfit.under(name) from None
            except UNPACKING as error:
                raise Misfit(f"cannot be unpacked ({told(error)})", name) from error
    return found


def _entries(archive: zipfile.ZipFile, wanted: Mapping[str, Wanted]) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by the array's name, their sizes and packing checked."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.filename.removesuffix(".npy")
        if name not in wanted or name in found:
            raise Misfit(f"is {'there twice' if name in found else 'none of the arrays'}", entry.filename)
        if entry.compress_type not in _PLAIN or entry.flag_bits & 1:
            raise Misfit("is packed in a way that is not read; save it with numpy.savez_compressed", name)
        found[name] = entry
    if missing := [name for name in wanted if name not in found]:
        raise Misfit("is missing", missing[0])
    return {name: found[name] for name in wanted}


def _array(stream: IO[bytes], size: int, wanted: Wanted) -> NDArray[Any]:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise Misfit(f"has the format {version}; formats (1, 0) and (2, 0) are read")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = header(stream)
    target = np.dtype(wanted.kind)
    if kind.kind not in _KINDS[target.kind] or (target.kind == "f" and kind.itemsize > target.itemsize):
        raise Misfit(f"holds {shown(str(kind))} where {_NEEDED[target.kind]} must stand")
    if shape != wanted.shape:
        raise Misfit(f"has the shape {shown(shape)}, not {wanted.shape}")
    if not 0 < size - wanted.entries * kind.itemsize < _HEADER:
        raise Misfit(f"has {size} bytes, which is not what {wanted.entries} numbers of kind {kind} need")
    array = np.empty(wanted.entries, dtype=kind)
    _fill(stream, array)
    return _fitted(array.reshape(shape, order="F" if fortran else "C"), target)


_KINDS = {"b": "b", "i": "iu", "u": "iu", "f": "f"}
_NEEDED = {"b": "truth values", "i": "whole numbers", "u": "whole numbers", "f": "numbers of kind float32"}


def _fill(stream: IO[bytes], array: NDArray[Any]) -> None:
    """Unpack into the array, exactly as many bytes as it has; reading to the end checks the archive's sum."""
    room = array.view(np.uint8)
    done = 0
    while done < len(room):
        piece = stream.read(min(MEBIBYTE, len(room) - done))
        if not piece:
            raise Misfit("ends too early")
        room[done : done + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        done += len(piece)
    if stream.read(1):
        raise Misfit("goes on after its last number")


def _fitted(array: NDArray[Any], target: np.dtype[Any]) -> NDArray[Any]:
    if target.kind == "f":
        if np.isinf(array).any():
            raise Misfit("holds numbers that are infinite")
        return np.ascontiguousarray(array.astype(target))
    if array.dtype == target:
        if target.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise Misfit("holds bytes that are no truth values")
        return np.ascontiguousarray(array)
    limits = np.iinfo(target)
    if array.size and not (limits.min <= int(array.min()) and int(array.max()) <= limits.max):
        raise Misfit(f"leaves the range {limits.min} to {limits.max}: it holds {array.min()} to {array.max()}")
    return np.ascontiguousarray(array.astype(target))
