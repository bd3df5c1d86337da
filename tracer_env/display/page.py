"""Page: a run as one HTML document, without scripts, that loads nothing from anywhere.

Every text is escaped, numbers that come from files too, and stripped of characters that act (`plain`). The style
sheet follows the reader's light or dark setting; the pictures are `charts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from tracer_env.display import charts
from tracer_env.display.style import STYLE
from tracer_env.statistics.metrics import Row
from tracer_env.terminal.plain import visible
from tracer_env.types import Interval

__all__ = ["Curve", "Run", "page"]

Curve = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Run:
    """What a page shows of a run folder."""

    name: str
    scenario: str
    seed: int
    baseline: str
    rows: tuple[Row, ...]
    details: Mapping[str, Mapping[str, Any]]  # by method
    curves: Mapping[str, Curve]  # average regret by episode, by controller
    config: str | None  # None when the folder has none
    played: str = ""  # what was played: scenario, tasks, words, rules
    verdict: tuple[str, ...] = ()  # who is best, in plain words


_NOTES = """Means are over episodes; tokens are prompt and completion together. Intervals are 95%, and tasks are their
units, however many worlds each was played in; several seeds are a second source of chance, and intervals and p contain
both. p flips the signs of the tasks' differences; Holm's p corrects it for the number of rows, and colours are by that
one.
A timeout, where the checker could not decide, does not count as correct, and is left out of correction,
corruption and the reviewer's rates. A dash is a rate without a case."""


def page(run: Run) -> str:
    """Return the whole document; the same run gives the same text."""
    title = f"{_safe(run.scenario)} · {_safe(run.name)}"
    body = [
        f"<h1>{_safe(run.scenario)}</h1>",
        f"<p>{_safe(run.name)} · seed {_safe(str(run.seed))} · baseline {_safe(run.baseline)}</p>",
        f"<p>{_safe(run.played)}</p>" if run.played else "",
        *(f'<p class="headline">{sentence}</p>' for sentence in map(_safe, run.verdict)),
        f'<p class="headline">{_headline(run)}</p>' if not run.verdict else "",
        "<h2>Comparison</h2>",
        _table(run.rows, _comparison(run.rows), run.baseline),
        f"<p>{_NOTES}</p>",
        "<h2>Accuracy</h2>",
        _figure(_accuracy(run), "The dashed line is the baseline."),
        "<h2>Accuracy and cost</h2>",
        _figure(_cost(run), "Up and to the left is better. A hollow dot is a bound: it looks at the gold answer."),
        "<h2>Final answers</h2>",
        _key(("correct", "wrong", "unparsable", "timeout"), ("good", "bad", "odd", "none")),
        _figure(charts.stacked([(r.method, r.grades) for r in run.rows], "Grades of the final answers")),
        "<h2>Behaviour</h2>",
        _table(run.rows, _BEHAVIOUR, run.baseline),
        *_by_turn(run),
        *_regret(run),
        "<h2>Details by method</h2>",
        *(_method(name, data) for name, data in run.details.items()),
        "<h2>Configuration</h2>",
        f"<pre>{_safe(run.config)}</pre>" if run.config is not None else "<p>This run folder has no config.toml.</p>",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    style = f"<style>{STYLE}</style>"
    return "\n".join(
        ['<!DOCTYPE html>\n<html lang="en"><head>', head, style, "</head><body>", *body, "</body></html>\n"]
    )


def _headline(run: Run) -> str:
    best = max(run.rows, key=lambda row: row.accuracy)
    cheap = min(run.rows, key=lambda row: row.tokens_per_task)
    lines = [_sentence(best, "is the most accurate")]
    if cheap.method != best.method:
        lines.append(_sentence(cheap, "is the cheapest"))
    return " ".join(lines)


def _sentence(row: Row, what: str) -> str:
    return (
        f"<b>{_safe(row.method)}</b> {what}: {row.accuracy:.3f} at {row.tokens_per_task:,.0f} tokens "
        f"and {row.calls_per_task:.2f} calls a task."
    )


def _accuracy(run: Run) -> str:
    reference = next((row.accuracy for row in run.rows if row.method == run.baseline), None)
    return charts.dots([(r.method, r.accuracy, r.accuracy_ci) for r in run.rows], "Accuracy", reference)


def _cost(run: Run) -> str:
    points = [
        charts.Point(
            r.method, r.tokens_per_task, r.accuracy, r.tokens_per_task_ci, r.accuracy_ci, hollow=r.kind == "bound"
        )
        for r in run.rows
    ]
    return charts.scatter(points, "Accuracy against tokens per task", "tokens per task", "accuracy")


def _by_turn(run: Run) -> list[str]:
    lines = {name: _bends(data["accuracy_by_turn"]) for name, data in run.details.items()}
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    if not lines:
        return []
    drawn = charts.curves(lines, "Accuracy by turn", "turn", "pending proposal correct")
    return [
        "<h2>Accuracy by turn</h2>",
        _figure(drawn, "The share of episodes whose pending proposal is correct after each turn."),
    ]


def _regret(run: Run) -> list[str]:
    lines = {name: [(x, y) for x, y in line if x >= _LEAST and y >= _LEAST] for name, line in run.curves.items()}
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    if not lines:
        return []
    drawn = charts.curves(
        lines, "Average regret while training", "episodes, or iterations on trees", "average regret", log=True
    )
    return [
        "<h2>Regret while training</h2>",
        _figure(drawn, "Both axes are logarithmic; points at 0 cannot be drawn on them."),
    ]


_LEAST = 1e-12  # of what a logarithmic axis shows
_MANY = 100  # points, beyond which those inside a level stretch are left out


def _bends(values: Sequence[float]) -> Curve:
    """Number the values from 1; of a long line only the ends and the points at which it is not level."""
    if len(values) <= _MANY:
        return [(place + 1.0, value) for place, value in enumerate(values)]
    steps = np.diff(values) != 0
    kept = [0, *(np.flatnonzero(steps[:-1] | steps[1:]) + 1).tolist(), len(values) - 1]
    return [(place + 1.0, values[place]) for place in kept]


_Cell = Callable[[Row], str]


def _safe(text: str) -> str:
    return escape(visible(text))


def _figure(drawn: str, caption: str = "") -> str:
    return f"<figure>{drawn}{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"


def _key(names: Sequence[str], colors: Sequence[str]) -> str:
    pairs = zip(names, colors, strict=True)
    return (
        '<p class="key">' + "".join(f'<span><i style="background:var(--{c})"></i>{n}</span>' for n, c in pairs) + "</p>"
    )


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(interval: Interval | None, form: str = ".3f", sign: str = "") -> str:
    if interval is None:
        return ""
    low, high = (f"{x:{sign}{form}}".replace("-", "−") for x in interval)
    return f"<small>{low} to {high}</small>"


def _gain(row: Row) -> str:
    if row.paired_difference is None:
        return "–"
    css = ""
    if row.p_holm is not None and row.p_holm < 0.05:
        css = "up" if row.paired_difference > 0 else "down"
    shown = f"{row.paired_difference:+.3f}".replace("-", "−") if row.paired_difference else "0.000"
    return f'<span class="{css}">{shown}</span>{_range(row.paired_difference_ci, sign="+")}'


def _failures(row: Row) -> str:
    if not row.failed:
        return ""
    return f"<small>{row.failed:,} failed; {row.accuracy_with_failed:.3f} with these as wrong</small>"


def _lessons(row: Row) -> str:
    if not row.trained_on:
        return ""
    return f"<small>trained on {row.trained_on:,} of these tasks: no held-out result</small>"


def _one_task(row: Row) -> str:
    return "<small>one task has most of the spread</small>" if row.lopsided else ""


def _by_seed(row: Row) -> str:
    if row.spread is None:
        return "–"
    low, high = min(row.accuracy_by_seed), max(row.accuracy_by_seed)
    return f"sd {row.spread:.3f}<small>{low:.3f} to {high:.3f}, {len(row.accuracy_by_seed)} seeds</small>"


def _p(row: Row) -> str:
    if row.p_value is None:
        return "–"
    return f"{_chance(row.p_value)}<small>{row.paired_episodes:,} pairs</small>"


def _chance(p: float) -> str:
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


_COMPARISON: dict[str, _Cell] = {
    "Accuracy": lambda r: f"<b>{r.accuracy:.3f}</b>{_range(r.accuracy_ci)}{_failures(r)}",
    "By seed": _by_seed,
    "Δ vs baseline": _gain,
    "p": _p,
    "Holm's p": lambda r: "–" if r.p_holm is None else _chance(r.p_holm),
    "Tokens/task": lambda r: f"{r.tokens_per_task:,.0f}{_range(r.tokens_per_task_ci, ',.0f')}{_one_task(r)}",
    "Prompt": lambda r: f"{r.prompt_tokens_per_task:,.0f}",
    "Completion": lambda r: f"{r.completion_tokens_per_task:,.0f}",
    "Calls/task": lambda r: f"{r.calls_per_task:.2f}{_range(r.calls_per_task_ci, '.2f')}",
    "Speak rate": lambda r: _rate(r.speak_rate),
    "Episodes": lambda r: f"{r.episodes:,}",
}

_BEHAVIOUR: dict[str, _Cell] = {
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


def _comparison(rows: Iterable[Row]) -> dict[str, _Cell]:
    """Return the columns of the comparison: what stands by seed only where there are several."""
    seeded = any(row.accuracy_by_seed for row in rows)
    return {name: cell for name, cell in _COMPARISON.items() if seeded or name != "By seed"}


def _table(rows: Iterable[Row], columns: Mapping[str, _Cell], baseline: str) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("Method", *columns))
    lines = []
    for row in rows:
        name = "baseline" if row.method == baseline else "bound" if row.kind == "bound" else ""
        css = f' class="{name}"' if name else ""
        cells = "".join(f"<td>{cell(row)}</td>" for cell in columns.values())
        lines.append(f"<tr{css}><td>{_safe(row.method)}{_lessons(row)}</td>{cells}</tr>")
    body = "".join(lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _plain_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["".join(f"<td>{_safe(str(cell))}</td>" for cell in row) for row in rows]
    top = "".join(f"<th>{name}</th>" for name in head)
    inside = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<div><h3>{title}</h3><table><thead><tr>{top}</tr></thead><tbody>{inside}</tbody></table></div>"


def _method(name: str, data: Mapping[str, Any]) -> str:
    reviews, rates, turns = data["reviews"], data["speak_rates"], data["changes_by_turn"]
    parts = [
        _plain_table(
            "Verdicts by the truth",
            ("pending", "RIGHT", "WRONG", "unparsable"),
            (("correct", *reviews["of_correct"]), ("wrong", *reviews["of_wrong"])),
        ),
        _plain_table(
            "Speaking, where there was a choice",
            ("seat", "turn", "spoken", "choices", "rate"),
            (
                (f"agent_{r['agent']} {r['role']}", r["turn"], r["spoken"], r["choices"], _rate(r["rate"]))
                for r in rates
            ),
        ),
        _plain_table(
            "From each proposal to the next",
            ("turn", "wrong", "corrected", "right", "corrupted"),
            ((c["turn"], c["wrong"], c["corrected"], c["right"], c["corrupted"]) for c in turns),
        ),
    ]
    return f'<details><summary>{_safe(name)}</summary><div class="side">{"".join(parts)}</div></details>'
