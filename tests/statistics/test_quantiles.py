"""Student's t against its tables."""

from __future__ import annotations

from math import pi, sqrt, tan

import pytest

from tracer_env.statistics.quantiles import t_quantile


@pytest.mark.parametrize(
    ("df", "table"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (19, 2.093), (30, 2.042), (120, 1.980), (1e9, 1.960)],
)
def test_the_table_of_every_book(df: float, table: float) -> None:
    assert t_quantile(0.975, df) == pytest.approx(table, abs=5e-4)
    assert t_quantile(0.025, df) == pytest.approx(-t_quantile(0.975, df))


@pytest.mark.parametrize("chance", [0.001, 0.3, 0.5, 0.9, 0.999])
def test_one_and_two_degrees_have_formulas(chance: float) -> None:
    assert t_quantile(chance, 1) == pytest.approx(tan(pi * (chance - 0.5)), rel=1e-9, abs=1e-12)
    x = 2 * chance - 1
    assert t_quantile(chance, 2) == pytest.approx(x * sqrt(2 / (1 - x * x)), rel=1e-9, abs=1e-12)


def test_it_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for df in (1.5, 3.7, 12, 88, 1_000, 123_456):
        for chance in (0.02, 0.6, 0.975, 0.9995):
            assert t_quantile(chance, df) == pytest.approx(stats.t.ppf(chance, df), rel=1e-7)


@pytest.mark.parametrize(("chance", "df"), [(0.0, 3), (1.0, 3), (0.5, 0.0)])
def test_what_is_no_chance_is_refused(chance: float, df: float) -> None:
    with pytest.raises(ValueError, match="chance must lie between 0 and 1 and df above 0"):
        t_quantile(chance, df)
