"""How well a fitted simulation describes the events: observed against expected, class by class.

A cell is a class of events in a bin of difficulty. With O the events of the cell that came out one way and E
the sum of their fitted chances, chi-square = (O - E)^2 / V on one degree of freedom. V is the variance of O - E
over tasks, the influence of each task on the fitted parameters taken off (events of one task depend on each other, and
what was fitted leaves less room than a count of its own). A small p says that the simulation cannot do what was seen
there; with many cells some small p are luck, so the overall test takes all differences at once.

A cell gets no p when fewer than five events were expected on either side, or when it is fitted exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, exp, gamma, sqrt

import numpy as np
from numpy.typing import NDArray

from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.answers import Answers
from tracer_env.trainers.calibration.events import CONTEXTS, Events
from tracer_env.trainers.calibration.fit import RATES, RateFit, share_events

__all__ = ["Cell", "Overall", "check_fit", "chi_square_tail", "difficulty_bins"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_LEAST = 5.0


@dataclass(frozen=True)
class Cell:
    """One class of events at one range of difficulty."""

    event: str
    low: float  # difficulties of the bin, both ends included
    high: float
    events: int
    observed: int
    expected: float
    chi_square: float | None
    p: float | None


@dataclass(frozen=True)
class Overall:
    """All cells at once."""

    chi_square: float
    degrees: int
    p: float


def chi_square_tail(value: float, degrees: int) -> float:
    """Return P(X >= value) of the chi-square distribution with a whole number of degrees of freedom."""
    if degrees < 1:
        raise ValueError(f"degrees of freedom must be at least 1, got {degrees}")
    half = max(value, 0.0) / 2.0
    start = 1.0 if degrees % 2 else 2.0
    tail = erfc(sqrt(half)) if degrees % 2 else exp(-half)
    term = sqrt(half) * exp(-half) / gamma(1.5) if degrees % 2 else half * exp(-half)
    for step in range(int((degrees - start) / 2)):
        tail += term
        term *= half / (start / 2.0 + step + 1.0)
    return min(tail, 1.0)


def difficulty_bins(events: Events, most: int = 4) -> list[tuple[float, float]]:
    """Return at most ``most`` ranges of difficulty that hold about as many tasks each."""
    _, first = np.unique(events.task, return_index=True)
    found, counts = np.unique(events.difficulty[first], return_counts=True)
    upto = np.cumsum(counts) / counts.sum()
    number = np.minimum((upto - counts / counts.sum() / 2) * most, most - 1).astype(int)
    return [(float(found[number == n][0]), float(found[number == n][-1])) for n in range(most) if (number == n).any()]


def check_fit(events: Events, fit: RateFit, most_bins: int = 4) -> tuple[tuple[Cell, ...], Overall | None]:
    """Return the table of goodness of fit and the overall test (None where the tasks are too few for it)."""
    bins = difficulty_bins(events, most_bins)
    lows = np.array([low for low, _ in bins])
    number = np.searchsorted(lows, events.difficulty, side="right") - 1
    cells, columns, usable = [], [], []
    for name, among, hit, chance, gradient in _classes(events, fit):
        for place, (low, high) in enumerate(bins):
            here = among & (number == place)
            if not here.any():
                continue
            inside = here[among]
            off = hit[here] - chance[inside]
            by_task = np.bincount(events.task[here], off, len(fit.influence))
            moved = by_task - fit.influence @ gradient[:, inside].sum(axis=1)
            variance, expected, n = float(moved @ moved), float(chance[inside].sum()), int(here.sum())
            tested = min(expected, n - expected) >= _LEAST and variance > 1e-9 * n
            square = (float(off.sum()) ** 2 / variance) if tested else None
            p = None if square is None else chi_square_tail(square, 1)
            cells.append(Cell(name, low, high, n, int(hit[here].sum()), expected, square, p))
            columns.append((float(off.sum()), moved))
            usable.append(tested)
    return tuple(cells), _overall([column for column, tested in zip(columns, usable, strict=True) if tested])


def _overall(columns: list[tuple[float, Floats]]) -> Overall | None:
    if not columns:
        return None
    off, moved = np.array([o for o, _ in columns]), np.stack([m for _, m in columns], axis=1)
    tasks = int(moved.any(axis=1).sum())
    scale = np.sqrt((moved**2).sum(axis=0))
    shares, axes = np.linalg.eigh((moved / scale).T @ (moved / scale))
    kept = shares > 1e-6 * shares.max()
    degrees = int(kept.sum())
    if tasks <= 2 * degrees:
        return None
    along = axes[:, kept].T @ (off / scale)
    square = float(np.sum(along**2 / shares[kept])) * (tasks - degrees) / tasks  # as Hotelling's T^2 is scaled
    return Overall(square, degrees, chi_square_tail(square, degrees))


Class = tuple[str, Bools, Bools, Floats, Floats]


def _classes(events: Events, fit: RateFit) -> Iterator[Class]:
    """Yield name, which events (N,), which count (N,), and chance and its derivatives for those of the class."""
    yield from _shares(events, fit)
    answers = Answers.of(events)
    p, dp = answers.chances(fit.working[:5])
    here = events.proposals & (events.context != ev.CAVING) & (events.outcome != ev.INVALID)
    group = np.zeros(len(events), dtype=np.int64)
    group[here] = answers.group
    wants = [(context, 0) for context in (ev.FIRST, ev.AFTER_INVALID, ev.MENDING, ev.BESIDE_CORRECT, ev.BESIDE_WRONG)]
    for context, column in [*wants, (ev.MENDING, 1), (ev.BESIDE_WRONG, 1)]:
        among = here & (events.context == context)
        gradient = np.zeros((len(RATES), int(among.sum())))
        gradient[:5] = dp[:, group[among], column]
        told = f"{CONTEXTS[context]}: {'correct' if column == 0 else 'same again'}"
        yield told, among, events.outcome == ev.CORRECT + column, p[group[among], column], gradient


def _shares(events: Events, fit: RateFit) -> Iterator[Class]:
    parts: tuple[tuple[str, str, Bools], ...] = (
        ("invalid", "proposal without answer", np.ones(len(events), dtype=bool)),
        ("cave", f"{CONTEXTS[ev.CAVING]}: caved", np.ones(len(events), dtype=bool)),
        ("no_verdict", "review without verdict", np.ones(len(events), dtype=bool)),
        ("tpr", f"RIGHT to a {CONTEXTS[ev.OF_CORRECT]}", np.ones(len(events), dtype=bool)),
        ("tnr", f"WRONG to a {CONTEXTS[ev.OF_WRONG]}", events.context == ev.OF_WRONG),
        ("tnr", f"WRONG to an {CONTEXTS[ev.OF_INVALID]}", events.context == ev.OF_INVALID),
    )
    for name, told, part in parts:
        among, hit = share_events(events, name)
        among = among & part
        place, count = RATES.index(name), int(among.sum())
        gradient = np.zeros((len(RATES), count))
        gradient[place] = 1.0
        yield told, among, hit, np.full(count, fit.working[place]), gradient
