"""The area under the ROC curve: by counting pairs, and what its interval promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracer_env.statistics.areas import area_interval, area_under


def test_small_areas_by_counting_pairs() -> None:
    assert area_under([1, 2, 3, 4], [0, 0, 1, 1]) == 1.0
    assert area_under([1, 2, 3, 4], [1, 1, 0, 0]) == 0.0
    assert area_under([1, 3, 2, 4], [0, 0, 1, 1]) == 0.75  # of four pairs (2, 3) is lost
    assert area_under([1, 1, 1], [0, 1, 1]) == 0.5
    assert area_under([1, 2], [1, 1]) is None


def test_intervals_have_both_kinds_several_tasks_and_never_width_zero_by_luck() -> None:
    assert area_interval([1, 2], [1, 1], [0, 1]) is None
    assert area_interval([1, 2], [0, 1], [0, 0]) is None
    found = area_interval([1, 3, 2, 4], [0, 0, 1, 1], [0, 1, 2, 3])
    assert found is not None
    assert 0.0 < found[0] < 0.75 < found[1] < 1.0
    clean = area_interval([1, 2, 3, 4], [0, 0, 1, 1], [0, 1, 2, 3])
    assert clean is not None
    assert clean[1] == 1.0


@pytest.mark.parametrize(("tasks", "each", "together"), [(50, 8, 0.5), (100, 1, 0.0)])
def test_the_interval_covers_what_it_should(tasks: int, each: int, together: float) -> None:
    """Normal numbers, one spread further up where right: the area is known; tasks have something in common."""
    luck, hits, times = np.random.default_rng(1), 0, 200
    truth, place = 0.5 * (1 + math.erf(0.5)), np.repeat(np.arange(tasks), each)
    for _ in range(times):
        shared, own = luck.normal(size=(2, tasks))[:, place], luck.normal(size=(2, tasks * each))
        mixed = math.sqrt(together) * shared + math.sqrt(1 - together) * own
        right = mixed[0] > 0.3
        ends = area_interval(mixed[1] + right, right, place)
        assert ends is not None
        hits += ends[0] <= truth <= ends[1]
    assert hits / times > 0.91
