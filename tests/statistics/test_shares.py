"""Intervals of shares: against Jeffreys' where worlds are one, and what more worlds may and may not do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.statistics.shares import Counts, posterior, share_interval


@pytest.mark.parametrize(("right", "tasks", "low", "high"), [(2, 5, 0.0944, 0.7906), (5, 10, 0.2235, 0.7765)])
def test_one_world_by_the_table_of_the_beta_distribution(right: int, tasks: int, low: float, high: float) -> None:
    found = posterior(Counts.of([1] * right + [0] * (tasks - right), 1))
    assert (float(found.quantile(0.025)), float(found.quantile(0.975))) == pytest.approx((low, high), abs=1e-4)
    assert share_interval([1] * right + [0] * (tasks - right), 1) == pytest.approx((low, high), abs=1e-2)


@pytest.mark.parametrize("tasks", [1, 3, 20, 200])
def test_one_world_agrees_with_scipy(tasks: int) -> None:
    beta = pytest.importorskip("scipy.stats").beta
    for right in {0, 1, tasks // 3, tasks}:
        found = posterior(Counts.of(np.arange(tasks) < right, 1))
        for chance in (0.025, 0.5, 0.975):
            wanted = beta.ppf(chance, right + 0.5, tasks - right + 0.5)
            assert float(found.quantile(chance)) == pytest.approx(
                wanted, abs=0.05 * beta.std(right + 0.5, tasks - right + 0.5)
            )


def test_the_likelihood_of_several_worlds_by_hand() -> None:
    # tasks right in 2 of 2, 1 of 2 and 0 of 1 worlds; with s = 1 - rho the chances are p (ps + rho), 2 p q s, q
    counts = Counts.of([2, 1, 0], [2, 2, 1])
    assert [part.tolist() for part in (counts.right, counts.wrong, counts.played)] == [[2, 1], [2, 0], [3, 2]]
    found = posterior(counts)
    p, rho = found.centres[:, None], ((np.arange(24) + 0.5) / 24) ** 1.5
    told = (p * (p * (1 - rho) + rho) * p * (1 - p) * (1 - rho) * (1 - p)).sum(1)
    assert found.weights == pytest.approx(told / told.sum())


def test_copies_narrow_nothing_much_and_independent_worlds_do() -> None:
    once = np.diff(share_interval(np.arange(40) < 30, 1))
    copied = np.diff(share_interval(20 * (np.arange(40) < 30), 20))
    independent = np.diff(share_interval(np.full(40, 15), 20))
    assert copied > 0.9 * once
    assert independent < 0.4 * once


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(6, 9))
def test_intervals_hold_the_share_have_a_width_and_mirror(right: list[int], worlds: int) -> None:
    low, high = share_interval(right, worlds)
    share = np.mean(right) / worlds
    assert 0.0 <= low <= high <= 1.0
    assert high - low > 1e-3
    assert low <= share <= high
    mirrored = share_interval([worlds - x for x in right], worlds)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_leading_axes_are_cases_of_their_own() -> None:
    cases = np.array([[3, 1, 0, 5], [5, 5, 5, 5]])
    assert share_interval(cases, 5) == pytest.approx(np.stack([share_interval(case, 5) for case in cases]))
    assert share_interval([3, 2, 0], [5, 2, 0]) == pytest.approx(share_interval([3, 2], [5, 2]), abs=1e-9)


@pytest.mark.parametrize(("right", "worlds"), [([3], [2]), ([-1], [2]), (1, 2)])
def test_impossible_counts_are_refused(right: object, worlds: object) -> None:
    with pytest.raises(ValueError, match="successes must lie between 0 and trials"):
        Counts.of(right, worlds)  # type: ignore[arg-type]


@pytest.mark.parametrize(("tasks", "worlds", "share"), [(20, 5, 0.8), (20, 20, 0.8), (50, 20, 0.5), (50, 20, 0.95)])
def test_alike_worlds_are_covered_and_not_too_widely(tasks: int, worlds: int, share: float) -> None:
    rng, size = np.random.default_rng(7), 7 / 3  # correlation 0.3
    right = rng.binomial(worlds, rng.beta(share * size, (1 - share) * size, (300, tasks)))
    found = share_interval(right, worlds)
    assert ((found[:, 0] <= share) & (share <= found[:, 1])).mean() > 0.91
    assert np.diff(found).mean() < 1.4 * 3.92 * right.mean(1).std() / worlds
