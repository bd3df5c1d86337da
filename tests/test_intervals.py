"""Intervals against published and hand-made numbers."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.intervals import bootstrap_means, mcnemar_exact, mcnemar_mid_p, wilson

# Newcombe (1998), Statistics in Medicine 17, table I, the score method without correction.
NEWCOMBE = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("successes", "trials", "low", "high"), NEWCOMBE)
def test_wilson_gives_newcombes_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_by_hand() -> None:
    # 5 of 10 with z = 2: middle (0.5 + 0.2) / 1.4 = 0.5, half 2 sqrt(0.25/10 + 4/400) / 1.4 = 0.26726.
    assert wilson(5, 10, z=2.0) == pytest.approx((0.5 - 0.267261, 0.5 + 0.267261), abs=1e-6)


def test_wilson_has_exact_ends_and_none_without_trials() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="5 of 4"):
        wilson(5, 4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(case: tuple[int, int]) -> None:
    k, n = case
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low))


def test_mcnemar_on_fagerlands_airway_data() -> None:
    # Fagerland, Lydersen and Laake (2013): 1 and 7 discordant pairs. 2 (1 + 8) / 256 = 0.0703; less 8 / 256 = 0.0391.
    assert mcnemar_exact(1, 7) == pytest.approx(18 / 256)
    assert mcnemar_mid_p(1, 7) == pytest.approx(10 / 256)


@pytest.mark.parametrize(
    ("gained", "lost", "exact", "mid"),
    [(0, 0, 1.0, 1.0), (1, 0, 1.0, 0.5), (3, 3, 1.0, 1.0), (0, 6, 2 / 64, 1 / 64), (6, 0, 2 / 64, 1 / 64)],
)
def test_mcnemar_by_hand(gained: int, lost: int, exact: float, mid: float) -> None:
    assert mcnemar_exact(gained, lost) == pytest.approx(exact)
    assert mcnemar_mid_p(gained, lost) == pytest.approx(mid)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_whole_numbers(gained: int, lost: int) -> None:
    n, small = gained + lost, min(gained, lost)
    tail = sum(comb(n, k) for k in range(small + 1)) / 2**n
    assert mcnemar_exact(gained, lost) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
    assert 0 < mcnemar_mid_p(gained, lost) <= mcnemar_exact(gained, lost)


def test_mcnemar_stays_finite_for_many_pairs() -> None:
    assert mcnemar_mid_p(50_000, 50_000) == pytest.approx(1.0, abs=0.01)
    assert mcnemar_exact(1_000, 9_000) == 0.0
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_bootstrap_repeats_with_its_seed() -> None:
    totals, sizes = [[1.0], [5.0], [9.0]], [1, 1, 1]
    assert bootstrap_means(totals, sizes, 3) == bootstrap_means(totals, sizes, 3)


def test_bootstrap_of_two_groups_finds_both_ends() -> None:
    # Resamples of {0, 10} have means 0, 5 and 10 with chances 1/4, 1/2, 1/4.
    assert bootstrap_means([[0.0], [10.0]], [1, 1], seed=0) == [(0.0, 10.0)]


def test_bootstrap_weighs_groups_by_size() -> None:
    # One group of 9 zeros and one of a single 10: means are 0, 1 (10 / 10) or 10.
    low, high = bootstrap_means([[0.0], [10.0]], [9, 1], seed=1)[0]
    assert (low, high) == (0.0, 10.0)
    assert bootstrap_means([[18.0], [2.0]], [9, 1], seed=1) == [(2.0, 2.0)]


def test_bootstrap_agrees_with_the_normal_interval() -> None:
    values = np.random.default_rng(5).normal(100, 20, size=(400, 1))
    half = 1.96 * values.std() / 20
    low, high = bootstrap_means(values, np.ones(400), seed=2)[0]
    assert low == pytest.approx(values.mean() - half, abs=0.3)
    assert high == pytest.approx(values.mean() + half, abs=0.3)


def test_bootstrap_is_the_same_in_one_piece_and_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [[float(i * i)] for i in range(10)]
    whole = bootstrap_means(values, np.ones(10), seed=4)
    monkeypatch.setattr("tracer_env.intervals._CELLS", 70)
    assert bootstrap_means(values, np.ones(10), seed=4) == whole


def test_bootstrap_says_nothing_about_fewer_than_two_groups() -> None:
    assert bootstrap_means([[3.0, 4.0]], [2], seed=0) == [None, None]
    with pytest.raises(ValueError, match=r"\(G, K\)"):
        bootstrap_means([1.0, 2.0], [1, 1], seed=0)
