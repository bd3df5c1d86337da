"""Counter-based randomness: every draw is a pure function of what it is for.

    stream = fold(seed, hash of the task id, world)         64 bits, once per episode
    draw   = mix(stream + counter(turn, purpose, candidate) * GOLDEN)

Nothing is ever advanced, so the order of the calls, the size of a batch and the choices made on
the way change no draw. Two controllers that choose alike on a task meet the same luck, and the
two branches of a fork meet the same luck later on (common random numbers). The mixer is the
finaliser of splitmix64 (Steele, Lea, Flood 2014); the array versions give the same 64 bits as the
scalar ones, and thresholds are compared in float64 on both sides.

Not for cryptography.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GOLDEN",
    "MIX_1",
    "MIX_2",
    "Purpose",
    "counter",
    "draw",
    "draws",
    "scramble",
    "stream",
    "streams",
    "task_key",
    "uniform",
    "uniforms",
]

_MASK = 0xFFFFFFFFFFFFFFFF
GOLDEN = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
"""The constants of SplitMix64 (Steele, Lea and Flood 2014), which mixes all draws, in Python, numpy and torch alike."""
_SHIFTS, _FACTORS = tuple(map(np.uint64, (30, 27, 31))), tuple(map(np.uint64, (MIX_1, MIX_2)))
_TO_UNIT = 2.0**-53


class Purpose(IntEnum):
    """What a draw is for. Numbers are part of the promise that a seed gives the same bytes: append only."""

    CHOICE = 0
    OUTCOME = 1
    CONTENT = 2
    GENERATION = 3
    LEARNING = 4
    SIGNAL = 5
    QUESTION = 6


def _mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * MIX_1) & _MASK
    x = ((x ^ (x >> 27)) * MIX_2) & _MASK
    return x ^ (x >> 31)


def scramble(x: NDArray[np.uint64], out: NDArray[np.uint64], scratch: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64-bit numbers as `draw` does, into ``out`` (which may be ``x``); all three of one shape, no other memory."""
    np.right_shift(x, _SHIFTS[0], out=scratch)
    np.bitwise_xor(x, scratch, out=out)
    np.multiply(out, _FACTORS[0], out=out)
    np.right_shift(out, _SHIFTS[1], out=scratch)
    np.bitwise_xor(out, scratch, out=out)
    np.multiply(out, _FACTORS[1], out=out)
    np.right_shift(out, _SHIFTS[2], out=scratch)
    return np.bitwise_xor(out, scratch, out=out)


def _mixes(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return scramble(x, np.empty_like(x), np.empty_like(x))


@lru_cache(maxsize=1 << 16)
def task_key(task_id: str) -> int:
    """Hash a task id to 64 bits (blake2b), the same on every machine."""
    return int.from_bytes(hashlib.blake2b(task_id.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=64)
def _seed_key(seed: int) -> int:
    return _mix((seed + GOLDEN) & _MASK)


@lru_cache(maxsize=1 << 16)
def _task_stream(seed: int, task_id: str) -> int:
    return _mix(((_seed_key(seed) ^ task_key(task_id)) + GOLDEN) & _MASK)


def stream(seed: int, task_id: str, world: int = 0) -> int:
    """Return the 64-bit stream of one episode: all its draws hang on this number alone."""
    x = _task_stream(seed, task_id)
    return _mix((x + (world + 1) * GOLDEN) & _MASK)


def streams(seed: int, task_ids: Sequence[str], worlds: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Array version of `stream`: one entry per task id and world, shape (B,)."""
    keys = np.fromiter((task_key(task_id) for task_id in task_ids), dtype=np.uint64, count=len(task_ids))
    x = _mixes((keys ^ np.uint64(_seed_key(seed))) + np.uint64(GOLDEN))
    return _mixes(x + (worlds.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))


def counter(turn: int, purpose: int, candidate: int = 0) -> int:
    """Number a draw inside its stream; candidate 0 is the draw that play uses."""
    return (candidate << 20) | (turn << 8) | (purpose + 1)


def draw(stream: int, turn: int, purpose: int, candidate: int = 0) -> int:
    """Return 64 random bits of ``stream`` for one turn and purpose."""
    x = (stream + ((candidate << 20) | (turn << 8) | (purpose + 1)) * GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * MIX_1) & _MASK  # _mix, written out: this is the hot path of simulation
    x = ((x ^ (x >> 27)) * MIX_2) & _MASK
    return x ^ (x >> 31)


def uniform(stream: int, turn: int, purpose: int, candidate: int = 0) -> float:
    """Return a float64 in [0, 1) of ``stream`` for one turn and purpose."""
    return (draw(stream, turn, purpose, candidate) >> 11) * _TO_UNIT


def draws(
    streams: NDArray[np.uint64], turn: int | NDArray[np.integer], purpose: int, candidate: int = 0
) -> NDArray[np.uint64]:
    """Array version of `draw`: streams (B,), turn a number or (B,), result (B,)."""
    if isinstance(turn, int):
        x = streams + np.uint64((counter(turn, purpose, candidate) * GOLDEN) & _MASK)
    else:
        count = turn.astype(np.uint64) << np.uint64(8)
        x = streams + (count | np.uint64((candidate << 20) | (purpose + 1))) * np.uint64(GOLDEN)
    return _mixes(x)


def uniforms(
    streams: NDArray[np.uint64], turn: int | NDArray[np.integer], purpose: int, candidate: int = 0
) -> NDArray[np.float64]:
    """Array version of `uniform`: streams (B,), turn a number or (B,), result (B,)."""
    top = draws(streams, turn, purpose, candidate) >> np.uint64(11)
    return top.astype(np.float64) * _TO_UNIT
