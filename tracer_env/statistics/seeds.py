"""Two sources of chance at once: which tasks, and which seed trained. Tasks and seeds are crossed random effects.

With S seeds on the same n tasks, cell (t, s) is what task t came to under seed s. An interval over tasks, made of all
seeds together, takes the seeds for fixed: what training under another seed would have changed is not in it. How far the
seeds stray is seen in their means, of which there are few, and part of it is the noise of single cells, which the
interval over tasks holds already. So each half of that interval grows in squares by

    max(0, t(S - 1)^2 V - z t(max(S - 1, 4)) W)

V is the variance of the mean over seeds, from the means of the seeds; W what noise of single cells alone gives it, from
the residuals of the two-way layout; t the 97.5% points of Student's distribution, z the normal one. Where seeds do not
differ beyond noise nothing is added; with two seeds, t(1) = 12.7 makes intervals wide, as two are hardly any evidence.

A p-value shrinks with the interval: its normal score is taken times old half / new half, so p < 0.05 exactly where the
wider interval would leave 0 out, were the old one to do so at p = 0.05.

`benchmarks/coverage_seeds.py` measures all of it.
"""

from __future__ import annotations

from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracer_env.statistics.quantiles import t_quantile

__all__ = ["less_sure", "wider"]

Floats = NDArray[np.float64]
_Z = 1.959963984540054
_LEAST_DF = 4


def wider(interval: ArrayLike, centre: ArrayLike, cells: ArrayLike, least: float = -np.inf) -> Floats:
    """Return an interval over tasks, (..., 2), widened by what the seeds differ.

    ``centre`` (...) is the mean that it is of, ``cells`` (..., n, S) what each task came to under each seed. ``least``:
    0 for a share and -1 for a difference of shares, whose ends then stay at most 1. Raises ValueError for fewer than
    two seeds, or no task.
    """
    ends, middle = np.asarray(interval, dtype=np.float64), np.asarray(centre, dtype=np.float64)[..., None]
    half = np.sqrt((ends - middle) ** 2 + _added(np.asarray(cells, dtype=np.float64))[..., None])
    made: Floats = middle + half * np.array([-1.0, 1.0])
    return made if np.isneginf(least) else np.clip(made, least, 1.0)


def less_sure(p: float, before: tuple[float, float], after: tuple[float, float], seen: float) -> float:
    """Return the two-sided p-value of a difference ``seen``, once its interval grew from ``before`` to ``after``."""
    end = 0 if seen > 0 else 1
    old, new = abs(seen - before[end]), abs(seen - after[end])
    if not seen or p >= 1.0 or new <= old:
        return p
    score = -NormalDist().inv_cdf(max(p, 1e-300) / 2)
    return erfc(score * old / new / sqrt(2.0))


def _added(cells: Floats) -> Floats:
    """Return what the square of each half grows by, (...)."""
    if cells.ndim < 2 or cells.shape[-1] < 2 or cells.shape[-2] < 1:
        raise ValueError(f"cells need an axis of tasks and one of two seeds or more, got shape {cells.shape}")
    tasks, seeds = cells.shape[-2:]
    of_seeds = cells.mean(-2)
    between = of_seeds.var(-1, ddof=1) / seeds
    rest = cells - cells.mean(-1, keepdims=True) - of_seeds[..., None, :] + cells.mean((-2, -1), keepdims=True)
    noise = (rest**2).sum((-2, -1)) / (max(1, tasks - 1) * (seeds - 1)) / (tasks * seeds)
    spread = t_quantile(0.975, seeds - 1) ** 2 * between
    added: Floats = np.maximum(0.0, spread - _Z * t_quantile(0.975, max(seeds - 1, _LEAST_DF)) * noise)
    return added
