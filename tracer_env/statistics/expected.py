"""What a policy comes to on trees of tasks, with 95% intervals: the tasks are the units, their worlds stand for them.

Where each world is right or wrong, accuracy has the interval of shares that `compare` prints. A policy that draws its
actions is right with a chance; the mean of chances has an interval that leans to the side of their skew (`means`), cut
to what a share can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tracer_env.statistics.means import half_width, mean_interval
from tracer_env.statistics.shares import share_interval

__all__ = ["accuracy_interval", "scored"]


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


def scored(right: ArrayLike, tokens: ArrayLike, worlds: int = 1) -> dict[str, Any]:
    """Return accuracy and tokens a task as plain data, of chances and tokens by task, both (n,)."""
    ends = accuracy_interval(right, worlds)
    return {
        "accuracy": float(np.asarray(right, dtype=np.float64).mean()),
        "accuracy_ci": None if ends is None else list(ends),
        "tokens_per_task": float(np.asarray(tokens, dtype=np.float64).mean()),
        "tokens_half_width": half_width(tokens),
    }
