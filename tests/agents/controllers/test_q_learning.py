"""Q-learning: the update, by hand."""

from __future__ import annotations

import pytest

from tracer_env.agents.controllers.action_values import Step
from tracer_env.agents.controllers.q_learning import QLearning

SKIP, SPEAK = 0, 1


def test_a_choice_is_worth_what_the_best_next_one_is() -> None:
    table = QLearning(alpha=0.5)
    table.learn([Step("a", SPEAK, -0.25), Step("b", SKIP, 1.0)])  # b: 1; a: -0.25 + max(1, 0)
    assert table.rows["b"].value == [1.0, 0.0]
    assert table.rows["a"].value == [0.0, 0.75]
    table.learn([Step("a", SPEAK, -0.25), Step("b", SPEAK, -0.5)])  # exploring badly at b costs a nothing
    assert table.rows["b"].value == [1.0, -0.5]
    assert table.rows["a"].value == [0.0, 0.75]


def test_steps_are_means_at_first_and_never_below_alpha() -> None:
    table = QLearning(alpha=0.4)
    values = []
    for reward in (1.0, 0.0, 0.0, 1.0):  # steps 1, 1/2, 0.4, 0.4
        table.learn([Step("k", SPEAK, reward)])
        values.append(table.rows["k"].value[SPEAK])
    assert values == pytest.approx([1.0, 0.5, 0.3, 0.58])


def test_it_explores_as_epsilon_greedy_does() -> None:
    table = QLearning(epsilon=0.2)
    table.learn([Step("k", SPEAK, 1.0)])
    assert table.explore("k") == pytest.approx(0.9)
