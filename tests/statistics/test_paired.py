"""Differences of shares, and tests by task, by hand and by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.statistics.means import t_interval
from tracer_env.statistics.paired import difference_interval, sign_flip_p


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 1, 1, 1, 1], 2 / 32),
        ([1, 1, 1, 1, 1, -1], 14 / 64),
        ([3, 1], 2 / 4),
        ([3, -1], 1.0),
        ([0, 0], 1.0),
        ([], 1.0),
        ([40, 40, 40, 40], 2 / 16),  # copies of worlds are no evidence
        ([0, 2, 0, -7, 0, 1], 8 / 8),  # no flip comes nearer to 0 than 4
    ],
)
def test_flips_by_hand(differences: list[int], p: float) -> None:
    assert float(sign_flip_p(differences)) == pytest.approx(p)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_flips_are_all_flips(differences: list[int]) -> None:
    totals = np.array([np.dot(signs, differences) for signs in product((-1, 1), repeat=len(differences))])
    told = (np.abs(totals) >= abs(sum(differences))).mean()
    assert float(sign_flip_p(differences)) == pytest.approx(told, abs=1e-9)
    assert float(sign_flip_p([-x for x in differences])) == pytest.approx(told, abs=1e-9)


def test_with_one_world_flips_are_the_binomial_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    for gained, lost in ((9, 2), (60, 40), (1_000, 900), (0, 25)):
        p = float(sign_flip_p([1] * gained + [-1] * lost + [0] * 7))
        assert p == pytest.approx(stats.binomtest(gained, gained + lost).pvalue, rel=1e-6, abs=1e-12)


def test_no_p_is_below_that_of_all_signs_alike() -> None:
    assert float(sign_flip_p([1] * 300)) >= 2.0**-299 > 0.0
    assert float(sign_flip_p([1] * 20)) == pytest.approx(2.0**-19)


def test_pairs_that_never_differ_bound_the_difference_by_their_number() -> None:
    for tasks, worlds in ((20, 1), (50, 40)):
        end = 1 - 0.025 ** (1 / tasks)
        none = np.zeros(tasks, dtype=int)
        assert difference_interval(none, none, np.full(tasks, worlds)) == pytest.approx((-end, end))


def test_many_tasks_that_differ_have_students_interval() -> None:
    rng = np.random.default_rng(0)
    up, down = rng.binomial(3, 0.4, 200), rng.binomial(2, 0.2, 200)
    assert difference_interval(up, down, 5) == pytest.approx(t_interval(up - down, np.full(200, 5)))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=25))
def test_intervals_have_a_width_hold_the_difference_and_mirror(pairs: list[tuple[int, int]]) -> None:
    up, down = (list(column) for column in zip(*pairs, strict=True))
    low, high = difference_interval(up, down, 4)
    assert -1.0 <= low < high <= 1.0
    assert low <= np.mean(np.subtract(up, down)) / 4 <= high
    assert difference_interval(down, up, 4) == pytest.approx((-high, -low), abs=1e-6)


def test_leading_axes_are_cases_of_their_own() -> None:
    up, down = np.array([[2, 0, 0], [0, 1, 1]]), np.array([[0, 1, 0], [0, 0, 0]])
    alone = [difference_interval(u, d, 3) for u, d in zip(up, down, strict=True)]
    assert difference_interval(up, down, 3) == pytest.approx(np.stack(alone), abs=1e-6)
    assert sign_flip_p(up - down) == pytest.approx([float(sign_flip_p(row)) for row in up - down])


@pytest.mark.parametrize(
    ("tasks", "gain", "loss"), [(20, 0.02, 0.0), (50, 0.02, 0.0), (50, 0.05, 0.03), (200, 0.02, 0.0)]
)
def test_rare_changes_are_covered(tasks: int, gain: float, loss: float) -> None:
    rng = np.random.default_rng(5)
    up, down, _ = np.moveaxis(rng.multinomial(1, [gain, loss, 1 - gain - loss], (400, tasks)), -1, 0)
    found = difference_interval(up, down, 1)
    assert ((found[:, 0] <= gain - loss) & (gain - loss <= found[:, 1])).mean() > 0.92


@pytest.mark.parametrize("worlds", [5, 20])
def test_alike_worlds_raise_no_alarm(worlds: int) -> None:
    rng = np.random.default_rng(6)
    chance = rng.beta(0.5 * 7 / 3, 0.5 * 7 / 3, (1_000, 60))  # correlation 0.3
    p = sign_flip_p(rng.binomial(worlds, chance) - rng.binomial(worlds, chance))
    assert 0.02 < (p < 0.05).mean() < 0.07
