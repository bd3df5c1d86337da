"""What gates learn from openings: a threshold for `down`, a classifier for `imad`.

Both are judged by the same sum over the train tasks: what the debate gained where there was one, less what its tokens
cost. A debate gains g = (right after it) - (right without it) - price * (its tokens).

    threshold     of all that tell the train confidences apart, the one with the largest sum of g over c < threshold;
                  of equal ones the lowest
    classifier    logistic regression in which an opening counts |g| and has the side of the sign of g:
                  minimise sum |g| log(1 + exp(-sign(g) w x)) + ridge / 2 |w|^2, by Newton's steps from 0
                  (the weight of the 1 is free); openings with g = 0 teach nothing
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.down import Down
from tracer_env.agents.controllers.gate import Gate
from tracer_env.agents.controllers.imad import IMAD, features_of
from tracer_env.errors import ConfigError
from tracer_env.trainers.outcomes.openings import Openings

__all__ = ["best_threshold", "fit_gate", "logistic_weights"]

Array = NDArray[np.float64]

_STEPS, _SMALL = 100, 1e-9


def fit_gate(gate: Gate, openings: Openings) -> dict[str, Any]:
    """Teach a gate in place; return what it learned and what it comes to on these openings, which taught it."""
    if isinstance(gate, Down):
        gate.threshold = best_threshold(
            np.array([gate.sure(heard) for heard in openings.heard]), openings.gains(gate.price)
        )
        told: dict[str, Any] = {"threshold": gate.threshold}
    elif isinstance(gate, IMAD):
        _fit_classifier(gate, openings)
        told = {"ridge": gate.ridge}
    else:
        raise ConfigError(f"{gate.name} is a gate that nothing here teaches")
    debates = np.array([gate.debates(heard) for heard in openings.heard])
    right = np.where(debates, openings.debate_right, openings.silent_right)
    return {**told, "debates": float(debates.mean()), "value": float(right.mean())}


def best_threshold(sure: Array, gains: Array) -> float:
    """Return the threshold c* of the largest sum of ``gains`` (n,) over ``sure`` (n,) below it; ties: the lowest.

    Candidates are 0 (never a debate), the middles between two neighbours, and the middle between the largest and 1,
    or 2 where that is 1 (always one).
    """
    order = np.argsort(sure, kind="stable")
    values, first = np.unique(sure[order], return_index=True)
    sums = np.concatenate([[0.0], np.cumsum(gains[order])])[[*first, len(sure)]]  # over all below each candidate
    last = 2.0 if values[-1] >= 1.0 else (values[-1] + 1.0) / 2.0
    candidates = [0.0, *((values[:-1] + values[1:]) / 2.0), last]
    return float(candidates[int(np.argmax(sums > sums.max() - _SMALL))])


def _fit_classifier(gate: IMAD, openings: Openings) -> None:
    numbers = np.array([features_of(heard) for heard in openings.heard])
    told = np.isfinite(numbers)
    count = np.maximum(told.sum(axis=0), 1)
    gate.mean = np.where(told, numbers, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(told, (numbers - gate.mean) ** 2, 0.0).sum(axis=0) / count)
    gate.spread = np.where(spread > _SMALL, spread, 1.0)
    gains = openings.gains(gate.price)
    gate.weights = logistic_weights(gate.inputs(openings.heard), np.sign(gains), np.abs(gains), gate.ridge)


def logistic_weights(inputs: Array, sides: Array, weights: Array, ridge: float) -> Array:
    """Return w (k,) of a weighted logistic regression: ``inputs`` (n, k) with a 1 first, ``sides`` (n,) in -1, 0, 1.

    Where no opening has a side, w is such that nothing is debated. A little ridge keeps w finite where the sides can be
    told apart without error, the weight of the 1 included.
    """
    if not weights.any():
        silent: Array = -np.eye(1, inputs.shape[1])[0]
        return silent
    pull = np.full(inputs.shape[1], max(ridge, 1e-6))
    pull[0] = 1e-6
    found = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        margins = sides * (inputs @ found)
        wrong = 0.5 * (1.0 - np.tanh(0.5 * margins))  # 1 / (1 + exp(margin))
        slope = inputs.T @ (-weights * sides * wrong) + pull * found
        curve = (inputs * (weights * wrong * (1.0 - wrong))[:, None]).T @ inputs + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        length = 1.0
        while _loss(inputs, sides, weights, pull, found - length * step) > _loss(inputs, sides, weights, pull, found):
            length /= 2.0
            if length < _SMALL:
                return found
        found = found - length * step
        if np.abs(length * step).max() < _SMALL:
            break
    return found


def _loss(inputs: Array, sides: Array, weights: Array, pull: Array, found: Array) -> float:
    return float(weights @ np.logaddexp(0.0, -sides * (inputs @ found)) + 0.5 * pull @ found**2)
