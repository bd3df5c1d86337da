"""Several runs side by side: the same methods, run by run, with differences; as a page and as a table for the terminal.

The first run is the one that others are held against. Differences are of the same tasks and worlds, method by method.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from tracer_env.display.dialogue import safe
from tracer_env.display.html import document
from tracer_env.display.labels import labels
from tracer_env.display.page import cost_figure
from tracer_env.display.page_tables import chance, interval
from tracer_env.display.tables import number_table
from tracer_env.statistics.metrics import Duel, Row
from tracer_env.terminal.plain import visible

__all__ = ["Beside", "beside_page", "beside_records", "beside_table"]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands side by side: R runs, M methods; None where a run has no such method, or nothing can be paired."""

    runs: tuple[str, ...]  # (R,) names
    told: tuple[str, ...]  # (R,) what was played
    rows: Mapping[str, tuple[Row | None, ...]]  # (M, R)
    duels: Mapping[str, tuple[Duel | None, ...]]  # (M, R), against the first run
    settings: tuple[tuple[str, tuple[str, ...]], ...]  # key, and its value in each run, where these differ
    unlike: tuple[str, ...] = ()  # runs of other tasks than the first


def beside_page(data: Beside) -> str:
    """Return the whole document; the same data gives the same text."""
    names, notes = labels(data.rows)
    told = (
        f"<li><b>{safe(name)}</b> <small>{safe(played)}</small></li>"
        for name, played in zip(data.runs, data.told, strict=True)
    )
    points = [
        (f"{names[method]} · {run}", row)
        for method, rows in data.rows.items()
        for run, row in zip(data.runs, rows, strict=True)
        if row is not None
    ]
    body = [
        "<h1>Runs side by side</h1>",
        f'<ol class="runs">{"".join(told)}</ol>',
        *(f"<p>{safe(note)}</p>" for note in _unlike(data)),
        "<h2>Accuracy and tokens</h2>",
        _page_table(data, names),
        *(f"<p>{safe(note)}</p>" for note in notes),
        f"<p>{_NOTE}</p>",
        "<h2>Accuracy and cost</h2>",
        cost_figure([row for _, row in points], [name for name, _ in points]),
        "<h2>Settings that differ</h2>",
        _settings(data),
    ]
    return document("Runs side by side", body)


_NOTE = """Small numbers are 95% intervals with tasks as units. Δ is a method's accuracy, and its tokens a task, less
those of the same method in the first run, over the tasks and worlds that both have; p flips the signs of the tasks'
differences and is not corrected for how many are told here."""


def _unlike(data: Beside) -> list[str]:
    return [f"{name} has other tasks than {data.runs[0]}, so no differences to it are told." for name in data.unlike]


def _page_table(data: Beside, names: Mapping[str, str]) -> str:
    head = "".join(f"<th>{safe(run)}</th>" for run in data.runs)
    lines = []
    for method, rows in data.rows.items():
        pairs = zip(rows, data.duels[method], strict=True)
        cells = [f"<td>{_cell(row)}{_change(duel) if duel is not None else ''}</td>" for row, duel in pairs]
        bound = any(row is not None and row.kind == "bound" for row in rows)
        lines.append(f"<tr{' class=bound' * bound}><td>{safe(names[method])}</td>{''.join(cells)}</tr>")
    top = f"<thead><tr><th>Method</th>{head}</tr></thead>"
    return f'<div class="scroll tops"><table>{top}<tbody>{"".join(lines)}</tbody></table></div>'


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    return f"<b>{row.accuracy:.3f}</b>{interval(row.accuracy_ci)}<small>{row.tokens_per_task:,.0f} tokens</small>"


def _change(duel: Duel) -> str:
    css = ("up" if duel.accuracy > 0 else "down") if duel.p_value < 0.05 and duel.accuracy else ""
    return (
        f'<div class="change">Δ <span class="{css}">{_signed(duel.accuracy, ".3f")}</span>'
        f"{interval(duel.accuracy_ci, sign='+')}"
        f"<small>p {chance(duel.p_value)}; {_signed(duel.tokens, ',.0f')} tokens</small></div>"
    )


def _signed(value: float, form: str) -> str:
    shown = f"{value:+{form}}"
    return "0" if not shown.strip("+-0.,") else shown.replace("-", "−")


def _settings(data: Beside) -> str:
    if not data.settings:
        return "<p>None that the folders tell.</p>"
    head = "".join(f"<th>{safe(run)}</th>" for run in data.runs)
    lines = "".join(
        f"<tr><td>{safe(key)}</td>{''.join(f'<td>{safe(value)}</td>' for value in values)}</tr>"
        for key, values in data.settings
    )
    top = f"<thead><tr><th>Key</th>{head}</tr></thead>"
    return f'<div class="scroll"><table>{top}<tbody>{lines}</tbody></table></div>'


def beside_table(data: Beside) -> Table:
    """Return the runs as a table for the terminal: a line for each method and run."""
    names, notes = labels(data.rows)
    table = number_table("", ("method", "run"), ("accuracy [95%]", "tokens\n/task", "Δ to the\nfirst run", "p"))
    table.title = None
    for method, place, row, duel in _lines(data):
        ends = "" if row.accuracy_ci is None else " [{:.2f}, {:.2f}]".format(*row.accuracy_ci)
        change = ("–", "–") if duel is None else (_signed(duel.accuracy, ".3f"), _told(duel.p_value))
        tokens = f"{row.tokens_per_task:,.0f}"
        table.add_row(visible(names[method]), visible(data.runs[place]), f"{row.accuracy:.3f}{ends}", tokens, *change)
    below = [*notes, *_unlike(data)]
    if below:
        table.caption, table.caption_justify = visible("\n".join(below)), "left"
    return table


def _told(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}"


def beside_records(data: Beside) -> list[dict[str, Any]]:
    """Return a record for each method and run, JSON-ready."""
    found = []
    for method, place, row, duel in _lines(data):
        record = {"method": method, "run": data.runs[place], **{key: getattr(row, key) for key in _KEYS}}
        record["accuracy_ci"] = None if row.accuracy_ci is None else list(row.accuracy_ci)
        ends = None if duel is None or duel.accuracy_ci is None else list(duel.accuracy_ci)
        record |= {
            "difference": None if duel is None else duel.accuracy,
            "difference_ci": ends,
            "p_value": None if duel is None else duel.p_value,
            "more_tokens": None if duel is None else duel.tokens,
        }
        found.append(record)
    return found


_KEYS = (
    "episodes",
    "accuracy",
    "tokens_per_task",
    "calls_per_task",
    "speak_rate",
    "correction_rate",
    "corruption_rate",
)


def _lines(data: Beside) -> Iterator[tuple[str, int, Row, Duel | None]]:
    for method, rows in data.rows.items():
        duels: Sequence[Duel | None] = data.duels[method]
        for place, row in enumerate(rows):
            if row is not None:
                yield method, place, row, duels[place]
