"""What a policy comes to on trees of tasks, with 95% intervals: the tasks are the units, their worlds stand for them.

Where each world is right or wrong, accuracy has the interval of shares that `compare` prints. A policy that draws its
actions is right with a chance; the mean of chances has an interval that leans to the side of their skew (`means`), cut
to what a share can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracer_env.statistics.means import half_width, mean_interval
from tracer_env.statistics.paired import difference_interval
from tracer_env.statistics.shares import ENOUGH, share_interval

__all__ = ["accuracy_interval", "scored", "value_interval"]


def accuracy_interval(right: ArrayLike, worlds: int = 1) -> tuple[float, float] | None:
    """Return both ends for chances (n,) of being right, each a mean over ``worlds``; None for a single task."""
    chances = np.asarray(right, dtype=np.float64)
    if len(chances) < 2:
        return None
    cases = chances * worlds
    whole = np.rint(cases)
    if np.abs(cases - whole).max() < 1e-9:
        low, high = share_interval(whole.astype(np.int64), np.full(len(chances), worlds))
    else:
        low, high = np.clip(mean_interval(chances), 0.0, 1.0)
    return float(low), float(high)


def value_interval(values: ArrayLike) -> NDArray[np.float64]:
    """Return the 95% interval of a mean, (..., 2), of values that most tasks (..., n) may not have at all, in [-1, 1].

    Where fewer than `shares.ENOUGH` tasks have one, their own spread says little of how many do: then also the interval
    of how many gain and lose (`paired`), times what one that does gains or loses on average, and the outer ends.
    """
    y = np.asarray(values, dtype=np.float64)
    size = np.abs(y)
    some = (size > _NOTHING).sum(-1)
    each = np.where(some > 0, size.sum(-1) / np.maximum(some, 1), 1.0)
    by_spread = mean_interval(y)
    by_sign = difference_interval(y > _NOTHING, y < -_NOTHING, np.ones(y.shape, dtype=np.int64)) * each[..., None]
    low, high = (np.stack([by_spread[..., end], by_sign[..., end]]) for end in (0, 1))
    return np.where((some >= ENOUGH)[..., None], by_spread, np.stack([low.min(0), high.max(0)], -1))


_NOTHING = 1e-12


def scored(right: ArrayLike, tokens: ArrayLike, worlds: int = 1) -> dict[str, Any]:
    """Return accuracy and tokens a task as plain data, of chances and tokens by task, both (n,)."""
    ends = accuracy_interval(right, worlds)
    return {
        "accuracy": float(np.asarray(right, dtype=np.float64).mean()),
        "accuracy_ci": None if ends is None else list(ends),
        "tokens_per_task": float(np.asarray(tokens, dtype=np.float64).mean()),
        "tokens_half_width": half_width(tokens),
    }
