"""Tables of names and numbers for the terminal: names may wrap where there is no room, numbers are never cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

__all__ = ["number_table"]


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
