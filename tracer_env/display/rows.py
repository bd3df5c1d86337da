"""The rows of a comparison as a table for the terminal: what does not fit is left out by name, and nothing is cut.

Brackets hold 95% intervals, colours go by Holm's p. Long names are numbered and told below (`labels`), others broken at
their underscores where the terminal is narrow. Columns are left out from the least needed on; a line below says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from tracer_env.display.labels import labels
from tracer_env.statistics.metrics import Row
from tracer_env.terminal.plain import visible

__all__ = ["comparison_table"]

_NARROWEST = 8  # columns for a name


@dataclass(frozen=True)
class _Column:
    """``name`` is how a person calls it; of those with a ``rank`` the highest is left out first."""

    head: str
    name: str
    cell: Callable[[Row], str | Text]
    rank: int = 0

    def width(self, rows: Sequence[Row]) -> int:
        return max(len(text) for text in (*self.head.split("\n"), *(str(self.cell(row)) for row in rows)))


def comparison_table(rows: Iterable[Row], width: int = 80) -> Table:
    """Return the rows as a table of at most ``width`` columns, bounds set apart at the end.

    Where episodes failed, a line below says how many, and the accuracy that counts these as wrong; other ones name the
    methods that were trained on tasks of the table, and those whose tokens hang on one task.
    """
    rows = sorted(rows, key=lambda row: row.kind == "bound")
    names, lines = labels(row.method for row in rows)
    shown = [visible(names[row.method]) + " *" * bool(row.trained_on) for row in rows]
    columns, left_out = _fitting(rows, max(map(len, shown), default=0), width)
    room = max(_NARROWEST, width - sum(column.width(rows) + 1 for column in columns))
    table = Table(box=None, header_style="bold", padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("method", overflow="fold")
    for column in columns:
        table.add_column(column.head, justify="right", no_wrap=True)
    lines += _notes(rows)
    if left_out:
        lines.append(f"no room for: {', '.join(left_out)} (all columns are in report.html)")
    if lines:
        table.caption, table.caption_justify = Text("\n".join(map(visible, lines))), "left"
    for place, row in enumerate(rows):
        if row.kind == "bound" and place and rows[place - 1].kind != "bound":
            table.add_row(Text("bound:", "dim"))
        table.add_row(Text(_broken(shown[place], room)), *(column.cell(row) for column in columns))
    return table


def _fitting(rows: Sequence[Row], name: int, width: int) -> tuple[list[_Column], list[str]]:
    """Return the columns beside names of a length, and the names of those that there is no room for."""
    several, seated = any(row.accuracy_by_seed for row in rows), len({row.agents for row in rows}) > 1
    asked = {id(_SPREAD): several, id(_AGENTS): seated}
    columns = [column for column in _COLUMNS if asked.get(id(column), True)]
    left_out = []
    while name + sum(column.width(rows) + 1 for column in columns) > width:
        last = max(columns, key=lambda column: column.rank)
        if not last.rank:
            break
        columns.remove(last)
        left_out.append(last.name)
    return columns, left_out


def _broken(name: str, room: int) -> str:
    """Return a name in lines of at most ``room`` columns where its underscores and spaces allow it."""
    if len(name) <= room:
        return name
    lines = [""]
    for piece in name.replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _notes(rows: Sequence[Row]) -> list[str]:
    lines = []
    if failures := [row for row in rows if row.failed]:
        each = (f"{row.method} {row.failed:,}, {_share(row.accuracy_with_failed)} right with these" for row in failures)
        lines.append(f"episodes that failed are in no column: {'; '.join(each)}")
    if seen := [row for row in rows if row.trained_on]:
        each = (f"{row.method} on {row.trained_on:,}" for row in seen)
        lines.append(f"* trained on tasks of this table, so no held-out result: {', '.join(each)}")
    if silent := [row for row in rows if row.uncounted]:
        each = (f"{row.method} {row.uncounted:,}" for row in silent)
        lines.append(f"tokens are at least these; utterances whose usage no server told: {', '.join(each)}")
    if one := [row.method for row in rows if row.lopsided]:
        lines.append(
            f"~ one task has most of the spread of tokens, and more tasks may move the mean far: {', '.join(one)}"
        )
    return lines


def _accuracy(row: Row) -> Text:
    ends = "" if row.accuracy_ci is None else " [{:.2f}, {:.2f}]".format(*row.accuracy_ci)
    return Text.assemble((f"{row.accuracy:.3f}", "bold"), (ends, "dim"))


def _chance(p: float | None) -> str:
    return "–" if p is None else "<.001" if p < 0.001 else f"{p:.3f}"


def _rate(value: float | None) -> str:
    """Two places: names of methods need the room on a narrow terminal."""
    return "–" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _difference(row: Row) -> Text:
    """The gain over the baseline, coloured where it is unlikely to be luck."""
    gain = row.paired_difference
    if gain is None or row.p_holm is None:
        return Text("–", "dim")
    style = ("green" if gain > 0 else "red") if row.p_holm < 0.05 else ""
    return Text(f"{gain:+.3f}".replace("-", "−") if gain else "0.000", style)


_SPREAD = _Column("sd of\nseeds", "sd of seeds", lambda row: _share(row.spread), 4)
_AGENTS = _Column("ag-\nents", "agents", lambda row: str(row.agents), 3)
_COLUMNS = (
    _Column("accuracy", "accuracy", _accuracy),
    _SPREAD,
    _Column("tok.\n/task", "tokens", lambda row: f"{row.tokens_per_task:,.0f}{'~' * row.lopsided}"),
    _Column("calls\n/task", "calls", lambda row: f"{row.calls_per_task:.2f}"),
    _AGENTS,
    _Column("spo-\nken", "spoken", lambda row: _rate(row.speak_rate), 8),
    _Column("cor-\nrec-\ntion", "correction", lambda row: _rate(row.correction_rate), 6),
    _Column("cor-\nrup-\ntion", "corruption", lambda row: _rate(row.corruption_rate), 7),
    _Column("Δ vs\nbase", "difference", _difference, 1),
    _Column("p", "p", lambda row: _chance(row.p_value), 5),
    _Column("p\nHolm", "p of Holm", lambda row: _chance(row.p_holm), 2),
)
