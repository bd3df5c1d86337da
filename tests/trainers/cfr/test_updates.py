"""Rules from regrets to policies: four steps of a game in which SPEAK is always worth 1 more, and of one that turns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.trainers.cfr.updates import RULES, DiscountedUpdate, RegretUpdate, matched, regret_update

ALL = slice(0, 1)


def played(rule: RegretUpdate, advantages: list[float], speak: float = 0.5) -> list[float]:
    """Return the policies of the row: before each advantage, and after the last."""
    policies = [speak]
    for iteration, advantage in enumerate(advantages, start=1):
        after = rule.learn(ALL, np.array([advantage]), np.array([policies[-1]]), iteration)
        policies.append(float(after[0]))
    return policies


def test_matched_is_in_proportion_to_positive_regrets() -> None:
    regret = np.array([[1.0, -1.0, 0.0, -2.0], [3.0, 2.0, 0.0, -1.0]])
    assert matched(regret).tolist() == [0.75, 1.0, 0.5, 0.5]


@pytest.mark.parametrize("name", ["cfr", "cfr_plus", "dcfr", "predictive_rm_plus"])
def test_one_advantage_is_enough_to_speak(name: str) -> None:
    assert played(regret_update(name, 1), [1.0, 1.0, 1.0]) == [0.5, 1.0, 1.0, 1.0]


def test_regret_matching_remembers_everything() -> None:
    rule = regret_update("cfr", 1)
    # r = (-1/2, 1/2), then (1, 0)
    assert played(rule, [1.0, -1.0]) == [0.5, 1.0, 0.5]
    assert rule.regret.tolist() == [[0.5], [0.5]]
    assert rule.cumulative_regret.tolist() == [[0.5], [0.5]]


def test_regret_matching_plus_forgets_debts() -> None:
    rule = regret_update("cfr_plus", 1)
    # R = (0, 1/2); then r = (1, 0) makes (1, 1/2), so that P(SPEAK) = 1/3
    assert played(rule, [1.0, -1.0]) == [0.5, 1.0, pytest.approx(1 / 3)]
    assert rule.regret.tolist() == [[1.0], [0.5]]
    assert rule.cumulative_regret.tolist() == [[0.5], [0.5]]


def test_dcfr_discounts_after_adding() -> None:
    rule = regret_update("dcfr", 1)
    # iteration 1: (-1/2, 1/2) halves to (-1/4, 1/4); iteration 2: (3/4, 1/4) times 2^1.5 / (2^1.5 + 1)
    assert played(rule, [1.0, -1.0]) == [0.5, 1.0, pytest.approx(0.25)]
    kept = 2**1.5 / (2**1.5 + 1)
    assert rule.regret[:, 0].tolist() == pytest.approx([0.75 * kept, 0.25 * kept])
    assert rule.cumulative_regret.tolist() == [[0.5], [0.5]]


def test_predictive_rule_plays_as_if_the_last_regret_came_again() -> None:
    rule = regret_update("predictive_rm_plus", 1)
    # R = (1, 1/2) as with cfr_plus, and r = (1, 0) once more: matched to (2, 1/2)
    assert played(rule, [1.0, -1.0]) == [0.5, 1.0, pytest.approx(0.2)]


def test_hedge_is_a_sigmoid_of_the_scaled_sum() -> None:
    step = math.sqrt(8 * math.log(2))
    expected = [0.5, *(1 / (1 + math.exp(-step * math.sqrt(t))) for t in (1, 2, 3))]
    assert played(regret_update("hedge", 1), [1.0, 1.0, 1.0]) == pytest.approx(expected)
    assert expected[1:] == pytest.approx([0.913317, 0.965451, 0.983352], abs=1e-6)


def test_weights_of_iterations() -> None:
    weights = {name: [regret_update(name, 1).weight(t) for t in (1, 2, 3)] for name in RULES}
    assert weights == {
        "cfr": [1.0, 1.0, 1.0],
        "cfr_plus": [1.0, 2.0, 3.0],
        "dcfr": [1.0, 4.0, 9.0],
        "predictive_rm_plus": [1.0, 4.0, 9.0],
        "hedge": [1.0, 1.0, 1.0],
    }


@pytest.mark.parametrize("name", sorted(RULES))
def test_no_advantage_leaves_the_row_uniform(name: str) -> None:
    assert played(regret_update(name, 1), [0.0, 0.0]) == [0.5, 0.5, 0.5]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["cfr", "cfr_plus", "predictive_rm_plus", "hedge"]),
    advantages=st.lists(st.floats(-1, 1), min_size=1, max_size=120),
)
def test_cumulative_regret_stays_below_the_square_root(name: str, advantages: list[float]) -> None:
    rule = regret_update(name, 1)
    assert all(0.0 <= policy <= 1.0 for policy in played(rule, advantages))
    bound = 2.0 * math.sqrt(sum(a * a for a in advantages)) + 2.0
    assert float(rule.cumulative_regret.max()) <= bound


def test_unknown_rules_and_powers_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cfr_plus'"):
        regret_update("cfr_pluss", 1)
    with pytest.raises(ConfigError, match="finite"):
        DiscountedUpdate(1, alpha=math.inf)
    with pytest.raises(TypeError, match="does not say"):
        RegretUpdate(1).learn(ALL, np.ones(1), np.ones(1), 1)
