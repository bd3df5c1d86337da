"""Training `logistic` on dialogue trees: gradient ascent of the exact value, nothing drawn but the starts.

With P(SPEAK) = s(w_t x) at the nodes of turn t, the value of all weights on the train trees (1 for a correct end, less
the price of each token) has the gradient

    dV / dw_t = sum over nodes n of turn t of  reach(n) A(n) s (1 - s) x(n)        s = s(w_t x(n))

where reach(n) is the probability of the node under the present policy and chance, and A(n) the exact advantage of
SPEAK over SKIP there: the policy gradient (Sutton et al. 2000) with all sums taken instead of sampled. ``ridge`` / 2
times the squared weights is taken off. Adam (Kingma and Ba 2015, their constants) takes ``steps`` of 0.05 from weights
of 0, from the second start on from drawn ones; the start that is worth most on the train trees, as it will be played,
is kept.

The value is not concave in the weights: what comes out is a local optimum, the same for the same trees and seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.logistic import Logistic, chances, inputs, width
from tracer_env.observed import OBSERVED
from tracer_env.parts.lessons import Lessons
from tracer_env.settings import check_call
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trainers.cfr.held_out import divided, judged
from tracer_env.trainers.cfr.training import save_controller
from tracer_env.trees.observed import observed_at
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.tree import DialogueTrees

__all__ = ["train_logistic", "train_logistic_on_trees"]

Array = NDArray[np.float64]

_STEP, _MOMENTUM, _SQUARES = 0.05, 0.9, 0.999
_TOLD = 50  # steps between two reports


def train_logistic(
    controller: Logistic,
    trees: DialogueTrees,
    seed: int,
    tell: Reporter,
    title: str = "training logistic",
    fixed: Sequence[Array | None] = (),
) -> dict[str, Any]:
    """Train in place and return the course; ``fixed`` holds P(SPEAK) (R, 2^d) of turns that others play, else None."""
    climb = _Climb(controller, trees, [*fixed, *[None] * (trees.depth - len(fixed))])
    tell.start(title, controller.starts * controller.steps)
    ends: list[tuple[float, Array]] = []
    for start in range(controller.starts):
        shape = (trees.depth, width(controller.products))
        luck = np.random.default_rng((seed, start))
        weights, adam = luck.normal(0.0, 0.5, shape) if start else np.zeros(shape), _Adam(shape)
        for step in range(1, controller.steps + 1):
            value, gradient = climb.slope(weights)
            weights += adam.step(gradient - controller.ridge * weights)
            if step % _TOLD == 0 or step == controller.steps:
                tell.reach(start * controller.steps + step, f"value {value:.4f}")
        ends.append((climb.slope(weights, controller.played == "greedy")[0], weights))
    value, best = max(ends, key=lambda end: end[0])
    controller.mean, controller.spread = climb.mean, climb.spread
    controller.rules, controller.lessons = trees.rules, Lessons.of(trees.tasks, trees.split)
    controller.weights = {depth + 2: best[depth] for depth in climb.free}
    settings = ("price", "starts", "steps", "ridge", "products")
    return {
        "method": controller.name,
        **{name: getattr(controller, name) for name in settings},
        "policy": controller.played,
        "values": [value for value, _ in ends],
        "value": value,
        "average_regret_curve": [],
        "policy_table": [],
    }


def train_logistic_on_trees(
    trees: DialogueTrees,
    steps: int = 400,
    seed: int = 0,
    reporter: Reporter | None = None,
    *,
    out: Path | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Return what ``train --trees --method logistic --json`` prints; save the controller to the file ``out`` if given.

    ``settings`` are the controller's. What may be reported is under ``held_out``, as in `training`.
    """
    check_call("controller 'logistic'", Logistic, (), {**settings, "steps": steps})
    controller, (lessons, tests) = Logistic(steps=steps, **settings), divided(trees)
    course = train_logistic(controller, lessons, seed, reporter or NoReporter())
    result = {name: value for name, value in course.items() if name not in ("average_regret_curve", "policy_table")}
    result |= {"seed": seed, "trained_on": {"split": lessons.split, "tasks": len(lessons.tasks)}}
    result["held_out"] = None if tests is None else judged(controller, tests, controller.name)
    if out is not None:
        result["controller"] = save_controller(out, controller.state_dict(), course)
    return result


class _Climb:
    """The value of weights on trees, and where it rises."""

    def __init__(self, controller: Logistic, trees: DialogueTrees, fixed: Sequence[Array | None]) -> None:
        self.depth, self.rows, self._fixed = trees.depth, trees.rows, fixed
        self.free = [depth for depth, given in enumerate(fixed) if given is None]
        self._paid = np.ascontiguousarray(team_payoffs(trees, controller.price)[0].T)  # (R, 2^D)
        self._live = [~trees.over(depth) for depth in range(trees.depth)]
        seen = [observed_at(trees, depth) for depth in range(trees.depth)]
        self.mean, self.spread = _scale(seen[depth][:, self._live[depth]] for depth in self.free)
        flat = (here.reshape(-1, here.shape[-1]) for here in seen)
        self._inputs = [inputs(here, self.mean, self.spread, controller.products) for here in flat]

    def slope(self, weights: Array, greedy: bool = False) -> tuple[float, Array]:
        """Return the value of weights (D, C) and its gradient; with ``greedy`` that of the likelier actions."""
        speak = [self._speak(depth, weights[depth], greedy) for depth in range(self.depth)]
        reach = [np.full((self.rows, 1), 1.0 / self.rows)]
        for chance in speak[:-1]:
            below = np.empty((self.rows, 2 * chance.shape[1]))
            np.multiply(reach[-1], chance, out=below[:, 1::2])
            np.subtract(reach[-1], below[:, 1::2], out=below[:, 0::2])
            reach.append(below)
        value, gradient = self._paid, np.zeros(weights.shape)
        for depth in range(self.depth - 1, -1, -1):
            advantage = value[:, 1::2] - value[:, 0::2]
            if self._fixed[depth] is None:
                pull = reach[depth] * advantage * speak[depth] * (1.0 - speak[depth])
                gradient[depth] = pull.ravel() @ self._inputs[depth]
            value = value[:, 0::2] + speak[depth] * advantage
        return float(value.mean()), gradient

    def _speak(self, depth: int, weights: Array, greedy: bool) -> Array:
        given = self._fixed[depth]
        if given is not None:
            return given
        speak = chances(self._inputs[depth] @ weights).reshape(self.rows, -1) * self._live[depth]
        return np.where(speak > 0.5, 1.0, 0.0) if greedy else speak


class _Adam:
    """How far to go, from the gradients so far."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._mean, self._square, self._steps = np.zeros(shape), np.zeros(shape), 0

    def step(self, gradient: Array) -> Array:
        """Return the step uphill."""
        self._steps += 1
        self._mean += (1.0 - _MOMENTUM) * (gradient - self._mean)
        self._square += (1.0 - _SQUARES) * (gradient**2 - self._square)
        mean = self._mean / (1.0 - _MOMENTUM**self._steps)
        square = self._square / (1.0 - _SQUARES**self._steps)
        ahead: Array = _STEP * mean / (np.sqrt(square) + 1e-8)
        return ahead


def _scale(seen: Iterable[NDArray[np.float32]]) -> tuple[Array, Array]:
    """Return mean and spread of each number over the nodes where it is told; (0, 1) where none is, or all are equal."""
    joined = np.concatenate([here.reshape(-1, len(OBSERVED)) for here in seen]).astype(np.float64)
    told = np.isfinite(joined)
    count = np.maximum(told.sum(axis=0), 1)
    mean = np.where(told, joined, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(told, (joined - mean) ** 2, 0.0).sum(axis=0) / count)
    return mean, np.where(spread > 1e-9, spread, 1.0)
