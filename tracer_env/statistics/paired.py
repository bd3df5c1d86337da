"""Two methods on the same tasks and worlds: an interval for the difference of their shares, and a test by task.

The interval. A pair (task, world) changes with chance c; a change is a gain with chance u; the difference is c (2 u
- 1). Both chances are shares over tasks, so each has the posterior of `shares`: of changes among worlds, and of
gains among changes; one interval is between the 2.5% and 97.5% points of the product. It takes for granted that
tasks which change often gain as often as others; Student's interval of the differences by task takes nothing for
granted, and needs many tasks that differ. So: both together below `shares.ENOUGH` such tasks, Student's alone from
there on. Where hardly a task differs, the worlds say little of how alike they are: below `_FEW` such tasks each
counts once, as gained or lost, and the ends are no nearer than such shares of tasks reach; with no such task, than
1 - 0.025^(1/n), the chance of a change that would have left none in n tasks with 2.5%.

The test. If the methods are equal, each task's sum of differences D might as well have had the other sign, whatever its
worlds have in common (Fisher 1935). p is the share of all 2^n flips whose total is at least as far from 0 as the one
seen. With one world a task this is the exact test of McNemar (1947). It is exact: the total of random signs has the
characteristic function prod cos(D t), inverted by one FFT.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracer_env.statistics.means import t_interval
from tracer_env.statistics.shares import Counts, holding, posterior, share_interval, together

__all__ = ["difference_interval", "sign_flip_p"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_CHANCES = (np.arange(96) + 0.5) / 96
_HALVINGS = 22
_ROUNDING = 1e-9
_FEW = 3


def difference_interval(gained: ArrayLike, lost: ArrayLike, trials: ArrayLike) -> Floats:
    """Return the 95% interval of a difference of shares, shape (..., 2).

    Each task, (..., n), has ``gained`` worlds in which only the first method is right, ``lost`` only the second, of
    ``trials``.
    """
    up, down, worlds = np.broadcast_arrays(*(np.asarray(x, dtype=np.int64) for x in (gained, lost, trials)))
    changes = posterior(Counts.of(up + down, worlds))
    gains = posterior(Counts.of(up, up + down))
    rate = np.stack([changes.quantile(chance) for chance in _CHANCES], -1)  # equally likely each
    ends = []
    for chance in (0.025, 0.975):
        low, high = np.full(rate.shape[:-1], -1.0), np.full(rate.shape[:-1], 1.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = gains.below((middle[..., None] / rate + 1) / 2).mean(-1) < chance
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        ends.append((low + high) / 2)
    by_model = _with_few(np.stack(ends, -1), up, down, worlds)
    by_model = holding(by_model, (up - down).sum(-1) / np.maximum(worlds.sum(-1), 1))
    if worlds.shape[-1] < 2:
        return by_model
    return together(by_model, t_interval(up - down, worlds), (up + down > 0).sum(-1), -1.0)


def _with_few(interval: Floats, up: Ints, down: Ints, worlds: Ints) -> Floats:
    """Return the interval, no nearer than shares of tasks that each count once where few of them differ."""
    tasks, differ = np.maximum((worlds > 0).sum(-1), 1), ((up + down) > 0).sum(-1)
    most = [
        np.where(differ == 0, 1 - 0.025 ** (1 / tasks), share_interval(x > 0, worlds > 0)[..., 1]) for x in (down, up)
    ]
    wider = np.stack([np.minimum(interval[..., 0], -most[0]), np.maximum(interval[..., 1], most[1])], -1)
    return np.where((differ < _FEW)[..., None], wider, interval)


def sign_flip_p(differences: ArrayLike) -> Floats:
    """Return the two-sided p-value of whole differences by task, shape (..., n): 1 where none differs."""
    signed = np.asarray(differences, dtype=np.int64)
    if signed.ndim == 0:
        raise ValueError("differences must have an axis of tasks")
    size, seen = np.abs(signed), np.abs(signed.sum(-1))
    reach = int(size.sum(-1).max(initial=0))
    if reach == 0:
        return np.ones(signed.shape[:-1])
    length = 2 * reach + 1  # odd, so no cosine below is zero
    angle = 2 * pi * np.arange(reach + 1) / length
    log, negative = np.zeros((*seen.shape, reach + 1)), np.zeros((*seen.shape, reach + 1), dtype=bool)
    for k in range(1, int(size.max()) + 1):
        tasks = (size == k).sum(-1)[..., None]
        if tasks.any():
            cosine = np.cos(k * angle)
            log += tasks * np.log(np.abs(cosine))
            negative ^= (tasks % 2 == 1) & (cosine < 0)
    transform = np.where(negative, -np.exp(log), np.exp(log))
    chances = np.maximum(np.fft.irfft(transform, length, axis=-1), 0.0)  # of totals 0, 1, ..., reach, -reach, ..., -1
    total = np.arange(length)
    far = np.minimum(total, length - total) >= seen[..., None]
    found = (chances * far).sum(-1)
    least = 2.0 ** (1 - (size > 0).sum(-1, dtype=np.float64))  # all signs as they are, or all turned
    p: Floats = np.where(found > 1 - _ROUNDING, 1.0, np.maximum(found, least))
    return p
