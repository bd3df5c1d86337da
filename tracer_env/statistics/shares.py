"""An interval for a share over tasks that were each played in several worlds.

Worlds of one task are alike: with correlation rho between them, N episodes tell as much as N / (1 + (m - 1) rho)
independent ones, and rho is not known. Both are taken from the data at once. Task t is right in x of m worlds; the
chance of that is beta-binomial (Skellam 1948), written so that rho = 0 is no exception:

    P(x | p, rho)  ~  prod_{i<x} (p (1-rho) + i rho)  prod_{i<m-x} ((1-p)(1-rho) + i rho) / prod_{i<m} (1-rho + i rho)

The prior of p is Jeffreys', Beta(1/2, 1/2), flat in arcsin(sqrt p); that of rho is Beta(2/3, 1). Ends are the 2.5%
and the 97.5% points of p in the posterior, rho averaged out, on a grid. They are never the same: tasks that all
agree leave what their number leaves open. With one world a task, where only whole tasks can be right, the prior
Beta(3/4, 3/4) is tried as well, and the outer ends are taken.

Chances need not be beta distributed over tasks, and where they are not, many tasks in several worlds make the
posterior sure of a share a little off the mean. Student's interval of the tasks' means takes nothing for granted,
and needs many tasks that differ. So, of as many tasks as were ever right, or ever wrong, whichever is fewer: below
`_FEW` the model alone, from `ENOUGH` on Student's alone, between them what holds both.

The likelihood hangs on three counts alone: how many tasks have x > i, m - x > i, and m > i (`Counts`). So episodes
can be counted in one pass, and a grid costs as much for a million tasks as for ten. Leading axes are independent
cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracer_env.statistics.means import t_interval

__all__ = ["ENOUGH", "Counts", "Posterior", "holding", "posterior", "share_interval", "together"]

Floats = NDArray[np.float64]

ENOUGH = 40
"""From so many tasks that differ on, their own spread is trusted more than a model of it."""
_FEW = 20
_RHO = ((np.arange(24) + 0.5) / 24) ** 1.5  # equally likely each: Beta(2/3, 1)
_CELLS = 1 << 22  # how many points of grids are held at once


@dataclass(frozen=True)
class Counts:
    """What the likelihood needs of the tasks; leading axes are independent cases."""

    right: Floats  # (..., m) tasks that were right in more than i worlds
    wrong: Floats  # (..., m) wrong in more than i
    played: Floats  # (..., m) played in more than i

    @classmethod
    def of(cls, successes: ArrayLike, trials: ArrayLike) -> Counts:
        """Count tasks, shape (..., n) each: ``successes`` of ``trials`` worlds; one without a trial counts nothing."""
        x, m = np.asarray(successes, dtype=np.int64), np.asarray(trials, dtype=np.int64)
        x, m = np.broadcast_arrays(x, m)
        if x.ndim == 0 or (x < 0).any() or (x > m).any():
            raise ValueError(f"successes must lie between 0 and trials, task by task, got {successes!r} of {trials!r}")
        most = int(m.max(initial=1))
        return cls(
            *(np.stack([(part > i).sum(-1) for i in range(most)], -1).astype(np.float64) for part in (x, m - x, m))
        )


@dataclass(frozen=True)
class Posterior:
    """The distribution of a share on cells of equal width in arcsin(sqrt p)."""

    cumulative: Floats  # (..., G + 1) P(p below the edge of a cell), from 0 to 1

    @property
    def weights(self) -> Floats:
        """The chance of each cell, (..., G)."""
        return np.diff(self.cumulative, axis=-1)

    @property
    def centres(self) -> Floats:
        """The share at the middle of each cell, (G,)."""
        return _grid(self.cumulative.shape[-1] - 1)

    def under(self, prior: float) -> Posterior:
        """Return the distribution under the prior Beta(prior, prior) in the place of Beta(1/2, 1/2)."""
        p = self.centres
        return Posterior(_summed(self.weights * (p * (1 - p)) ** (prior - 0.5)))

    def below(self, share: Floats) -> Floats:
        """Return P(p < share) for shares of shape (..., K)."""
        cells = self.cumulative.shape[-1] - 1
        place = np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0))) * (2 * cells / pi)
        left = np.minimum(place.astype(np.int64), cells - 1)
        low = np.take_along_axis(self.cumulative, left, -1)
        high = np.take_along_axis(self.cumulative, left + 1, -1)
        found: Floats = low + (place - left) * (high - low)
        return found

    def quantile(self, chance: float) -> Floats:
        """Return the share below which lies ``chance``, shape (...)."""
        right = np.maximum((self.cumulative <= chance).sum(-1, keepdims=True), 1)
        right = np.minimum(right, self.cumulative.shape[-1] - 1)
        low = np.take_along_axis(self.cumulative, right - 1, -1)[..., 0]
        high = np.take_along_axis(self.cumulative, right, -1)[..., 0]
        place = right[..., 0] - 1 + (chance - low) / np.maximum(high - low, 1e-300)
        found: Floats = np.sin(place * (pi / 2) / (self.cumulative.shape[-1] - 1)) ** 2
        return found


def share_interval(successes: ArrayLike, trials: ArrayLike) -> Floats:
    """Return the 95% interval of a share, (..., 2), of tasks right in ``successes`` of ``trials`` worlds, (..., n)."""
    x, m = np.broadcast_arrays(np.asarray(successes, dtype=np.int64), np.asarray(trials, dtype=np.int64))
    found, seen = posterior(Counts.of(x, m)), x.sum(-1) / np.maximum(m.sum(-1), 1)
    if m.max(initial=0) < 2:
        ends = [(one.quantile(0.025), one.quantile(0.975)) for one in (found, found.under(0.75))]
        by_model = np.stack([np.minimum(*(low for low, _ in ends)), np.maximum(*(high for _, high in ends))], -1)
        return holding(by_model, seen)
    by_model = holding(np.stack([found.quantile(0.025), found.quantile(0.975)], -1), seen)
    if x.shape[-1] < 2:
        return by_model
    either = np.minimum((x > 0).sum(-1), (x < m).sum(-1))
    both = together(by_model, t_interval(x, m), either, 0.0)
    return np.where(either[..., None] < _FEW, by_model, both)


def holding(interval: Floats, seen: Floats) -> Floats:
    """Return the interval with what was ``seen`` (...) inside it: it may be 0 or 1, where no quantile is."""
    return np.stack([np.minimum(interval[..., 0], seen), np.maximum(interval[..., 1], seen)], -1)


def together(by_model: Floats, by_task: Floats, tasks: NDArray[np.int64], least: float) -> Floats:
    """Return the second interval where enough ``tasks`` (...) differ, else one that holds both; within [least, 1]."""
    low, high = (np.stack([by_model[..., end], by_task[..., end]]) for end in (0, 1))
    both = np.stack([low.min(0), high.max(0)], -1)
    return np.clip(np.where(tasks[..., None] >= ENOUGH, by_task, both), least, 1.0)


def posterior(counts: Counts) -> Posterior:
    """Return what the counts leave open about the share; without a trial that is the prior."""
    if not counts.right.shape == counts.wrong.shape == counts.played.shape:
        raise ValueError(f"counts must be alike, got {counts.right.shape}, {counts.wrong.shape}, {counts.played.shape}")
    lead, worlds = counts.played.shape[:-1], counts.played.shape[-1]
    cells = max(256, int(2 * pi * np.sqrt(float(counts.played.sum(-1).max(initial=0.0)))) + 1)
    right, wrong, played = (part.reshape(-1, worlds) for part in (counts.right, counts.wrong, counts.played))
    made = np.empty((len(right), cells + 1))
    stride = max(1, _CELLS // (cells * len(_RHO)))
    for start in range(0, len(made), stride):
        rows = slice(start, start + stride)
        log = _log_likelihood(right[rows], wrong[rows], played[rows], cells)
        log -= log.max(axis=(-1, -2), keepdims=True)
        made[rows] = _summed(np.exp(log).sum(-1))
    return Posterior(made.reshape(*lead, cells + 1))


def _log_likelihood(right: Floats, wrong: Floats, played: Floats, cells: int) -> Floats:
    """Return it for cases (K, m) at each share and correlation, (K, G, R), some worlds at a time."""
    worlds = played.shape[-1]
    p, rho = _grid(cells)[:, None], _RHO if worlds > 1 else _RHO[:1]
    total = np.zeros((len(right), cells * len(rho)))
    stride = max(1, _CELLS // (cells * len(rho)))
    for start in range(0, worlds, stride):
        some = slice(start, start + stride)
        i = np.arange(worlds)[some, None, None]
        for part, chance in ((right, p), (wrong, 1 - p)):
            total += part[:, some] @ np.log(chance * (1 - rho) + i * rho).reshape(i.size, -1)
        total -= played[:, some] @ np.broadcast_to(np.log(1 - rho + i * rho), (i.size, cells, len(rho))).reshape(
            i.size, -1
        )
    return total.reshape(-1, cells, len(rho))


def _summed(weights: Floats) -> Floats:
    """Return the chance below each edge, (..., G + 1)."""
    made = np.zeros((*weights.shape[:-1], weights.shape[-1] + 1))
    np.cumsum(weights, axis=-1, out=made[..., 1:])
    made /= made[..., -1:].copy()
    return made


def _grid(cells: int) -> Floats:
    middles: Floats = np.sin((np.arange(cells) + 0.5) * (pi / 2) / cells) ** 2
    return middles
