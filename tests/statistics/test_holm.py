"""Holm's correction by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.statistics.holm import holm


@pytest.mark.parametrize(
    ("told", "raised"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # 4, 3, 2, 1 times the sorted ones, never falling
        ([0.4], [0.4]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_by_hand(told: list[float], raised: list[float]) -> None:
    assert holm(told).tolist() == pytest.approx(raised)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_it_raises_and_keeps_the_order(told: list[float]) -> None:
    found = holm(told)
    assert (found >= told).all()
    assert (found <= np.minimum(1.0, len(told) * np.array(told) + 1e-12)).all()
    order = np.argsort(told, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


def test_leading_axes_are_tables_of_their_own() -> None:
    assert holm([[0.01, 0.5], [0.5, 0.01]]).tolist() == [[0.02, 0.5], [0.5, 0.02]]


@pytest.mark.parametrize("told", [[1.5], [-0.1], [float("nan")], 0.3])
def test_what_is_no_p_value_is_refused(told: object) -> None:
    with pytest.raises(ValueError, match="p-values must lie between 0 and 1"):
        holm(told)  # type: ignore[arg-type]
