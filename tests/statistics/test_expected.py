"""Intervals of what a policy comes to on trees."""

from __future__ import annotations

import numpy as np
import pytest

from tracer_env.display.tables import with_interval
from tracer_env.statistics.expected import accuracy_interval, scored, value_interval
from tracer_env.statistics.means import mean_interval
from tracer_env.statistics.paired import difference_interval
from tracer_env.statistics.shares import share_interval


def test_worlds_that_are_right_or_wrong_have_the_interval_of_shares() -> None:
    right, worlds = np.array([1.0, 0.5, 0.0, 1.0]), 2
    wanted = share_interval([2, 1, 0, 2], [2, 2, 2, 2])
    assert accuracy_interval(right, worlds) == pytest.approx(tuple(wanted))


@pytest.mark.parametrize("chances", [[1.0] * 30, [0.0] * 30, [0.999] * 29 + [0.2], [0.3, 0.9, 1.0], [1.0, 0.05] * 4])
def test_an_interval_lies_in_what_a_share_can_be(chances: list[float]) -> None:
    ends = accuracy_interval(chances)
    assert ends is not None
    assert 0.0 <= ends[0] <= np.mean(chances) <= ends[1] <= 1.0
    assert ends[0] < ends[1]


def test_one_task_has_none() -> None:
    assert accuracy_interval([0.5]) is None
    assert with_interval(scored([1.0], [3.0])) == "1.000"
    assert scored([1.0], [3.0])["tokens_half_width"] is None


def test_how_it_is_read() -> None:
    row = scored([1.0] * 9 + [0.0], range(10))
    low, high = row["accuracy_ci"]
    assert with_interval(row) == f"0.900 [{low:.2f}, {high:.2f}]"
    assert (row["accuracy"], row["tokens_per_task"]) == (0.9, 4.5)


def test_values_that_few_tasks_have_are_no_surer_than_their_number() -> None:
    none = value_interval(np.zeros(50))
    assert none.tolist() == pytest.approx((difference_interval(np.zeros(50), np.zeros(50), np.ones(50))).tolist())
    few = np.zeros(50)
    few[:2] = 0.5
    low, high = value_interval(few)
    assert low < 0.02 < high
    assert high >= 0.5 * float(difference_interval(few > 0, few < 0, np.ones(50))[1])
    many = np.tile([0.5, -0.25], 40)
    assert value_interval(many).tolist() == mean_interval(many).tolist()
