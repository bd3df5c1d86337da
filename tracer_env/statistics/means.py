"""Intervals of a mean over tasks: tokens, calls, differences. A task's worlds are summed first; the task is the unit.

`t_interval` is Student's. `mean_interval` is for what is skewed, as lengths are, where Student's interval misses on
one side: the bootstrap-t (Efron 1979; Hall 1988) draws tasks again and again, reads off how far (mean* - mean) /
error* strays on either side, and uses these points in the place of t's. From `_MANY` tasks on, where that would
take long, the same correction comes in closed form, from the third moment (Hall 1992).

With sizes, the mean is a ratio, sum of values / sum of sizes; it moves with task t by (value - ratio * size) / mean
size.

Traps: where a few tasks in a thousand are many times as long as all others, twenty or fifty tasks do not show it,
and no interval made of them knows; `lopsided` tells when one task has most of the spread. Draws depend on the
number of tasks alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracer_env.statistics.quantiles import t_quantile

__all__ = ["half_width", "lopsided", "mean_interval", "t_interval"]

Floats = NDArray[np.float64]
_MANY = 2000
_DRAWS = 1999
_WIDEST = 4.0  # no end is further off than this many times Student's: few tasks that differ give errors near 0


def t_interval(values: ArrayLike, sizes: ArrayLike = 1.0) -> Floats:
    """Return Student's 95% interval of the mean, shape (..., 2), of values (..., n) and how many cases each task has.

    A single task tells nothing of the spread: its interval is from -inf to inf.
    """
    mean, moved = _moved(values, sizes)
    half = _half(moved)
    return np.stack([mean - half, mean + half], -1)


def mean_interval(values: ArrayLike, sizes: ArrayLike = 1.0) -> Floats:
    """Return a 95% interval of the mean that leans to the side to which the values are skewed, shape (..., 2)."""
    mean, moved = _moved(values, sizes)
    tasks, half = moved.shape[-1], _half(moved)
    error = np.sqrt((moved**2).mean(-1))
    if tasks < 2 or not error.any():
        return np.stack([mean - half, mean + half], -1)
    low, high = _strays(moved, error) if tasks < _MANY else _skewed(moved, error)
    ends = np.stack([mean - high * error, mean - low * error], -1)
    most = _WIDEST * half
    least, greatest = np.stack([mean - most, mean], -1), np.stack([mean, mean + most], -1)
    kept: Floats = np.minimum(np.maximum(ends, least), greatest)
    return kept


def half_width(values: ArrayLike) -> float | None:
    """Return half of the width of `t_interval`, what ± stands for; None for a single task."""
    half = float(_half(_moved(values, 1.0)[1]))
    return half if np.isfinite(half) else None


def lopsided(values: ArrayLike) -> NDArray[np.bool_]:
    """Return whether one task alone has more than half of the squared distances from the mean, shape (...)."""
    y = np.asarray(values, dtype=np.float64)
    far = (y - y.mean(-1, keepdims=True)) ** 2
    found: NDArray[np.bool_] = far.max(-1) > 0.5 * far.sum(-1)
    return found


def _moved(values: ArrayLike, sizes: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ratio, (...), and by how much each task moves it, (..., n), times n."""
    y = np.asarray(values, dtype=np.float64)
    if y.ndim == 0 or y.shape[-1] == 0:
        raise ValueError(f"values need an axis of tasks with one task or more, got shape {y.shape}")
    size = np.broadcast_to(np.asarray(sizes, dtype=np.float64), y.shape)
    mean = y.sum(-1) / size.sum(-1)
    return mean, (y - mean[..., None] * size) / size.mean(-1)[..., None]


def _half(moved: Floats) -> Floats:
    tasks = moved.shape[-1]
    if tasks < 2:
        return np.full(moved.shape[:-1], np.inf)
    return np.asarray(t_quantile(0.975, tasks - 1) * np.sqrt((moved**2).sum(-1) / (tasks * (tasks - 1))))


@lru_cache(maxsize=4)
def _weights(tasks: int) -> Floats:
    """Return how often each task is drawn, over their number, shape (draws, n)."""
    drawn = np.random.default_rng(tasks).multinomial(tasks, np.full(tasks, 1 / tasks), _DRAWS)
    return drawn / tasks


def _strays(moved: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return the 2.5% and 97.5% points of (mean* - mean) / error* over draws of tasks."""
    weights = _weights(moved.shape[-1])
    means = moved @ weights.T
    spread = np.sqrt(np.maximum((moved**2) @ weights.T - means**2, 1e-12 * error[..., None] ** 2))
    low, high = np.quantile(means / np.maximum(spread, 1e-300), [0.025, 0.975], axis=-1)
    return low, high


def _skewed(moved: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return both points by undoing T + g T^2 / 3 + g^2 T^3 / 27 + g / 6n, which is normal to the second order."""
    tasks = moved.shape[-1]
    g = (moved**3).mean(-1) / np.maximum(error**3, 1e-300)
    a = np.where(np.abs(g) < 1e-6, 1e-6, g) / 3
    t = t_quantile(0.975, tasks - 1) / np.sqrt(tasks)
    low, high = ((np.cbrt(1 + 3 * a * (u - g / (6 * tasks))) - 1) / a for u in (-t, t))
    return low, high
