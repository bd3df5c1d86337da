"""Intervals and tests for comparisons: Wilson, bootstrap, McNemar. Pure functions of numbers.

- `wilson`: the score interval of a share (Wilson 1927). It stays inside [0, 1] and is honest at 0 and 1.
- `bootstrap_means`: percentile intervals of means, resampling whole groups. Episodes of one task are one
  group: its worlds share the question, so they are not independent and must be drawn together.
- `mcnemar_exact`, `mcnemar_mid_p`: is one method right more often than another on the same episodes?
  Only the discordant pairs count. The exact test is conservative; mid-p (Fagerland, Lydersen and Laake
  2013) halves the weight of what was observed and comes close to the stated level.

Trap: `wilson` and the two tests take every episode for an independent trial, so with several worlds of
one task they are too sure of themselves; the bootstrap is not.
"""

from __future__ import annotations

from math import exp, fsum, lgamma, log, sqrt

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "bootstrap_means", "mcnemar_exact", "mcnemar_mid_p", "wilson"]

Interval = tuple[float, float]

_Z95 = 1.959963984540054  # the 97.5% point of the normal distribution
_CELLS = 1 << 21  # how many draws are held at once


def wilson(successes: int, trials: int, z: float = _Z95) -> Interval | None:
    """Return the score interval of ``successes / trials``, or None without a trial.

    With p the share and n the trials: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and trials, got {successes} of {trials}")
    if trials == 0:
        return None
    share, extra = successes / trials, z * z / trials
    middle = share + extra / 2
    half = z * sqrt(share * (1 - share) / trials + extra / (4 * trials))
    low = 0.0 if successes == 0 else (middle - half) / (1 + extra)
    high = 1.0 if successes == trials else (middle + half) / (1 + extra)
    return low, high


def bootstrap_means(
    totals: npt.ArrayLike, sizes: npt.ArrayLike, seed: int, resamples: int = 1000, level: float = 0.95
) -> list[Interval | None]:
    """Return a percentile interval for each column's mean, resampling groups with replacement.

    ``totals`` (G, K) holds the sum of K quantities over each of G groups, ``sizes`` (G,) how many
    cases each group has; the mean of a resample is the sum of its totals over the sum of its sizes.
    The draws depend on ``seed`` and G alone. Fewer than two groups say nothing about spread: None.
    """
    sums, counts = np.asarray(totals, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if sums.ndim != 2 or counts.shape != sums.shape[:1]:
        raise ValueError(f"totals must be (G, K) and sizes (G,), got {sums.shape} and {counts.shape}")
    groups, columns = sums.shape
    if groups < 2:
        return [None] * columns
    generator = np.random.default_rng(seed)
    table = np.column_stack([sums, counts])  # (G, K + 1)
    means = np.empty((resamples, columns))
    step = max(1, _CELLS // groups)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = generator.integers(groups, size=(rows, groups))
        drawn += groups * np.arange(rows)[:, np.newaxis]
        weights = np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups)
        summed = weights @ table  # (rows, K + 1)
        means[start : start + rows] = summed[:, :-1] / summed[:, -1:]
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def mcnemar_exact(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value for ``gained`` against ``lost`` discordant pairs.

    Under the null each discordant pair falls either way with probability 1/2. No such pair: 1.0.
    """
    return min(1.0, 2 * _tail(gained, lost))


def mcnemar_mid_p(gained: int, lost: int) -> float:
    """Return the two-sided mid-p value: twice the smaller tail, with half of the observed split's weight."""
    return min(1.0, 2 * _tail(gained, lost) - _point(min(gained, lost), gained + lost))


def _point(k: int, n: int) -> float:
    """Binomial(n, 1/2) probability of k."""
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2))


def _tail(gained: int, lost: int) -> float:
    if gained < 0 or lost < 0:
        raise ValueError(f"counts of pairs cannot be negative, got {gained} and {lost}")
    return fsum(_point(k, gained + lost) for k in range(min(gained, lost) + 1))
