"""Charts: well-formed, bounded, and at the right places for numbers that can be checked by hand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.display.charts import Point, curves, dots, scatter, stacked, ticks
from tracer_env.display.spreading import apart, spread_out


def numbers(svg: str, pattern: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, svg)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 1500, [0, 500, 1000, 1500]),
        (0.637, 0.737, [0.64, 0.66, 0.68, 0.7, 0.72]),
        (1, 5, [1, 2, 3, 4, 5]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_within_and_are_few(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 9
    assert all(low - 1e-6 * width <= x <= low + width * (1 + 1e-6) for x in found)


def test_dots_put_larger_values_further_right() -> None:
    svg = dots([("low", 0.2, (0.1, 0.3)), ("high", 0.8, None), ("middle", 0.5, (0.4, 0.6))], "t", reference=0.5)
    low, high, middle = numbers(svg, r'class="mark" cx="([\d.]+)"')
    assert low < middle < high
    assert middle == pytest.approx((low + high) / 2, abs=0.1)
    assert numbers(svg, r'class="reference" x1="([\d.]+)"') == [middle]
    assert svg.count("whisker") == 2


def test_scatter_starts_at_zero() -> None:
    svg = scatter([Point("a", 100, 0.5, (90, 110), (0.4, 0.6)), Point("b", 200, 0.7)], "t", "tokens", "accuracy")
    a, b = numbers(svg, r'class="mark" cx="([\d.]+)"')
    assert b - 64 == pytest.approx(2 * (a - 64), abs=0.2)


def test_log_curves_are_straight_for_powers() -> None:
    svg = curves({"a": [(1, 1), (10, 0.1), (100, 0.01)]}, "t", "x", "y", log=True)
    (path,) = re.findall(r'points="([^"]+)"', svg)
    (x1, y1), (x2, y2), (x3, y3) = (tuple(map(float, pair.split(","))) for pair in path.split())
    assert (x2 - x1, y2 - y1) == pytest.approx((x3 - x2, y3 - y2), abs=0.11)


def test_a_ninth_series_is_told_from_the_first() -> None:
    svg = curves({str(n): [(1, n / 10), (2, 0.5)] for n in range(9)}, "t", "x", "y")
    assert svg.count('"line c0"') == svg.count('"line c0 again"') == 1


def test_bars_are_in_proportion() -> None:
    svg = stacked([("m", {"correct": 30, "wrong": 10, "timeout": 0})], "t")
    correct, wrong = numbers(svg, r'width="([\d.]+)"')
    assert correct + 1 == pytest.approx(3 * (wrong + 1), abs=0.2)
    assert "part-timeout" not in svg


@pytest.mark.parametrize(
    "svg",
    [
        dots([("<b>&\x1b", 1.0, (1.0, 1.0))], "<t>"),
        scatter([Point("<b>&\x00", 0, 0)], "<t>", "<x>", "&"),
        curves({"<b>": [(1, 0.5), (2, 0.5)], "<c>": [(1, 0.5), (2, 0.5)]}, "<t>", "x", "y"),
        curves({"a": [(5, 0.5)]}, "t", "x", "y", log=True),
        curves({"a": [(float(n), n / 4096) for n in range(1, 4097)]}, "t", "x", "y"),
        stacked([("<b>", {"correct": 0}), ("c", {"correct": 3})], "<t>"),
    ],
)
def test_odd_names_and_numbers_give_well_formed_pictures(svg: str) -> None:
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg
    assert len(svg) < 100_000


@given(st.lists(st.floats(12, 276), min_size=1, max_size=15))
def test_labels_do_not_overlap(places: list[float]) -> None:
    moved = sorted(apart(places, 12, 276))
    assert all(after - before >= 15 - 1e-6 for before, after in pairwise(moved))
    assert moved[0] >= 12 - 1e-6


SPOTS = st.lists(st.tuples(st.floats(70, 700), st.floats(20, 290)), min_size=1, max_size=12)


@given(SPOTS)
def test_a_number_stands_nearer_to_its_dot_than_others_or_has_a_leader(dots: list[tuple[float, float]]) -> None:
    """No two numbers overlap, none lies on another's dot, all are inside; dots that coincide have a number each."""
    places = spread_out(dots, (64, 8, 712, 292))
    assert len(places) == len(dots)
    for one, other in combinations(places, 2):
        assert abs(one[0] - other[0]) >= 17 or abs(one[1] - other[1]) >= 14
    for (x, y), own in zip(places, dots, strict=True):
        assert 64 <= x <= 712
        assert 8 <= y <= 292
        assert all(hypot(x - a, y - b) >= 14 for a, b in dots if (a, b) != own)


def test_each_number_of_a_scatter_has_a_line_to_its_dot() -> None:
    svg = scatter([Point("a", 100, 0.5), Point("b", 100, 0.5), Point("oracle", 90, 0.6, hollow=True)], "t", "x", "y")
    assert svg.count('class="leader"') == svg.count('class="number"') == 3
    assert svg.count('class="mark hollow"') == 1
    assert ">a</text>" not in svg  # names stand in the legend


def test_bounds_are_setapart() -> None:
    svg = dots([("a", 0.2, None), ("b", 0.3, None), ("oracle", 0.9, None)], "t", apart=["oracle"])
    a, b, oracle = numbers(svg, r'cy="([\d.]+)"')
    assert oracle - b > b - a
    assert svg.count("mark hollow") == 1


@pytest.mark.parametrize("narrow", [False, True])
def test_nothing_lies_beyond_the_picture(narrow: bool) -> None:
    name = "a_name_of_sixty_characters_that_no_picture_has_the_room_for_"
    pictures = [
        dots([(name, 0.2, (0.1, 0.3)), ("b", 1.0, None)], "t", narrow=narrow),
        scatter([Point(name, 100, 0.5), Point("b", 1e6, 1.0)], "t", "x", "y", narrow),
        curves({name: [(1, 0.5), (2, 1.0)], "b": [(1, 0.2), (2, 0.4)]}, "t", "x", "y", narrow=narrow),
        stacked([(name, {"correct": 3})], "t", narrow=narrow),
    ]
    for svg in pictures:
        wide = 360 if narrow else 720
        assert f'viewBox="0 0 {wide} ' in svg
        assert all(0 <= x <= wide for x in numbers(svg, r' (?:x|x1|x2|cx)="(-?[\d.]+)"'))
        assert name not in svg.replace(f"<title>{name}", "")


def test_a_line_that_ends_early_is_led_to_its_name() -> None:
    svg = curves({"short": [(1, 0.5), (2, 0.5)], "long": [(1, 0.9), (9, 0.9)]}, "t", "x", "y")
    assert svg.count('class="leader"') == 1
