"""Which answer a proposal gives: one likelihood for skill, mend, slope, repeat and distractors.

With q the chance of a fresh answer (skill(d), or mend(d) after a wrong one was voted down), rho = ``repeat`` where
the pending answer was not voted down and 0 elsewhere, kc = 1 if the pending answer is correct, and c the
chance that two wrong answers coincide (1 / ``distractors``; 0 where no wrong answer is pending), a proposal with
an answer is

    correct               rho kc + (1 - rho) q
    wrong, the same       rho (1 - kc) + (1 - rho)(1 - q) c
    wrong, another one    (1 - rho)(1 - q)(1 - c)

It is maximised by Fisher scoring inside bounds, once for each candidate of the whole number ``distractors``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import inf

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.speakers.simulated.rates import QUANTILES
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.events import Events

__all__ = ["CERTAIN", "HIGH", "LOW", "Answers", "best_answers", "collision", "information_of", "sigmoid"]

Floats = NDArray[np.float64]
CERTAIN = 12.0
"""A chance this many logits from 1/2 or more is as good as 0 or 1: events without exception are fitted no closer."""
_SLOPE = 40.0
_LOGIT = CERTAIN + _SLOPE / 2  # at this bound every chance is certain, whatever the difficulty and the slope
LOW = np.array([-_LOGIT, -_LOGIT, -_SLOPE, 0.0])
HIGH = np.array([_LOGIT, _LOGIT, _SLOPE, 1.0 - 1e-9])
_EDGE = 1e-9
_ROUGH, _CLOSE = 1e-6, 1e-12  # of a climb: to choose where to look, and to end
_COARSE = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, QUANTILES)


@dataclass(frozen=True)
class Answers:
    """The proposals with an answer (but for caving ones), grouped by what their chances hang on."""

    context: NDArray[np.int8]  # (U,)
    shift: Floats  # (U,) difficulty - 1/2
    room: NDArray[np.int16]  # (U,)
    group: NDArray[np.int64]  # (M,) of each event
    column: NDArray[np.int64]  # (M,) its outcome: 0 correct, 1 the same wrong answer, 2 another one
    task: NDArray[np.int64]  # (M,)

    @classmethod
    def of(cls, events: Events) -> Answers:
        """Pick and group the events."""
        here = events.proposals & (events.context != ev.CAVING) & (events.outcome != ev.INVALID)
        keys = np.stack([events.context[here], events.choices[here], events.difficulty[here]], axis=1)
        found, group = np.unique(keys, axis=0, return_inverse=True)
        column = events.outcome[here].astype(np.int64) - ev.CORRECT
        context, room = found[:, 0].astype(np.int8), found[:, 1].astype(np.int16)
        return cls(context, found[:, 2] - 0.5, room, group.ravel(), column, events.task[here])

    def counts(self) -> Floats:
        """Return how often each group had each outcome, shape (U, 3)."""
        cells = np.bincount(self.group * 3 + self.column, minlength=3 * len(self.shift))
        return cells.reshape(-1, 3).astype(np.float64)

    def chances(self, theta: Floats) -> tuple[Floats, Floats]:
        """Return P(outcome), shape (U, 3), and its derivatives by the five ANSWER_RATES, shape (5, U, 3)."""
        beside = (self.context == ev.BESIDE_CORRECT) | (self.context == ev.BESIDE_WRONG)
        mending, repeat = self.context == ev.MENDING, np.where(beside, theta[3], 0.0)
        right = (self.context == ev.BESIDE_CORRECT) * 1.0
        q = sigmoid(np.where(mending, theta[1], theta[0]) - theta[2] * self.shift)
        c, by_m = np.zeros(q.shape), np.zeros(q.shape)
        wrong = mending | (self.context == ev.BESIDE_WRONG)
        for room in np.unique(self.room[wrong]):
            here = wrong & (self.room == room)
            c[here], by_m[here] = collision(theta[4], int(room)), _collision_slope(theta[4], int(room))
        free = 1.0 - repeat
        p = np.stack(
            [repeat * right + free * q, repeat * (1 - right) + free * (1 - q) * c, free * (1 - q) * (1 - c)], 1
        )
        by_q = np.stack([free, -free * c, -free * (1 - c)], 1) * (q * (1 - q))[:, None]
        by_repeat = np.stack([right - q, 1 - right - (1 - q) * c, -(1 - q) * (1 - c)], 1) * beside[:, None]
        by_c = np.stack([np.zeros(q.shape), free * (1 - q), -free * (1 - q)], 1) * by_m[:, None]
        by_skill, by_mend = by_q * ~mending[:, None], by_q * mending[:, None]
        return p, np.stack([by_skill, by_mend, -by_q * self.shift[:, None], by_repeat, by_c])


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x))."""
    value: Floats = 1.0 / (1.0 + np.exp(-x))
    return value


@cache
def collision(distractors: float, room: int = QUANTILES) -> float:
    """Return the chance that two wrong answers coincide, as the simulated speaker draws them."""
    picked = np.arange(QUANTILES) * int(distractors) // QUANTILES % room
    shares = np.bincount(picked) / QUANTILES
    return float(shares @ shares)


def _collision_slope(distractors: float, room: int) -> float:
    low, high = max(int(distractors) - 1, 1), min(int(distractors) + 1, QUANTILES)
    return (collision(high, room) - collision(low, room)) / (high - low)


def _log_likelihood(counts: Floats, p: Floats) -> float:
    seen = counts > 0
    if np.any(p[seen] <= 0.0):
        return -inf
    return float(np.sum(counts[seen] * np.log(p[seen])))


def information_of(p: Floats, dp: Floats, totals: Floats) -> Floats:
    """Return the expected information, shape (5, 5); ``totals`` (U,) are the events of the groups."""
    weight = np.divide(totals[:, None], p, out=np.zeros(p.shape), where=p > 1e-12)
    information: Floats = np.einsum("iuo,uo,juo->ij", dp, weight, dp)
    return information


def _climb(
    answers: Answers, counts: Floats, start: Floats, free: NDArray[np.bool_], close: float = _CLOSE
) -> tuple[Floats, float]:
    """Return the best theta at fixed ``distractors`` and its log-likelihood, to steps that gain ``close``."""
    theta = start.copy()
    p, dp = answers.chances(theta)
    value, totals = _log_likelihood(counts, p), counts.sum(axis=1)
    if value == -inf:  # one distractor, yet two different wrong answers were seen
        return theta, value
    for _ in range(200):
        gradient = np.einsum("uo,iuo->i", np.divide(counts, p, out=np.zeros(p.shape), where=counts > 0), dp)[:4]
        step = _step(theta[:4], gradient, information_of(p, dp, totals)[:4, :4], free)
        moves = step != 0.0
        room = np.where(step > 0.0, HIGH - theta[:4], theta[:4] - LOW)[moves] / np.abs(step[moves])
        size, gain = min(1.0, float(room.min(initial=1.0))), 0.0
        while size > 1e-9:
            tried = theta.copy()
            tried[:4] = np.clip(theta[:4] + size * step, LOW, HIGH)
            p_tried, dp_tried = answers.chances(tried)
            gain = _log_likelihood(counts, p_tried) - value
            if gain >= 0.0:
                break
            size /= 2.0
        if not gain > 0.0:
            break
        theta, p, dp, value = tried, p_tried, dp_tried, value + gain
        if gain < close * (1.0 + abs(value)):
            break
    return theta, value


def _step(theta: Floats, gradient: Floats, information: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the scoring step of those that may move, shape (4,): what leans on a bound and would cross it stays."""
    step, moving = np.zeros(4), free.copy()
    for _ in range(5):
        here = np.flatnonzero(moving)
        step = np.zeros(4)
        step[here] = np.linalg.lstsq(
            information[np.ix_(here, here)] + 1e-9 * np.eye(len(here)), gradient[here], rcond=None
        )[0]
        crossing = ((theta <= LOW + _EDGE) & (step < 0.0)) | ((theta >= HIGH - _EDGE) & (step > 0.0))
        if not crossing.any():
            break
        moving &= ~crossing
    return step


def best_answers(answers: Answers, counts: Floats, start: Floats, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Return theta and log-likelihood at the best whole ``distractors``: a coarse list, then between its peaks.

    Where answers may be repeated the likelihood is that of a mixture and can have several peaks, so it is climbed
    from several places. Trap: of few events, a peak that none of these leads to may be missed.
    """
    starts = _starts(start, free)
    if not free[4]:
        return max((_climb(answers, counts, begun, free[:4]) for begun in starts), key=_value)
    known: dict[int, tuple[Floats, float]] = {}

    def at(number: int, *begun: Floats, close: float = _ROUGH) -> float:
        if begun or number not in known:
            near = max(known.values(), key=_value)[0] if known else start
            begun = begun or (near,)
            found = [_climb(answers, counts, np.append(one[:4], number), free[:4], close) for one in begun]
            known[number] = max([*found, *filter(None, [known.get(number)])], key=_value)
        return known[number][1]

    for number in _COARSE:
        at(number)
    for number in sorted({1, 2, *_peaks(known)}):
        at(number, *starts)
    best = max(known.values(), key=_value)[0]
    for number in _COARSE:
        at(number, best)
    for number in _peaks(known):
        _search(at, number)
    for number in sorted(known, key=at)[-3:]:
        at(number, known[number][0], close=_CLOSE)
    return max(known.values(), key=_value)


def _value(pair: tuple[Floats, float]) -> float:
    return pair[1]


def _starts(start: Floats, free: NDArray[np.bool_]) -> list[Floats]:
    """Return where to climb from: the given place, and others in ``repeat`` and ``slope`` if ``repeat`` is free."""
    if not free[3]:
        return [start]
    made = [start]
    for repeat, slope in product((0.05, 0.5, 0.95), (-15.0, 0.0, 15.0) if free[2] else (start[2],)):
        made.append(np.array([0.0, 0.0, slope, repeat, start[4]]))
        made[-1][:2] = np.where(free[:2], made[-1][:2], start[:2])
    return made


def _peaks(known: dict[int, tuple[Floats, float]]) -> list[int]:
    """Return the numbers at which the likelihood is no lower than at their neighbours, the best three of them."""
    numbers = sorted(known)
    values = np.array([-inf, *(known[number][1] for number in numbers), -inf])
    high = (values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] > -inf)
    return sorted((n for n, here in zip(numbers, high, strict=True) if here), key=lambda n: -known[n][1])[:3]


def _search(at: Callable[[int], float], peak: int) -> None:
    """Halve the stretch around a number of the coarse list until the best whole number in it is known."""
    place = _COARSE.index(peak)
    low, high = _COARSE[max(place - 1, 0)], _COARSE[min(place + 1, len(_COARSE) - 1)]
    while high - low > 2:
        middle = (low + high) // 2
        low, high = (low, middle + 1) if at(middle) >= at(middle + 1) else (middle, high)
    for number in range(low, high + 1):
        at(number)
