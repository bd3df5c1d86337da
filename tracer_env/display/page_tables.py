"""The tables of a run's page: a row a method, intervals in small letters below their numbers.

Every text is escaped and stripped of characters that act (`dialogue.safe`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tracer_env.display.dialogue import safe
from tracer_env.statistics.metrics import Row
from tracer_env.types import Interval

__all__ = ["BEHAVIOUR", "chance", "comparison", "interval", "method_tables", "plain_table", "row_table"]

_Cell = Callable[[Row], str]


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def interval(ends: Interval | None, form: str = ".3f", sign: str = "") -> str:
    """Return both ends in small letters, nothing where there are none."""
    if ends is None:
        return ""
    low, high = (f"{x:{sign}{form}}".replace("-", "−") for x in ends)
    return f"<small>{low} to {high}</small>"


def _gain(row: Row) -> str:
    if row.paired_difference is None:
        return "–"
    css = ""
    if row.p_holm is not None and row.p_holm < 0.05:
        css = "up" if row.paired_difference > 0 else "down"
    shown = f"{row.paired_difference:+.3f}".replace("-", "−") if row.paired_difference else "0.000"
    return f'<span class="{css}">{shown}</span>{interval(row.paired_difference_ci, sign="+")}'


def _failures(row: Row) -> str:
    if not row.failed:
        return ""
    return f"<small>{row.failed:,} failed; {row.accuracy_with_failed:.3f} with these as wrong</small>"


def _lessons(row: Row) -> str:
    if not row.trained_on:
        return ""
    return f"<small>trained on {row.trained_on:,} of these tasks: no held-out result</small>"


def _one_task(row: Row) -> str:
    told = f"<small>at least: no server told the usage of {row.uncounted:,}</small>" if row.uncounted else ""
    return told + ("<small>one task has most of the spread</small>" if row.lopsided else "")


def _by_seed(row: Row) -> str:
    if row.spread is None:
        return "–"
    low, high = min(row.accuracy_by_seed), max(row.accuracy_by_seed)
    return f"sd {row.spread:.3f}<small>{low:.3f} to {high:.3f}, {len(row.accuracy_by_seed)} seeds</small>"


def _p(row: Row) -> str:
    if row.p_value is None:
        return "–"
    return f"{chance(row.p_value)}<small>{row.paired_episodes:,} pairs</small>"


def chance(p: float) -> str:
    """Return a p-value as it is told."""
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


_COMPARISON: dict[str, _Cell] = {
    "Accuracy": lambda r: f"<b>{r.accuracy:.3f}</b>{interval(r.accuracy_ci)}{_failures(r)}",
    "By seed": _by_seed,
    "Δ vs baseline": _gain,
    "p": _p,
    "Holm's p": lambda r: "–" if r.p_holm is None else chance(r.p_holm),
    "Tokens/task": lambda r: f"{r.tokens_per_task:,.0f}{interval(r.tokens_per_task_ci, ',.0f')}{_one_task(r)}",
    "Prompt": lambda r: f"{r.prompt_tokens_per_task:,.0f}",
    "Completion": lambda r: f"{r.completion_tokens_per_task:,.0f}",
    "Calls/task": lambda r: f"{r.calls_per_task:.2f}{interval(r.calls_per_task_ci, '.2f')}",
    "Agents": lambda r: f"{r.agents}" if r.agents else "–",
    "Speak rate": lambda r: _rate(r.speak_rate),
    "Episodes": lambda r: f"{r.episodes:,}",
}

BEHAVIOUR: dict[str, _Cell] = {
    "Correction": lambda r: _rate(r.correction_rate),
    "Corruption": lambda r: _rate(r.corruption_rate),
    "Preservation": lambda r: _rate(r.preservation_rate),
    "Reviewer TPR": lambda r: _rate(r.reviewer_tpr),
    "Reviewer TNR": lambda r: _rate(r.reviewer_tnr),
    "Unparsable": lambda r: _rate(r.unparsable_rate),
    "Timeout": lambda r: _rate(r.timeout_rate),
    "Cut short": lambda r: _rate(r.truncated_rate),
    "Tokens not said": lambda r: f"{r.counterfactual_tokens_per_task:,.0f}",
}


def comparison(rows: Iterable[Row]) -> dict[str, _Cell]:
    """Return the columns of the comparison: what stands by seed only where there are several."""
    seeded = any(row.accuracy_by_seed for row in rows)
    return {name: cell for name, cell in _COMPARISON.items() if seeded or name != "By seed"}


def row_table(rows: Iterable[Row], columns: Mapping[str, _Cell], baseline: str) -> str:
    """Return a table of rows as HTML; the baseline and bounds are marked."""
    head = "".join(f"<th>{name}</th>" for name in ("Method", *columns))
    lines = []
    for row in rows:
        name = "baseline" if row.method == baseline else "bound" if row.kind == "bound" else ""
        css = f' class="{name}"' if name else ""
        cells = "".join(f"<td>{cell(row)}</td>" for cell in columns.values())
        lines.append(f"<tr{css}><td>{safe(row.method)}{_lessons(row)}</td>{cells}</tr>")
    body = "".join(lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def plain_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a small table with a title; its cells are escaped, ``title`` and ``head`` are ours."""
    lines = ["".join(f"<td>{safe(str(cell))}</td>" for cell in row) for row in rows]
    top = "".join(f"<th>{name}</th>" for name in head)
    inside = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<div><h3>{title}</h3><table><thead><tr>{top}</tr></thead><tbody>{inside}</tbody></table></div>"


_SHARES = {
    "correction": "wrong first, right at the end",
    "corruption": "right first, wrong at the end",
    "preservation": "right first, right at the end",
    "oscillations": "answer turned more than once",
    "right_then_lost": "right once, then lost",
    "right_is_right": "RIGHT is right",
    "wrong_is_wrong": "WRONG is right",
}


def _by_turn(data: Mapping[str, Any] | None) -> list[str]:
    """Return the shares of `statistics.by_turn` with their intervals; nothing for data of before."""
    if data is None:
        return []
    head = ("share", "95%", "cases")
    parts = [
        plain_table(
            "Correct after each turn",
            ("turn", *head),
            ((n, *_cells(x)) for n, x in enumerate(data["accuracy_by_turn"], 1)),
        ),
        plain_table("Behaviour", ("", *head), ((words, *_cells(data[name])) for name, words in _SHARES.items())),
    ]
    if data["reliability"]:
        rows = (
            (f"{x['from']:.1f} to {x['to']:.1f}", x["reviews"], _rate(x["stated"]), _rate(x["correct"]))
            for x in data["reliability"]
        )
        title = f"What reviews state, Brier score {data['brier']:.3f}"
        parts.append(plain_table(title, ("P(RIGHT)", "reviews", "stated", "correct"), rows))
    return parts


def _cells(one: Mapping[str, Any]) -> tuple[object, ...]:
    ends = "" if one["ci"] is None else f"{one['ci'][0]:.3f} to {one['ci'][1]:.3f}"
    return _rate(one["share"]), ends, one["cases"]


def method_tables(name: str, data: Mapping[str, Any]) -> str:
    """Return the finer tables of a method, folded under its name."""
    reviews, rates, turns = data["reviews"], data["speak_rates"], data["changes_by_turn"]
    parts = [
        plain_table(
            "Verdicts by the truth",
            ("pending", "RIGHT", "WRONG", "unparsable"),
            (("correct", *reviews["of_correct"]), ("wrong", *reviews["of_wrong"])),
        ),
        plain_table(
            "Speaking, where there was a choice",
            ("seat", "turn", "spoken", "choices", "rate"),
            (
                (f"agent_{r['agent']} {r['role']}", r["turn"], r["spoken"], r["choices"], _rate(r["rate"]))
                for r in rates
            ),
        ),
        plain_table(
            "From each proposal to the next",
            ("turn", "wrong", "corrected", "right", "corrupted"),
            ((c["turn"], c["wrong"], c["corrected"], c["right"], c["corrupted"]) for c in turns),
        ),
        *_by_turn(data.get("by_turn")),
    ]
    return f'<details><summary>{safe(name)}</summary><div class="side">{"".join(parts)}</div></details>'
