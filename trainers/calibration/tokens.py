"""What utterances cost: log-normal completion lengths, and prompts by least squares.

Completion lengths of both roles share the variance of their logarithm, so with x = log(length) the best centres are
the two means of x and the best variance is the mean square around them. The simulated speaker reads lengths off a table
of quantiles whose variance is a little below 1; the fit divides by it. Short lengths are whole numbers, which the
likelihood takes for exact: below about five tokens the spread comes out too wide.

A prompt is a number of tokens by role plus ``reread`` times the completions inside the history window, cut to whole
tokens. Ordinary least squares says about where ``reread`` lies; then the best of the shares of four decimals
around it is taken, the cut included, and the constants are fitted again. Their errors hold the rounding.

Utterances without a token count (a plain function as speaker) are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, expm1, hypot, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.rates import QUANTILES, Simulation
from tracer_env.trainers.calibration.events import Events
from tracer_env.trainers.calibration.fit import Estimate, clustered_error

__all__ = ["TABLE_VARIANCE", "TOKENS", "fit_tokens"]

TOKENS = (
    "proposer_tokens",
    "reviewer_tokens",
    "spread",
    "proposer_prompt_tokens",
    "reviewer_prompt_tokens",
    "reread",
)

TABLE_VARIANCE = sum(NormalDist().inv_cdf((i + 0.5) / QUANTILES) ** 2 for i in range(QUANTILES)) / QUANTILES

_GRAIN = 1e-4  # of reread

Floats = NDArray[np.float64]


def fit_tokens(events: Events, defaults: Simulation) -> tuple[Estimate, ...]:
    """Fit the six parameters in the order of TOKENS; what was never said keeps its default."""
    counted = events.completion > 0
    first, task = events.proposals[counted], events.task[counted]
    lengths = _lengths(np.log(events.completion[counted]), first, task, defaults)
    prompts = _prompts(
        events.prompt[counted].astype(float), events.reread[counted].astype(float), first, task, defaults
    )
    return (*lengths, *prompts)


def _unknown(name: str, defaults: Simulation) -> Estimate:
    return Estimate(name, float(getattr(defaults, name)), None, None, 0, "not identified")


def _lengths(x: Floats, first: NDArray[np.bool_], task: NDArray[np.int64], defaults: Simulation) -> list[Estimate]:
    """Fit the mean lengths of proposals and reviews and their common spread."""
    if len(x) == 0:
        return [_unknown(name, defaults) for name in TOKENS[:3]]
    roles = [first, ~first]
    centre = [float(x[role].mean()) if role.any() else 0.0 for role in roles]
    off = x - np.where(first, *centre)
    variance = float(np.mean(off**2)) / TABLE_VARIANCE
    tasks, n = int(task.max()) + 1, len(x)
    by_variance = np.bincount(task, off**2 / TABLE_VARIANCE - variance, tasks) / n
    estimates = []
    for name, role, middle in zip(TOKENS, roles, centre, strict=False):
        if not role.any():
            estimates.append(_unknown(name, defaults))
            continue
        mean, count = exp(middle + variance / 2), int(role.sum())
        influence = mean * (np.bincount(task[role], off[role], tasks) / count + by_variance / 2)
        alone = mean * sqrt(variance / count + variance**2 / (2 * n))
        estimates.append(Estimate(name, mean, clustered_error(influence, task[role], alone), alone, count))
    spread = sqrt(expm1(variance))
    slope = exp(variance) / (2 * spread) if spread else 0.0
    alone = slope * variance * sqrt(2 / n)
    return [*estimates, Estimate("spread", spread, clustered_error(slope * by_variance, task, alone), alone, n)]


def _prompts(
    y: Floats, reread: Floats, first: NDArray[np.bool_], task: NDArray[np.int64], defaults: Simulation
) -> list[Estimate]:
    """Fit the prompt lengths: a constant for each role, and the share of the history that is read again."""
    roles = (first, ~first)
    share, exact = _reread(y, reread, roles, defaults.reread)
    off = y - np.floor(share * reread)
    middle = [float(off[role].mean()) if role.any() else 0.0 for role in roles]
    off -= np.where(first, *middle)
    known = np.array([first.any(), (~first).any(), exact])
    design = np.stack([first, ~first, reread], axis=1).astype(float)[:, known]
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    moved = (design * off[:, None]) @ inverse
    noise = float(off @ off) / max(len(y) - design.shape[1], 1)
    estimates = []
    for place, (name, value) in enumerate(zip(TOKENS[3:], (*middle, share), strict=True)):
        if known[place]:
            column, grain = int(known[:place].sum()), (1.0 if place < 2 else _GRAIN) / sqrt(12.0)
            alone = sqrt(float(inverse[column, column]) * noise)
            error = clustered_error(np.bincount(task, moved[:, column]).astype(np.float64), task, alone)
            events = int(roles[place].sum()) if place < 2 else len(y)
            estimates.append(Estimate(name, value, hypot(error, grain), hypot(alone, grain), events))
        elif place == 2 and _varies(reread, roles):
            estimates.append(Estimate(name, value, None, None, len(y), "at the bound"))
        else:
            estimates.append(_unknown(name, defaults))
    return estimates


def _varies(reread: Floats, roles: Sequence[NDArray[np.bool_]]) -> bool:
    return any(role.any() and np.ptp(reread[role]) > 0 for role in roles)


def _reread(y: Floats, reread: Floats, roles: Sequence[NDArray[np.bool_]], default: float) -> tuple[float, bool]:
    """Return the share of the history that is read again, and whether its place inside [0, 1] was found."""
    if not _varies(reread, roles):
        return default, False
    design = np.stack([*roles, reread], axis=1).astype(float)
    rough = float(np.linalg.lstsq(design, y, rcond=None)[0][2])
    if not -_GRAIN < rough < 1.0 + _GRAIN:
        return float(rough > 0.5), False
    tried = np.unique(np.clip(np.round(rough + np.arange(-200, 201) * _GRAIN, 4), 0.0, 1.0))
    sums = [_grouped(y[role], reread[role]) for role in roles if role.any()]
    lost = [sum(_lost(float(share), *parts) for parts in sums) for share in tried]
    return float(tried[int(np.argmin(lost))]), True


def _grouped(y: Floats, reread: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the different windows, how often each occurs, and the sum of its prompts."""
    found, place = np.unique(reread, return_inverse=True)
    return found.astype(np.float64), np.bincount(place).astype(np.float64), np.bincount(place, y).astype(np.float64)


def _lost(share: float, window: Floats, count: Floats, total: Floats) -> float:
    """Return the square loss of one role at a share, up to what does not hang on it."""
    cut = np.floor(share * window)
    middle = float(total.sum() - count @ cut) / float(count.sum())
    return float(count @ (cut + middle) ** 2 - 2.0 * (total @ (cut + middle)))
