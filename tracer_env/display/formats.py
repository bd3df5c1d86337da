"""Tables for other programs: as CSV with every digit, as Markdown, as LaTeX (booktabs).

CSV has one line a record and one column a figure, named as in ``--json``; lists (intervals) become two columns,
``..._low`` and ``..._high``. Markdown and LaTeX have the cells that the terminal shows, headings in one line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracer_env.errors import UnknownNameError
from tracer_env.terminal.plain import visible

__all__ = ["FORMATS", "as_csv", "as_latex", "as_markdown", "check_format", "flat_records"]

FORMATS = ("table", "csv", "latex", "markdown")


def check_format(name: str) -> None:
    """Raise UnknownNameError for what is none of `FORMATS`."""
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)


def flat_records(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return records whose values are single: intervals as two columns, mappings as dotted names, lists as text."""
    return [dict(_flat(record, "")) for record in records]


def _flat(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif name.endswith("_ci"):
            low, high = value if value is not None else (None, None)
            yield f"{prefix}{name}_low", low
            yield f"{prefix}{name}_high", high
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", " ".join(map(str, value))
        else:
            yield f"{prefix}{name}", value


def as_csv(records: Iterable[Mapping[str, Any]]) -> str:
    """Return records as CSV with a heading; a column that a record lacks is empty, as None is."""
    rows = flat_records(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _safe(value: Any) -> Any:
    """Return a value that no spreadsheet runs: a text that begins like a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def as_markdown(parts: Iterable[RenderableType]) -> str:
    """Return the tables among ``parts`` in Markdown, each below its title."""
    told = []
    for table in _tables(parts):
        heads, rows = _cells(table)
        sides = ["---:" if column.justify == "right" else "---" for column in table.columns]
        lines = [heads, sides, *rows]
        title = [f"**{_marked(str(table.title))}**", ""] if table.title else []
        told.append("\n".join(title + ["| " + " | ".join(map(_marked, line)) + " |" for line in lines]))
    return "\n\n".join(told) + "\n"


def _marked(text: str) -> str:
    return text if set(text) <= set("-:") else "".join(f"\\{c}" if c in "\\|*_`<>[]" else c for c in text)


_LATEX = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"},
    **{"±": r"$\pm$", "−": "$-$", "–": "--", "×": r"$\times$", "Δ": r"$\Delta$", "χ": r"$\chi$", "²": r"$^2$"},
    **{"→": r"$\rightarrow$", "·": r"$\cdot$", "…": r"\dots{}"},
}


def as_latex(parts: Iterable[RenderableType]) -> str:
    """Return the tables among ``parts`` in LaTeX, for ``\\usepackage{booktabs}``, each with its title as a comment."""
    told = []
    for table in _tables(parts):
        heads, rows = _cells(table)
        sides = "".join("r" if column.justify == "right" else "l" for column in table.columns)
        title = [f"% {table.title}"] if table.title else []
        lines = [r"\begin{tabular}{" + sides + "}", r"\toprule", _line(heads), r"\midrule"]
        told.append("\n".join([*title, *lines, *map(_line, rows), r"\bottomrule", r"\end{tabular}"]))
    return "\n\n".join(told) + "\n"


def _line(cells: Sequence[str]) -> str:
    # A bracket after a row's end would be taken for its argument.
    escaped = ["".join(_LATEX.get(c, c) for c in cell) for cell in cells]
    return " & ".join(f"{{}}{cell}" if cell.startswith("[") else cell for cell in escaped) + r" \\"


def _tables(parts: Iterable[RenderableType]) -> Iterator[Table]:
    for part in parts:
        if isinstance(part, Table):
            yield part
        elif isinstance(part, Group):
            yield from _tables(part.renderables)


def _cells(table: Table) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the rows as texts, without empty rows."""
    heads = [_plain(str(column.header).replace("-\n", "")) for column in table.columns]  # a word in two lines
    columns = [[_plain(cell) for cell in column.cells] for column in table.columns]
    return heads, [list(row) for row in zip(*columns, strict=True) if any(row)]


def _plain(cell: RenderableType) -> str:
    return " ".join(visible(cell.plain if isinstance(cell, Text) else str(cell)).split())
