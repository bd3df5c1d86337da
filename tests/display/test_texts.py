"""Texts on a screen: folded in the middle, and beside one another only where both fit."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from tracer_env.display.texts import Beside, Folded, one_line


def shown(part: RenderableType, width: int = 80) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(part)
    return file.getvalue().splitlines()


def test_long_texts_are_folded_in_the_middle() -> None:
    lines = shown(Folded("\n".join(f"line {n}" for n in range(100))))
    assert lines[:2] == ["line 0", "line 1"]
    assert lines[8] == "⋯ 88 lines folded ⋯"
    assert lines[-1] == "line 99"
    assert len(lines) == 13


@pytest.mark.parametrize(("lines", "expected"), [(3, ["line 0", "⋯ 98 lines folded ⋯", "line 99"]), (100, None)])
def test_how_many_lines_stay_is_asked_for(lines: int, expected: list[str] | None) -> None:
    text = "\n".join(f"line {n}" for n in range(100))
    assert shown(Folded(text, lines=lines)) == (expected or text.splitlines())
    assert shown(Folded(text, lines=None)) == text.splitlines()


def test_what_fits_stands_on_one_line_and_the_rest_below() -> None:
    left, right = Text("left words"), Text("right")
    assert shown(Beside(left, right), 20) == ["left words     right"]
    assert shown(Beside(left, right), 17) == ["left words  right"]
    assert shown(Beside(left, right), 16) == ["left words", "right"]
    assert shown(Beside(left, right), 6) == ["left ", "words", "right"]


def test_one_line_is_one_line_and_does_nothing() -> None:
    assert one_line("a\nb\x1b[2J") == "a b\\x1b[2J"
    assert "8,000 characters" in one_line("x" * 10_000)
