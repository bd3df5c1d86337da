"""Page: a run as one HTML document, without scripts, that loads nothing from anywhere.

Every text is escaped, numbers that come from files too, and stripped of characters that act (`dialogue.safe`). The
style sheet follows the reader's light or dark setting; the pictures are `charts`, each in two forms, of which the width
of the window chooses one; what they number stands in a legend below them. Long names are numbered as in the terminal
(`labels`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tracer_env.display import charts
from tracer_env.display.dialogue import safe
from tracer_env.display.episodes import listed, rules
from tracer_env.display.html import document
from tracer_env.display.labels import labels
from tracer_env.display.page_tables import BEHAVIOUR, comparison, method_tables, row_table
from tracer_env.statistics.enough import settled_by
from tracer_env.statistics.metrics import Row

__all__ = ["Curve", "Run", "cost_figure", "figure", "in_two_forms", "narrow_legend", "page"]

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
    episodes: tuple[str, ...] = ()  # entries of `display.episodes`, whose methods are numbered as the rows
    total: int = 0  # episodes in the whole run
    counts: Mapping[str, int] = field(default_factory=lambda: {"flips": 0, "disagrees": 0, "wrong": 0})


_NOTES = """Means are over episodes; tokens are prompt and completion together. Intervals are 95%, and tasks are their
units, however many worlds each was played in; several seeds are a second source of chance, and intervals and p contain
both. p flips the signs of the tasks' differences; Holm's p corrects it for the number of rows, and colours are by that
one.
A timeout, where the checker could not decide, does not count as correct, and is left out of correction,
corruption and the reviewer's rates. A dash is a rate without a case."""


def page(run: Run) -> str:
    """Return the whole document; the same run gives the same text."""
    names, notes = labels(row.method for row in run.rows)
    shown = replace(
        run,
        rows=tuple(replace(row, method=names[row.method]) for row in run.rows),
        baseline=names.get(run.baseline, run.baseline),
        details={names.get(name, name): data for name, data in run.details.items()},
    )
    return _page(shown, notes)


def _page(run: Run, notes: Sequence[str]) -> str:
    body = [
        f"<h1>{safe(run.scenario)}</h1>",
        f"<p>{safe(run.name)} · seed {safe(str(run.seed))} · baseline {safe(run.baseline)}</p>",
        f"<p>{safe(run.played)}</p>" if run.played else "",
        *(f'<p class="headline">{sentence}</p>' for sentence in map(safe, run.verdict)),
        f'<p class="headline">{_headline(run)}</p>' if not run.verdict else "",
        "<h2>Comparison</h2>",
        row_table(run.rows, comparison(run.rows), run.baseline),
        *(f"<p>{safe(note)}</p>" for note in (*notes, settled_by(run.rows)) if note),
        f"<p>{_NOTES}</p>",
        "<h2>Accuracy</h2>",
        figure(lambda narrow: _accuracy(run, narrow), "The dashed line is the baseline."),
        "<h2>Accuracy and cost</h2>",
        cost_figure(run.rows),
        "<h2>Final answers</h2>",
        _key(("correct", "wrong", "unparsable", "timeout"), ("good", "bad", "odd", "none")),
        figure(lambda narrow: _grades(run, narrow)),
        "<h2>Behaviour</h2>",
        row_table(run.rows, BEHAVIOUR, run.baseline),
        *_by_turn(run),
        *_regret(run),
        *_episodes(run),
        "<h2>Details by method</h2>",
        *(method_tables(name, data) for name, data in run.details.items()),
        "<h2>Configuration</h2>",
        f"<pre>{safe(run.config)}</pre>" if run.config is not None else "<p>This run folder has no config.toml.</p>",
    ]
    return document(f"{safe(run.scenario)} · {safe(run.name)}", body, rules(len(run.rows)) if run.episodes else "")


def _episodes(run: Run) -> list[str]:
    if not run.episodes:
        return []
    return ["<h2>Episodes</h2>", listed(run.episodes, [row.method for row in run.rows], run.total, run.counts)]


def _headline(run: Run) -> str:
    rows = [row for row in run.rows if row.kind != "bound"] or list(run.rows)
    best = max(rows, key=lambda row: row.accuracy)
    cheap = min(rows, key=lambda row: row.tokens_per_task)
    lines = [_sentence(best, "is the most accurate")]
    if cheap.method != best.method:
        lines.append(_sentence(cheap, "is the cheapest"))
    return " ".join(lines)


def _sentence(row: Row, what: str) -> str:
    return (
        f"<b>{safe(row.method)}</b> {what}: {row.accuracy:.3f} at {row.tokens_per_task:,.0f} tokens "
        f"and {row.calls_per_task:.2f} calls a task."
    )


def _bounds(rows: Iterable[Row]) -> list[str]:
    return [row.method for row in rows if row.kind == "bound"]


def _accuracy(run: Run, narrow: bool) -> str:
    reference = next((row.accuracy for row in run.rows if row.method == run.baseline), None)
    items = [(r.method, r.accuracy, r.accuracy_ci) for r in run.rows]
    return charts.dots(items, "Accuracy", reference, _bounds(run.rows), narrow)


def _grades(run: Run, narrow: bool) -> str:
    items = [(r.method, r.grades) for r in run.rows]
    return charts.stacked(items, "Grades of the final answers", _bounds(run.rows), narrow)


def cost_figure(rows: Sequence[Row], names: Sequence[str] | None = None) -> str:
    """Return accuracy against tokens with a numbered legend; ``names`` stand for the rows' methods."""
    called = [r.method for r in rows] if names is None else names
    points = [
        charts.Point(name, r.tokens_per_task, r.accuracy, r.tokens_per_task_ci, r.accuracy_ci, hollow=r.kind == "bound")
        for name, r in zip(called, rows, strict=True)
    ]
    lines = [
        f"<li>{safe(name)}{' <small>bound</small>' * (r.kind == 'bound')} "
        f"<small>{r.accuracy:.3f} at {r.tokens_per_task:,.0f}</small></li>"
        for name, r in zip(called, rows, strict=True)
    ]
    return figure(
        lambda narrow: charts.scatter(
            points, "Accuracy against tokens per task", "tokens per task", "accuracy", narrow
        ),
        "Up and to the left is better. A hollow dot is a bound: it looks at the gold answer.",
        f'<ol class="legend">{"".join(lines)}</ol>',
    )


def _by_turn(run: Run) -> list[str]:
    lines = {name: _bends(data["accuracy_by_turn"]) for name, data in run.details.items()}
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    if not lines:
        return []

    def drawn(narrow: bool) -> str:
        return charts.curves(lines, "Accuracy by turn", "turn", "pending proposal correct", narrow=narrow)

    told = "The share of episodes whose pending proposal is correct after each turn."
    return ["<h2>Accuracy by turn</h2>", figure(drawn, told, narrow_legend(lines))]


def _regret(run: Run) -> list[str]:
    lines = {name: [(x, y) for x, y in line if x >= _LEAST and y >= _LEAST] for name, line in run.curves.items()}
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    if not lines:
        return []

    def drawn(narrow: bool) -> str:
        below = "episodes, or iterations on trees"
        return charts.curves(lines, "Average regret while training", below, "average regret", log=True, narrow=narrow)

    told = "Both axes are logarithmic; points at 0 cannot be drawn on them."
    return ["<h2>Regret while training</h2>", figure(drawn, told, narrow_legend(lines))]


def narrow_legend(names: Iterable[str]) -> str:
    """Return what the numbers of a narrow picture of lines mean, in the lines' colours."""
    lines = "".join(f'<li class="c{place % 8}">{safe(name)}</li>' for place, name in enumerate(names))
    return f'<ol class="legend narrow">{lines}</ol>'


_LEAST = 1e-12  # of what a logarithmic axis shows
_MANY = 100  # points, beyond which those inside a level stretch are left out


def _bends(values: Sequence[float]) -> Curve:
    """Number the values from 1; of a long line only the ends and the points at which it is not level."""
    if len(values) <= _MANY:
        return [(place + 1.0, value) for place, value in enumerate(values)]
    steps = np.diff(values) != 0
    kept = [0, *(np.flatnonzero(steps[:-1] | steps[1:]) + 1).tolist(), len(values) - 1]
    return [(place + 1.0, values[place]) for place in kept]


def figure(drawn: Callable[[bool], str], caption: str = "", legend: str = "") -> str:
    """Return a picture in its wide and its narrow form, of which a page shows one, with legend and caption."""
    return in_two_forms(drawn(False), drawn(True), legend, caption)


def in_two_forms(wide: str, narrow: str, legend: str = "", caption: str = "") -> str:
    """Return a picture that is there in two forms; the width of the window chooses."""
    forms = f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
    return f"<figure>{forms}{legend}{f'<figcaption>{caption}</figcaption>' if caption else ''}</figure>"


def _key(names: Sequence[str], colors: Sequence[str]) -> str:
    pairs = zip(names, colors, strict=True)
    return (
        '<p class="key">' + "".join(f'<span><i style="background:var(--{c})"></i>{n}</span>' for n, c in pairs) + "</p>"
    )
