"""The picture of accuracy against tokens in characters."""

from __future__ import annotations

import pytest

from tracer_env.display.tradeoff import Mark, frontier, plot

MARKS = [
    Mark("never", 50, 0.6),
    Mark("always", 200, 0.8),
    Mark("wasteful", 250, 0.7),
    Mark("table", 100, 0.9, "learned"),
    Mark("oracle", 20, 1.0, "bound"),
]


def _lines(marks: list[Mark], width: int = 60, height: int = 11) -> list[str]:
    return [line.plain for line in plot(marks, width, height)]


def test_the_frontier_holds_what_nobody_beats_and_no_bound() -> None:
    assert [mark.label for mark in frontier(MARKS)] == ["never", "table"]
    assert frontier([Mark("a", 10, 0.5), Mark("b", 10, 0.5)]) == [Mark("a", 10, 0.5)]


def test_letters_stand_where_their_numbers_say() -> None:
    lines = _lines([Mark("low", 0, 0.0), Mark("high", 100, 1.0)], width=60, height=11)
    picture = lines[1:12]
    assert picture[0].endswith("B")
    assert picture[10].startswith("  0.00 │A")
    assert picture[0].index("B") == 8 + round(100 / 104 * 49)
    assert all("·" in line for line in picture[1:10])  # the line between them crosses the rows between


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_asked(width: int) -> None:
    assert max(map(len, _lines(MARKS, width))) <= width


def test_equal_methods_have_a_letter_each() -> None:
    lines = _lines([Mark(str(number), 100, 0.5) for number in range(30)] + [Mark("other", 10, 0.1)])
    picture = "".join(line[8:] for line in lines[1:12])
    assert all(picture.count(letter) == 1 for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcde")


def test_texts_from_files_do_not_act() -> None:
    assert not any("\x1b" in line for line in _lines([Mark("a\x1b[31m", 1, 0.1), Mark("b", 2, 0.2)]))


def test_one_method_is_no_picture_and_many_are_told() -> None:
    assert plot([Mark("a", 1, 0.5)]) == []
    assert _lines([Mark(str(n), n, 0.5) for n in range(60)])[-1] == "8 more methods are not drawn"
