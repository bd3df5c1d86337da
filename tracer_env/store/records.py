"""What is kept of an answer: all that an utterance needs to be the same again, in plain bytes with a checksum.

    packed(record)            bytes: a MessagePack map, numbers as little-endian arrays
    unpacked(bytes)           the record; ValueError for whatever is none, or is out of bounds
    checksum(key, bytes)      16 bytes, which belong to this answer under this key alone

Floats come back bit for bit: as 32-bit numbers where all of them are such (what engines tell is), else as 64-bit ones.
Nothing in a record is code, and nothing in it is believed: a store may come from a stranger.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

__all__ = ["LARGEST", "Record", "checksum", "packed", "unpacked"]

LARGEST = 32 << 20
"""The most bytes of a record."""
_MOST_TEXT = 16 << 20  # characters
_MOST_TOKENS = 10**9
_ABOVE = 1e-6  # what rounding may add to a log-probability of 0


@dataclass(frozen=True, slots=True)
class Record:
    """One answer. An engine fills ids and log-probabilities, a server text, reasoning and usage; the rest stays empty.

    ``own`` are log-probabilities at temperature 1, ``watched`` (steps, W) those of tokens that were to be watched.
    """

    finish: Literal["stop", "length"]
    text: str = ""
    reasoning: str = ""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    own: tuple[float, ...] = ()
    watched: tuple[tuple[float, ...], ...] = ()
    usage: tuple[int, int] | None = None
    """Tokens read and written as a server told them, None where it did not."""
    dropped: int = 0
    """Earlier utterances that the prompt had to do without."""
    unknown: str = ""
    """Why there is no usage."""


class _Packed(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    f: Literal["stop", "length"]
    t: str = ""
    r: str = ""
    i: bytes = b""
    l: bytes = b""  # noqa: E741 - one letter each: they stand in every record
    o: bytes = b""
    w: bytes = b""
    n: int = 0  # steps that are watched
    u: tuple[int, int] | None = None
    d: int = 0
    y: str = ""


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Packed)


def packed(record: Record) -> bytes:
    """Return a record as bytes. Raises ValueError for one that is out of bounds."""
    widths = {len(row) for row in record.watched}
    if len(widths) > 1:
        raise ValueError("watched rows of different lengths")
    data = _ENCODER.encode(
        _Packed(
            record.finish,
            record.text,
            record.reasoning,
            np.asarray(record.token_ids, "<u4").tobytes(),
            _floats(record.logprobs),
            _floats(record.own),
            _floats([each for row in record.watched for each in row]),
            len(record.watched),
            record.usage,
            record.dropped,
            record.unknown,
        )
    )
    if len(data) > LARGEST or len(record.text) > _MOST_TEXT or len(record.reasoning) > _MOST_TEXT:
        raise ValueError(f"an answer of {len(data)} bytes; at most {LARGEST} are kept of one")
    return data


def unpacked(data: bytes) -> Record:
    """Return the record of these bytes; raises ValueError where they are none."""
    if len(data) > LARGEST:
        raise ValueError(f"{len(data)} bytes; a record has at most {LARGEST}")
    try:
        found = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    ids = tuple(np.frombuffer(found.i, "<u4").tolist()) if len(found.i) % 4 == 0 else None
    said, own, flat = (_numbers(part) for part in (found.l, found.o, found.w))
    counts = (found.n, found.d, *(found.u or ()))
    if ids is None or min(counts) < 0 or max(counts) > _MOST_TOKENS:
        raise ValueError("counts out of bounds")
    if max(map(len, (found.t, found.r, found.y))) > _MOST_TEXT:
        raise ValueError("a text out of bounds")
    if ids and any(len(part) not in (0, len(ids)) for part in (said, own)):
        raise ValueError("as many log-probabilities as token ids are wanted, or none")
    if not all(-math.inf < one <= _ABOVE for part in (said, own) for one in part) or any(map(math.isnan, flat)):
        raise ValueError("log-probabilities that are none")
    if found.n > len(ids) or (len(flat) % found.n if found.n else len(flat)):
        raise ValueError("watched rows that do not fit")
    width = len(flat) // found.n if found.n else 0
    rows = tuple([flat[step * width : (step + 1) * width] for step in range(found.n)])
    return Record(found.f, found.t, found.r, ids, said, own, rows, found.u, found.d, found.y)


def checksum(key: bytes, data: bytes) -> bytes:
    """Return what tells whether a record is still what was written under its key: 16 bytes."""
    return hashlib.blake2b(data, digest_size=16, key=key).digest()


def _floats(values: Sequence[float]) -> bytes:
    """Return numbers as a letter for their width, and their bits."""
    if not values:
        return b""
    wide = np.asarray(values, "<f8")
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = wide.astype("<f4")
    exact = np.array_equal(narrow.astype("<f8").view("<i8"), wide.view("<i8"))
    return b"f" + narrow.tobytes() if exact else b"d" + wide.tobytes()


def _numbers(data: bytes) -> tuple[float, ...]:
    if not data:
        return ()
    kind = {b"f": "<f4", b"d": "<f8"}.get(data[:1])
    if kind is None or (len(data) - 1) % int(kind[-1]):
        raise ValueError("numbers of no known width")
    return tuple(np.frombuffer(data, kind, offset=1).tolist())
