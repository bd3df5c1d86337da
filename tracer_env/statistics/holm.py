"""Holm's correction: with p-values of several rows of one table, the chance of any false alarm stays below the level.

With p(1) <= ... <= p(k) sorted, the adjusted p(i) is the largest of (k - j + 1) p(j) over j <= i, at most 1 (Holm
1979). Nothing is asked of how the rows depend on each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["holm"]


def holm(values: ArrayLike) -> NDArray[np.float64]:
    """Return adjusted p-values in the order given, shape (..., k)."""
    p = np.asarray(values, dtype=np.float64)
    if p.ndim == 0 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie between 0 and 1, got {values!r}")
    order = np.argsort(p, axis=-1, kind="stable")
    left = np.arange(p.shape[-1], 0, -1)
    raised = np.minimum(np.maximum.accumulate(np.take_along_axis(p, order, -1) * left, axis=-1), 1.0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, raised, -1)
    return adjusted
