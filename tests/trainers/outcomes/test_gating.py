"""Thresholds and classifiers, fitted to numbers written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracer_env.trainers.outcomes.gating import best_threshold, logistic_weights


@pytest.mark.parametrize(
    ("sure", "gains", "threshold"),
    [
        ([0.2, 0.4, 0.9], [1, 1, -1], 0.65),  # debate the two that gain
        ([0.9, 0.2, 0.4], [-1, 1, 1], 0.65),  # in any order
        ([0.2, 0.4, 0.9], [1, -1, 0], 0.3),
        ([0.2, 0.4], [-1, -1], 0.0),  # never a debate
        ([0.2, 0.4], [1, 1], 0.7),  # always one, of these
        ([0.5, 1.0], [1, 1], 2.0),
        ([0.2, 0.4, 0.6], [1, 0, 0], 0.3),  # ties: the least debate
        ([0.2, 0.4], [0, 0], 0.0),
        ([0.4, 0.4, 0.6], [1, -2, 0], 0.0),  # equal confidences are debated together
        ([0.4, 0.4, 0.6], [2, -1, 0], 0.5),
    ],
)
def test_the_threshold_of_the_highest_value(sure: list[float], gains: list[float], threshold: float) -> None:
    assert best_threshold(np.array(sure), np.array(gains, dtype=float)) == pytest.approx(threshold)


def test_a_classifier_with_a_known_answer() -> None:
    """Three of four have the side 1, and nothing tells them apart: the weight of the 1 is the log-odds, log 3."""
    ones = np.ones((4, 1))
    found = logistic_weights(ones, np.array([1.0, 1, 1, -1]), np.ones(4), 1.0)
    assert found == pytest.approx([np.log(3)], abs=1e-4)
    weighed = logistic_weights(ones[:2], np.array([1.0, -1]), np.array([3.0, 1.0]), 1.0)
    assert weighed == pytest.approx([np.log(3)], abs=1e-4)  # weights count as often


def test_a_classifier_at_its_minimum_has_no_slope() -> None:
    luck = np.random.default_rng(0)
    inputs = np.concatenate([np.ones((60, 1)), luck.normal(size=(60, 3))], axis=1)
    sides, weights = np.sign(luck.normal(size=60)), luck.uniform(size=60)
    found = logistic_weights(inputs, sides, weights, 0.5)
    wrong = 1 / (1 + np.exp(sides * (inputs @ found)))
    slope = inputs.T @ (-weights * sides * wrong) + np.array([1e-6, 0.5, 0.5, 0.5]) * found
    assert np.abs(slope).max() < 1e-6


def test_without_a_side_nothing_is_debated() -> None:
    found = logistic_weights(np.ones((3, 2)), np.zeros(3), np.zeros(3), 1.0)
    assert (np.ones((3, 2)) @ found < 0).all()


def test_sides_that_can_be_told_apart_keep_it_finite() -> None:
    inputs = np.array([[1.0, -1], [1, 1]])
    found = logistic_weights(inputs, np.array([-1.0, 1]), np.ones(2), 0.0)
    assert np.isfinite(found).all()
    assert np.sign(inputs @ found).tolist() == [-1, 1]
