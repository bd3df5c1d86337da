"""How well a number tells right from wrong: the area under the ROC curve, with an interval over tasks.

    AUC = P(number of a right case > number of a wrong one) + 1/2 P(equal)

1/2 is no better than chance, 1 a clean cut, below 1/2 it points the other way. Cases of one task hang together, so that
the error is that of clustered data (Obuchowski 1997): each case's share of pairs it wins is summed by task, and the
tasks' sums spread. The 95% interval is Student's on the log-odds of the area, so that it stays between 0 and 1; an area
of exactly 0 or 1 gets the log-odds of half a pair short of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracer_env.statistics.quantiles import t_quantile

__all__ = ["area_interval", "area_under", "shares_won"]

Floats = NDArray[np.float64]


def area_under(numbers: ArrayLike, right: ArrayLike) -> float | None:
    """Return the area for cases with ``numbers`` (n,) of which some are ``right`` (n,); None without both kinds."""
    score, good = np.asarray(numbers, dtype=np.float64), np.asarray(right, dtype=bool)
    if good.all() or not good.any():
        return None
    return float(shares_won(score[good], score[~good]).mean())


def area_interval(numbers: ArrayLike, right: ArrayLike, tasks: ArrayLike) -> tuple[float, float] | None:
    """Return the 95% interval of `area_under`, ``tasks`` (n,) saying whose each case is; None for one task or kind."""
    score, good = np.asarray(numbers, dtype=np.float64), np.asarray(right, dtype=bool)
    names, place = np.unique(np.asarray(tasks), return_inverse=True)
    area, count = area_under(score, good), len(names)
    if area is None or count < 2:
        return None
    won = np.zeros(len(score))
    won[good], won[~good] = shares_won(score[good], score[~good]), 1.0 - shares_won(score[~good], score[good])
    spread = []
    for side in (good, ~good):
        number = np.bincount(place[side], minlength=count)
        strayed = np.bincount(place[side], won[side], count) - area * number
        holders = max(int((number > 0).sum()), 2)
        spread.append((strayed, np.sqrt(holders / (holders - 1)) / side.sum()))
    moved = sum(strayed * scale for strayed, scale in spread)  # by how much each task moves the area
    error = float(np.sqrt((np.asarray(moved) ** 2).sum()))
    pairs = float(good.sum()) * float((~good).sum())
    inside = min(max(area, 0.5 / pairs), 1.0 - 0.5 / pairs)
    odds, slope = np.log(inside / (1.0 - inside)), inside * (1.0 - inside)
    half = t_quantile(0.975, count - 1) * error / slope
    low, high = (1.0 / (1.0 + np.exp(-np.clip(odds + side * half, -700, 700))) for side in (-1.0, 1.0))
    return min(float(low), area), max(float(high), area)


def shares_won(mine: Floats, others: Floats) -> Floats:
    """Return for each of ``mine`` (n,) the share of ``others`` (m,) that are below it, equal ones counted half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, mine, side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2.0 * len(others)), dtype=np.float64)
