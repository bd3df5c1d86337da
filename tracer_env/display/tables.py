"""Tables of names and numbers for the terminal: names may wrap where there is no room, numbers are never cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

__all__ = ["number_table", "with_interval"]


def number_table(title: str, names: str | Sequence[str], numbers: Sequence[str]) -> Table:
    """Return a table without rows: the headings of its columns of names, left, and of numbers, right.

    Sixty columns hold a name and four numbers of six digits; in fewer, names are folded, letter by letter.
    """
    table = Table(
        title=title, title_justify="left", box=None, header_style="bold", collapse_padding=True, pad_edge=False
    )
    for heading in [names] if isinstance(names, str) else names:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def with_interval(row: Mapping[str, Any]) -> str:
    """Return the accuracy of a scored policy, with its 95% interval: ``0.892 [0.85, 0.93]``."""
    ends = row["accuracy_ci"]
    return f"{row['accuracy']:.3f}" + ("" if ends is None else f" [{ends[0]:.2f}, {ends[1]:.2f}]")
