"""How much speakers tell of their own words: areas under ROC curves, the middle and the spread of what they tell.

The area (AUC) is the share of pairs, a correct proposal and another one, in which the correct one has the higher
value, ties counted half (Mann and Whitney 1947); it needs no shape of the curve. Its error is that of the placements

    A - (share of the others below x_i)        for each correct one, over their number n_1; likewise the others, n_0

summed by task, since the utterances of one task depend on each other (DeLong et al. 1988; clustered: Obuchowski 1997).

    confidence                        the area of `logprob_mean`, over the proposals
    margin                            the area of `margin`, over the reviews with a verdict
    surprise, surprise_spread         of log(-logprob_mean): half way between the classes, standard deviation inside
    margin_size, margin_spread        of log|margin|, the classes being right and wrong verdicts
    own, own_tpr, own_tnr             shares, as `fit` has them

What the speaker left untold keeps its default. Reviews that state no answer of their own say that ``own`` is 0 only
where the reviewer told some signal; else nobody may have looked. Trap: the simulation's curve is binormal, and given
the truth its signals hang on nothing else; a model's area may be the same and its best use another.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.statistics.areas import shares_won
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.events import Events
from tracer_env.trainers.calibration.fit import Estimate, clustered_error, edge_error, share_of

__all__ = ["SIGNAL_RATES", "area_moves", "fit_signals"]

SIGNAL_RATES = (
    "confidence",
    "surprise",
    "surprise_spread",
    "margin",
    "margin_size",
    "margin_spread",
    "own",
    "own_tpr",
    "own_tnr",
)

_LEAST = 1e-6  # nats: what is told to be surer than this counts as this sure in the logarithm

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Tasks = NDArray[np.int64]


def fit_signals(events: Events, defaults: Simulation) -> tuple[Estimate, ...]:
    """Fit the parameters in the order of SIGNAL_RATES; what was never told keeps its default."""
    told = events.proposals & ~np.isnan(events.mean)
    mean, correct = events.mean[told].astype(np.float64), events.outcome[told] == ev.CORRECT
    task = events.task[told]
    spoken = (events.outcome == ev.SAYS_RIGHT) | (events.outcome == ev.SAYS_WRONG)
    sure = spoken & ~np.isnan(events.margin)
    margin, of_correct = events.margin[sure].astype(np.float64), events.context[sure] == ev.OF_CORRECT
    right = of_correct == (events.outcome[sure] == ev.SAYS_RIGHT)
    judged = events.task[sure]
    return (
        _area("confidence", mean, correct, task, defaults),
        *_log_normal("surprise", "surprise_spread", -mean, correct, task, defaults),
        _area("margin", margin, of_correct, judged, defaults),
        *_log_normal("margin_size", "margin_spread", np.abs(margin), right, judged, defaults),
        *_own(events, defaults),
    )


def area_moves(value: Floats, positive: Bools, task: Tasks) -> tuple[float, Floats, Floats]:
    """Return the area, how each event moves it, (N,), and how each task does, (G,); both classes must be there.

    ``value`` (N,) is told apart by ``positive`` (N,); ``task`` (N,) numbers the tasks from 0.
    """
    high, low = value[positive], value[~positive]
    below, above = shares_won(high, low), 1.0 - shares_won(low, high)
    area, moved = float(below.mean()), np.empty(len(value))
    moved[positive], moved[~positive] = (below - area) / len(high), (above - area) / len(low)
    return area, moved, np.bincount(task, moved).astype(np.float64)


def _untold(name: str, defaults: Simulation) -> Estimate:
    return Estimate(name, float(getattr(defaults, name)), None, None, 0, "not identified")


def _area(name: str, value: Floats, positive: Bools, task: Tasks, defaults: Simulation) -> Estimate:
    if not positive.any() or positive.all():
        return _untold(name, defaults)
    area, moved, by_task = area_moves(value, positive, task)
    if area in (0.0, 1.0):
        error = edge_error(int(min(positive.sum(), (~positive).sum())))
        return Estimate(name, area, error, error, len(value), "at the bound")
    alone, note = sqrt(float(moved @ moved)), "below chance" if area < 0.5 else ""
    return Estimate(name, area, clustered_error(by_task, task, alone), alone, len(value), note)


def _log_normal(
    middle: str, spread: str, size: Floats, positive: Bools, task: Tasks, defaults: Simulation
) -> tuple[Estimate, Estimate]:
    """Fit two normals of one variance to the logarithms of sizes; ``middle`` lies half way between them."""
    if not len(size):
        return _untold(middle, defaults), _untold(spread, defaults)
    logs, classes = np.log(np.maximum(size, _LEAST)), [part for part in (positive, ~positive) if part.any()]
    centres = [float(logs[part].mean()) for part in classes]
    off, moved = np.empty(len(logs)), np.empty(len(logs))
    for part, centre in zip(classes, centres, strict=True):
        off[part] = logs[part] - centre
        moved[part] = off[part] / int(part.sum()) / len(classes)
    value, deviation = float(np.exp(np.mean(centres))), float(np.sqrt(np.mean(off**2)))
    widened = (off**2 - deviation**2) / (2.0 * deviation * len(off)) if deviation > 0.0 else np.zeros(len(off))
    return _moved(middle, value, value * moved, task), _moved(spread, deviation, widened, task)


def _moved(name: str, value: float, moved: Floats, task: Tasks) -> Estimate:
    """Return the estimate that each event moves by ``moved``, (N,)."""
    alone = sqrt(float(moved @ moved))
    by_task = np.bincount(task, moved).astype(np.float64)
    return Estimate(name, value, clustered_error(by_task, task, alone), alone, len(moved))


def _own(events: Events, defaults: Simulation) -> list[Estimate]:
    reviews = (events.context == ev.OF_CORRECT) | (events.context == ev.OF_WRONG)
    stated, tasks = events.agrees != 0, int(events.task.max()) + 1
    looked = reviews & (stated | ~np.isnan(events.mean) | ~np.isnan(events.margin))
    parts = (
        ("own", reviews if looked.any() else looked, stated),
        ("own_tpr", stated & (events.context == ev.OF_CORRECT), events.agrees > 0),
        ("own_tnr", stated & (events.context == ev.OF_WRONG), events.agrees < 0),
    )
    return [
        share_of(name, hit[among], events.task[among], tasks, float(getattr(defaults, name)))[0]
        for name, among, hit in parts
    ]
