"""Means over tasks: Student's by hand, and the lean of what is skewed."""

from __future__ import annotations

import numpy as np
import pytest

from tracer_env.statistics.means import half_width, lopsided, mean_interval, t_interval


def test_students_by_hand() -> None:
    # mean 3, variance 2.5, error sqrt(0.5), t of 4 degrees 2.776445
    assert t_interval([1, 2, 3, 4, 5]) == pytest.approx((3 - 2.776445 * 0.5**0.5, 3 + 2.776445 * 0.5**0.5), abs=1e-5)
    assert t_interval([2, 4, 6, 8, 10], [2, 2, 2, 2, 2]) == pytest.approx(t_interval([1, 2, 3, 4, 5]))
    assert t_interval([7.0]).tolist() == [-np.inf, np.inf]


def test_half_of_the_width_is_what_plus_or_minus_stands_for() -> None:
    assert half_width([1, 2, 3, 4, 5]) == pytest.approx(2.776445 * 0.5**0.5, abs=1e-5)
    assert half_width([3.0]) is None


def test_sizes_make_a_ratio() -> None:
    # 10 of 4 cases and 2 of 1: the ratio is 2.4, moved by (10 - 9.6) / 2.5 and its opposite
    low, high = t_interval([10, 2], [4, 1])
    assert (low + high) / 2 == pytest.approx(2.4)
    assert (high - low) / 2 == pytest.approx(12.7062 * 0.16, abs=1e-4)


@pytest.mark.parametrize("tasks", [50, 1_999, 2_000, 20_000])
def test_a_long_tail_on_the_right_moves_both_ends_to_the_right(tasks: int) -> None:
    y = np.exp(np.random.default_rng(1).standard_normal(tasks))
    (low, high), (left, right) = mean_interval(y), t_interval(y)
    assert low > left
    assert high > right
    assert low < y.mean() < high
    mirrored = mean_interval(-y)
    assert mirrored == pytest.approx((-high, -low), rel=0.02)


def test_what_is_not_skewed_is_students() -> None:
    y = np.random.default_rng(2).standard_normal(400)
    assert mean_interval(y) == pytest.approx(t_interval(y), abs=0.01)


def test_few_tasks_that_differ_give_no_endless_ends() -> None:
    y = np.zeros(30)
    y[:2] = 5.0
    low, high = mean_interval(y)
    half = float(np.diff(t_interval(y))[0]) / 2
    assert y.mean() - 4 * half <= low < y.mean() < high <= y.mean() + 4 * half


def test_equal_values_and_single_tasks() -> None:
    assert mean_interval([100, 100, 100]).tolist() == [100.0, 100.0]
    assert not np.isfinite(mean_interval([3.0])).any()
    with pytest.raises(ValueError, match="axis of tasks"):
        mean_interval([])


def test_the_same_tasks_have_the_same_interval() -> None:
    y = np.random.default_rng(3).gamma(1.0, 1.0, (4, 60))
    assert mean_interval(y).tolist() == mean_interval(y).tolist()
    assert mean_interval(y) == pytest.approx(np.stack([mean_interval(row) for row in y]))


def test_one_task_with_most_of_the_spread_is_told() -> None:
    assert lopsided([[1, 2, 3, 4, 90], [1, 2, 3, 4, 5]]).tolist() == [True, False]
