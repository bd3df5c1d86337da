"""Maximum likelihood for the rates of the simulated speaker, with errors that know which events belong together.

Five rates are shares of their own: ``invalid``, ``cave``, ``no_verdict``, ``tpr``, ``tnr``; each is estimated by k / n.
The other five meet in one likelihood, that of `answers`.

Errors: with s_t the score of all events of task t and I the expected information, the estimate moves by
psi_t = I^-1 s_t when task t counts a little more. The sum of psi_t psi_t^T over tasks is the covariance that
holds when events of one task depend on each other, as in trees they do (White 1982, clustered); the inverse
of I is the one for independent events. ``distractors`` being a whole number, the others take it as known.

Traps: both are of large samples; a rate of 0 or 1 was never seen to fail, and is given the error of
(k + 1/2) / (n + 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.answers import CERTAIN, HIGH, LOW, Answers, best_answers, information_of, sigmoid
from tracer_env.trainers.calibration.events import Events

__all__ = [
    "ANSWER_RATES",
    "RATES",
    "SHARES",
    "Estimate",
    "RateFit",
    "clustered_error",
    "edge_error",
    "fit_rates",
    "share_events",
    "share_of",
]

ANSWER_RATES = ("skill", "mend", "slope", "repeat", "distractors")
SHARES = ("invalid", "cave", "no_verdict", "tpr", "tnr")
RATES = ANSWER_RATES + SHARES

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A fitted parameter. Errors are None where it was not identified and kept the default."""

    name: str
    value: float
    standard_error: float | None  # events of one task may depend on each other
    independent_error: float | None  # as if all events were independent
    events: int  # that it was fitted to
    note: str = ""


@dataclass(frozen=True)
class RateFit:
    """All rates: estimates, and how each task moves them (in logits for skill and mend)."""

    estimates: tuple[Estimate, ...]
    working: Floats  # (10,) values in the order of RATES, skill and mend in logits
    influence: Floats  # (G, 10) psi, zero for what was not fitted
    log_likelihood: float


def fit_rates(events: Events, defaults: Simulation) -> RateFit:
    """Fit all ten rates; what the events say nothing about keeps its default."""
    answers = Answers.of(events)
    counts, free = answers.counts(), _identified(answers)
    start = np.array([_logit(defaults.skill), _logit(defaults.mend), defaults.slope, 0.5, float(defaults.distractors)])
    start[3] = 0.5 if free[3] else defaults.repeat
    theta, log_likelihood = best_answers(answers, counts, start, free)
    estimates, influence = _answer_estimates(events, answers, theta, free, defaults)
    values, columns = list(theta), [influence]
    for name in SHARES:
        estimate, moved, gained = _share(events, name, float(getattr(defaults, name)))
        estimates.append(estimate)
        columns.append(moved[:, None])
        values.append(estimate.value)
        log_likelihood += gained
    return RateFit(tuple(estimates), np.array(values), np.concatenate(columns, axis=1), log_likelihood)


def _logit(chance: float) -> float:
    kept = min(max(chance, 1e-4), 1.0 - 1e-4)
    return float(np.log(kept / (1.0 - kept)))


def _identified(answers: Answers) -> NDArray[np.bool_]:
    """Return which of the ANSWER_RATES the events say anything about."""
    mending = answers.context == ev.MENDING
    beside = (answers.context == ev.BESIDE_CORRECT) | (answers.context == ev.BESIDE_WRONG)
    spread = any(len(np.unique(answers.shift[part])) > 1 for part in (mending, ~mending))
    wrongs = (mending | (answers.context == ev.BESIDE_WRONG))[answers.group] & (answers.column > 0)
    return np.array([bool((~mending).any()), bool(mending.any()), spread, bool(beside.any()), bool(wrongs.any())])


def _answer_estimates(
    events: Events, answers: Answers, theta: Floats, free: NDArray[np.bool_], defaults: Simulation
) -> tuple[list[Estimate], Floats]:
    p, dp = answers.chances(theta)
    bound = _bound(answers, theta)
    if (bound | ~free)[:2].all():  # a slope is seen only in chances that are neither 0 nor 1
        free = free & np.array([True, True, False, True, True])
    information = information_of(p, dp, answers.counts().sum(axis=1))
    scores = dp[:, answers.group, answers.column] / p[answers.group, answers.column]
    tasks = int(events.task.max()) + 1
    by_task = np.stack([np.bincount(answers.task, row, tasks).astype(np.float64) for row in scores], axis=1)
    used = np.flatnonzero(free & ~bound)
    together, alone_together = _moves(by_task, information, used)
    influence, independent = _moves(by_task, information, used[used < 4])  # given the whole number of distractors
    independent[4] = alone_together[4]
    estimates = []
    for place, name in enumerate(ANSWER_RATES):
        told = _telling(answers, place)
        if not free[place]:
            estimates.append(Estimate(name, float(getattr(defaults, name)), None, None, 0, "not identified"))
        elif bound[place]:
            estimates.append(_bounded(name, theta[place], int(told.sum())))
        else:
            value, scale = _natural(theta, place)
            alone, moved = float(independent[place]), (together if place == 4 else influence)[:, place]
            error = clustered_error(moved, answers.task[told], alone)
            estimates.append(Estimate(name, value, scale * error, scale * alone, int(told.sum())))
    return estimates, influence


def _bound(answers: Answers, theta: Floats) -> NDArray[np.bool_]:
    """Return which of the ANSWER_RATES are at a bound: for skill and mend, whose every chance is as good as 0 or 1."""
    mending = answers.context == ev.MENDING
    bound = np.append((theta[:4] <= LOW + 1e-6) | (theta[:4] >= HIGH - 1e-6), False)
    for place, told in enumerate((~mending, mending)):
        logits = np.append(theta[place], theta[place] - theta[2] * answers.shift[told]) * np.sign(theta[place])
        bound[place] = bool((logits >= CERTAIN - 1e-6).all())
    return bound


def _moves(by_task: Floats, information: Floats, used: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return psi of each task, shape (G, 5), and the errors of independent events, (5,), for the parameters used."""
    covariance = np.linalg.pinv(information[np.ix_(used, used)], hermitian=True)
    influence, independent = np.zeros(by_task.shape), np.zeros(5)
    influence[:, used] = by_task[:, used] @ covariance
    independent[used] = np.sqrt(np.diag(covariance))
    return influence, independent


def _telling(answers: Answers, place: int) -> NDArray[np.bool_]:
    """Return which events tell of a parameter, shape (M,)."""
    context = answers.context[answers.group]
    mending, wrong = context == ev.MENDING, (context == ev.MENDING) | (context == ev.BESIDE_WRONG)
    beside = (context == ev.BESIDE_CORRECT) | (context == ev.BESIDE_WRONG)
    return (~mending, mending, np.ones(len(context), bool), beside, wrong & (answers.column > 0))[place]


def _natural(theta: Floats, place: int) -> tuple[float, float]:
    """Return a parameter as `Simulation` has it, and the derivative by its working form."""
    value = float(theta[place])
    if place > 1:
        return value, 1.0
    chance = float(sigmoid(np.array(value)))
    return chance, chance * (1.0 - chance)


def _bounded(name: str, value: float, events: int) -> Estimate:
    if name == "slope":
        return Estimate(name, float(value), None, None, events, "at the bound: difficulty decides everything")
    error = edge_error(events)
    return Estimate(name, float(value > 0.5), error, error, events, "at the bound")


def edge_error(events: int) -> float:
    """Return the error of (k + 1/2) / (n + 1) for k = 0 or n."""
    p = 0.5 / (events + 1)
    return sqrt(p * (1.0 - p) / events)


def clustered_error(influence: Floats, tasks: NDArray[np.int64], independent: float) -> float:
    """Return the error of an estimate that each task moves by its ``influence``, shape (G,).

    ``tasks`` are those of the events, repeats allowed; a single task tells nothing of the spread, so there
    the ``independent`` error is returned.
    """
    number = len(np.unique(tasks))
    return sqrt(float(np.sum(influence**2)) * number / (number - 1)) if number > 1 else independent


def share_events(events: Events, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which events a share is taken of, and which of all events count for it, shape (N,) each."""
    context, outcome = events.context, events.outcome
    if name == "invalid":
        return events.proposals, outcome == ev.INVALID
    if name == "cave":
        return (context == ev.CAVING) & (outcome != ev.INVALID), outcome != ev.CORRECT
    if name == "no_verdict":
        return ~events.proposals, outcome == ev.NO_VERDICT
    spoken = outcome != ev.NO_VERDICT
    if name == "tpr":
        return (context == ev.OF_CORRECT) & spoken, outcome == ev.SAYS_RIGHT
    return (context > ev.OF_CORRECT) & spoken, outcome == ev.SAYS_WRONG


def _share(events: Events, name: str, default: float) -> tuple[Estimate, Floats, float]:
    """Return k / n, how each task moves it, and the log-likelihood."""
    among, counted = share_events(events, name)
    estimate, influence = share_of(name, counted[among], events.task[among], int(events.task.max()) + 1, default)
    p, n = estimate.value, estimate.events
    inside = n > 0 and 0.0 < p < 1.0
    return estimate, influence, n * float(p * np.log(p) + (1.0 - p) * np.log1p(-p)) if inside else 0.0


def share_of(
    name: str, hit: NDArray[np.bool_], task: NDArray[np.int64], tasks: int, default: float
) -> tuple[Estimate, Floats]:
    """Return the share of hits among n events, and how each of ``tasks`` tasks moves it; ``hit``, ``task`` are (n,)."""
    n, k = len(hit), int(hit.sum())
    if n == 0:
        return Estimate(name, default, None, None, 0, "not identified"), np.zeros(tasks)
    if k in (0, n):
        error = edge_error(n)
        return Estimate(name, k / n, error, error, n, "at the bound"), np.zeros(tasks)
    p = k / n
    influence = np.bincount(task, hit - p, tasks) / n
    alone = sqrt(p * (1.0 - p) / n)
    return Estimate(name, p, clustered_error(influence, task, alone), alone, n), influence
