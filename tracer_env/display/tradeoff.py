"""Accuracy against tokens in characters: the picture below the table of a comparison.

    accuracy
      1.00 |                                B················F
           |                     ················
      0.90 |          ·········C                        E
           ...
           +-----------------------------------------------
            0        100        200        tokens a task

Each method is a letter; those that no other beats in both are joined by dots. A letter whose place is taken stands
in the nearest free one of its row, and of the next rows when the row is full. Pure functions of numbers: nothing is
measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from rich.text import Text

from tracer_env.display.charts import ticks
from tracer_env.terminal.plain import visible

__all__ = ["Mark", "frontier", "plot"]

_STYLES = {"learned": "bold green", "rule": "bold", "bound": "bold magenta"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LEFT = 8  # columns for the numbers of the accuracy


@dataclass(frozen=True, slots=True)
class Mark:
    """A method in the picture: ``kind`` is ``learned``, ``rule`` or ``bound``, and gives the colour."""

    label: str
    tokens: float
    accuracy: float
    kind: str = "rule"


def frontier(marks: Sequence[Mark]) -> list[Mark]:
    """Return the marks that no other beats: none with at most the tokens is more accurate. In order of tokens.

    Bounds are left out: nobody can play them. Of two equal marks the first is kept.
    """
    best: list[Mark] = []
    for mark in sorted((m for m in marks if m.kind != "bound"), key=lambda m: (m.tokens, -m.accuracy)):
        if not best or mark.accuracy > best[-1].accuracy:
            best.append(mark)
    return best


def plot(marks: Sequence[Mark], width: int = 80, height: int = 14) -> list[Text]:
    """Return the picture and its legend, at most ``width`` columns; nothing for fewer than two marks.

    At most 52 marks have letters; of more the rest is left out, and the last line says so.
    """
    shown = list(marks)[: len(_LETTERS)]
    if len(shown) < 2:
        return []
    wide = max(20, width - _LEFT - 2)
    low, high = _around([m.accuracy for m in shown])
    most = max(m.tokens for m in shown) * 1.04 or 1.0
    cells: dict[tuple[int, int], tuple[str, str]] = {}

    def place(mark: Mark) -> tuple[int, int]:
        row = round((high - mark.accuracy) / (high - low) * (height - 1))
        return row, min(wide - 1, round(mark.tokens / most * (wide - 1)))

    for one, other in pairwise(frontier(shown)):
        for cell in _between(place(one), place(other)):
            cells[cell] = "·", "dim"
    taken: set[tuple[int, int]] = set()
    for letter, mark in zip(_LETTERS, shown, strict=False):
        cell = _nearest(place(mark), taken, wide, height)
        taken.add(cell)
        cells[cell] = letter, _STYLES.get(mark.kind, "bold")
    lines = [Text("accuracy", "dim")]
    marked = {round((high - value) / (high - low) * (height - 1)): value for value in ticks(low, high, 4)}
    for row in range(height):
        number = f"{marked[row]:.2f}" if row in marked else ""
        line = Text.assemble((f"{number:>{_LEFT - 2}} │", "dim"))
        for column in range(wide):
            line.append(*cells.get((row, column), (" ", "")))
        line.rstrip()
        lines.append(line)
    return [*lines, *_axis(most, wide), *_legend(shown, len(marks) - len(shown), width)]


def _around(values: Sequence[float]) -> tuple[float, float]:
    pad = max((max(values) - min(values)) * 0.05, 0.01)
    return max(0.0, min(values) - pad), min(1.0, max(values) + pad)


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    along = [step / steps for step in range(1, steps)]
    return [(round(start[0] + s * (end[0] - start[0])), round(start[1] + s * (end[1] - start[1]))) for s in along]


def _nearest(wanted: tuple[int, int], taken: set[tuple[int, int]], wide: int, high: int) -> tuple[int, int]:
    """Return the free cell nearest to the wanted one, the same row first."""
    free = [(row, column) for row in range(high) for column in range(wide) if (row, column) not in taken]
    return min(free, key=lambda cell: (3 * abs(cell[0] - wanted[0]) + abs(cell[1] - wanted[1]), cell))


def _axis(most: float, wide: int) -> list[Text]:
    line, numbers = "─" * wide, [" "] * (wide + 8)
    for value in ticks(0, most, 5):
        word = f"{value:,.0f}" if most >= 5 else f"{value:g}"
        at = round(value / most * (wide - 1))
        first = max(0, at - len(word) // 2)
        numbers[first : first + len(word)] = word
    below = "".join(numbers).rstrip()[:wide]
    name = "tokens a task"
    return [
        Text(f"{' ' * (_LEFT - 1)}└{line}", "dim"),
        Text(f"{' ' * _LEFT}{below}", "dim"),
        Text(f"{name:>{_LEFT + wide}}", "dim"),
    ]


def _legend(marks: Sequence[Mark], left_out: int, width: int) -> list[Text]:
    """Return a line a letter, or two side by side where all fit."""
    entries = []
    for letter, mark in zip(_LETTERS, marks, strict=False):
        numbers = f"{mark.accuracy:.3f} at {mark.tokens:,.0f}"
        entries.append(
            Text.assemble((letter, _STYLES.get(mark.kind, "bold")), f" {visible(mark.label)} ", (numbers, "dim"))
        )
    half = width // 2
    if any(entry.cell_len > half - 2 for entry in entries):
        lines = entries
    else:
        lines = []
        for left, right in zip_longest(entries[::2], entries[1::2]):
            left.pad_right(half - left.cell_len if right is not None else 0)
            lines.append(left if right is None else left + right)
    if left_out:
        lines.append(Text(f"{left_out} more methods are not drawn", "dim"))
    return lines
