"""Training the logistic controller: its gradient, known answers, and the same value in trees and in play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tree_games import misleading, random_trees, telling

from tracer_env.agents.controllers.baselines import Always
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.logistic import Logistic
from tracer_env.rules import Rules
from tracer_env.terminal.progress import NoReporter
from tracer_env.trainers.cfr.logistic import _Climb
from tracer_env.trainers.cfr.methods import teach
from tracer_env.trees.evaluation import evaluate_policy
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade


def test_the_gradient_is_that_of_the_value() -> None:
    trees = telling(random_trees(Rules(stop_when="kept"), 12, seed=1), 2)
    controller = Logistic(price=0.01, products=True)
    climb = _Climb(controller, trees, [None, None, None, None])
    luck = np.random.default_rng(0)
    weights = luck.normal(0.0, 0.1, (4, climb.slope(np.zeros((4, 171)))[1].shape[1]))
    _, gradient = climb.slope(weights)
    for _ in range(12):
        place = tuple(luck.integers(0, weights.shape))
        ends = []
        for shift in (1e-5, -1e-5):
            moved = weights.copy()
            moved[place] += shift
            ends.append(climb.slope(moved)[0])
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("policy", ["average", "greedy"])
def test_it_learns_the_misleading_game(policy: str) -> None:
    trees, controller = misleading(), Logistic(policy=policy, steps=300, starts=1, ridge=0.0)
    course = teach(controller, trees, 0, NoReporter(), "logistic")
    assert course["value"] == pytest.approx(1.0, abs=0.02)
    assert evaluate_policy(trees, controller).accuracy == pytest.approx(course["value"], abs=1e-12)
    assert controller.lessons.among(trees.tasks) == 3
    again = Logistic(policy=policy, steps=300, starts=1, ridge=0.0)
    teach(again, trees, 0, NoReporter(), "logistic")
    assert again.to_json() == controller.to_json()


def test_in_a_cast_it_learns_its_own_turns() -> None:
    trees, controller = misleading(), Logistic(steps=200, starts=1)
    cast = CastController({"proposer": controller, "reviewer": Always()})
    teach(cast, trees, 0, NoReporter(), "cast")
    assert set(controller.weights) == {3}
    assert evaluate_policy(trees, cast).accuracy > 0.97


def knowing(trees: DialogueTrees) -> DialogueTrees:
    """Let the least log-probability of a proposal say whether it is correct."""
    levels = [
        replace(level, logprob_min=np.where(level.grade == Grade.CORRECT, -1.0, -2.0).astype(np.float32))
        for level in trees.levels
    ]
    return replace(trees, levels=tuple(levels))


def test_what_a_signal_tells_is_used() -> None:
    """Where a signal gives the grade away, accuracy comes up to the oracle's and beyond every rule's."""
    trees = knowing(random_trees(Rules(), 80, seed=4))
    blind, seeing = (Logistic(steps=300, starts=1) for _ in range(2))
    teach(blind, random_trees(Rules(), 80, seed=4), 0, NoReporter(), "blind")
    teach(seeing, trees, 0, NoReporter(), "seeing")
    told, rest = evaluate_policy(trees, seeing), evaluate_policy(trees, blind)
    assert told.accuracy > rest.accuracy + 0.1
    assert told.accuracy > evaluate_policy(trees, "oracle").accuracy - 0.01
