from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.trainers.gspo.advantages import group_advantages


def test_advantages_of_two_groups_by_hand() -> None:
    """Group 7: +1 -1 -1 +1, mean 0, std sqrt(4/3). Group 3: +1 -1 -1 -1, mean -1/2, std 1. Rows are interleaved."""
    rewards = torch.tensor([1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0])
    groups = torch.tensor([7, 3, 7, 3, 7, 3, 7, 3])
    made = group_advantages(rewards, groups)
    half, best, rest = 0.8659505, 1.4998500, -0.4999500
    expected = torch.tensor([half, best, -half, rest, -half, rest, half, rest])
    torch.testing.assert_close(made.values, expected, rtol=0, atol=1e-6)
    assert made.kept.all()
    assert (made.groups, made.dropped, made.rows) == (2, 0, 8)


def test_unscaled_advantages_are_the_difference_from_the_mean() -> None:
    made = group_advantages(torch.tensor([1.0, 0.0, 0.0, 0.0]), torch.zeros(4, dtype=torch.int64), scale="none")
    assert made.values.tolist() == [0.75, -0.25, -0.25, -0.25]


def test_groups_of_one_or_of_equal_rewards_are_dropped_and_counted() -> None:
    rewards = torch.tensor([1.0, 0.1, 0.1, 0.1, 1.0, -1.0])
    made = group_advantages(rewards, torch.tensor([0, 1, 1, 1, 2, 2]))
    assert made.values[:4].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert made.kept.tolist() == [False, False, False, False, True, True]
    assert made.values[4].item() == pytest.approx(1 / (math.sqrt(2) + 1e-4))
    assert (made.groups, made.dropped, made.rows) == (3, 2, 2)


def test_a_batch_without_rows_has_no_groups() -> None:
    made = group_advantages(torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    assert (made.groups, made.dropped, made.rows, made.values.shape) == (0, 0, 0, (0,))


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([-1.0, 0.0, 1.0])), min_size=1, max_size=24))
def test_a_group_never_sees_the_others(rows: list[tuple[int, float]]) -> None:
    groups = torch.tensor([group for group, _ in rows])
    rewards = torch.tensor([reward for _, reward in rows])
    made = group_advantages(rewards, groups)
    for group in set(groups.tolist()):
        own = groups == group
        alone = group_advantages(rewards[own], groups[own])
        assert torch.equal(alone.values, made.values[own])
        assert torch.equal(alone.kept, made.kept[own])
        assert abs(alone.values.sum().item()) < 1e-5


def test_rewards_and_groups_that_do_not_fit() -> None:
    groups = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"groups \(B,\) int64, got \(3,\) and \(2,\)"):
        group_advantages(torch.zeros(3), groups)
    with pytest.raises(ValueError, match=r"torch\.int32"):
        group_advantages(torch.zeros(2), groups.int())
    with pytest.raises(ValueError, match=r"'std' or 'none' .*, got 'batch'"):
        group_advantages(torch.zeros(2), groups, scale="batch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be finite"):
        group_advantages(torch.tensor([1.0, math.nan]), groups)
