"""A comparison on the terminal: what was played, the table, what its columns mean, the verdict, accuracy by tokens.

`shown_comparison` yields all of it in the order in which it is read, from plain data: the metrics, the settings and
the record of the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tracer_env.display.labels import labels
from tracer_env.display.rows import comparison_table
from tracer_env.display.tradeoff import Mark, plot
from tracer_env.runs.config import Config
from tracer_env.runs.equal_tokens import NEAR
from tracer_env.runs.played import played
from tracer_env.statistics.enough import settled_by
from tracer_env.statistics.metrics import Row
from tracer_env.statistics.outcome import Outcome
from tracer_env.terminal.plain import visible

__all__ = ["shown_comparison"]

_COLUMNS = (
    "accuracy: final answers that are correct [95%, tasks as units{seeds}; tok.: prompt and completion tokens; "
    "spoken: of the choices; correction: wrong first answers that ended right; corruption: right ones that ended "
    "wrong; Δ: accuracy against {baseline} on the same tasks; Holm: p corrected for the rows"
)


def _policies(rows: Sequence[Row], names: Mapping[str, str]) -> str:
    """Return how learned methods are played, in words; nothing where none is."""
    greedy = [visible(names[row.method]) for row in rows if row.policy == "greedy"]
    rest = [row for row in rows if row.policy and row.policy != "greedy"]
    if not greedy:
        return "; learned ones play their average policy" if rest else ""
    return f"; {', '.join(greedy)}: the likelier action" + (", other learned ones their average policy" if rest else "")


def _taught(environment: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return on how many tasks methods learned, in words; nothing where none did."""
    by_count: dict[int, list[str]] = {}
    for method, count in environment.get("taught", {}).items():
        by_count.setdefault(count, []).append(visible(names.get(method, method)))
    each = (f"{count:,} tasks taught {', '.join(methods)}" for count, methods in by_count.items())
    return "".join(f"; {told}" for told in each)


def _equal(told: Mapping[str, Any], names: Mapping[str, str], rows: Sequence[Row]) -> Iterator[str]:
    """Yield how methods were set to equal tokens, and how near they came on these tasks."""
    target, spent = told["tokens"], {row.method: row.tokens_per_task for row in rows}
    yield (
        f"equal tokens: {target:,.0f} a task, those of {names.get(told['against'], told['against'])} on "
        f"{told['tasks']} train tasks; in brackets what a method spends of its share here"
    )
    here = spent.get(told["against"], 0.0) or target
    for each in told["methods"]:
        if each["method"] == told["against"]:
            continue
        parts = [
            f"{names.get(name, name)} {tokens:,.0f} ({spent.get(name, 0.0) / here:.2f})"
            for name, tokens in zip(each["became"], each["tokens"], strict=False)
        ]
        if each["near"]:
            yield f"  {', '.join(parts)}"
        elif not parts:
            yield f"  {each['method']}: not weighed, it learns by play"
        elif each["dial"] is None:
            yield f"  {', '.join(parts)}: no setting of it spends more or less"
        else:
            yield f"  {', '.join(parts)}: no {each['dial']} comes within {NEAR:.0%}"


def shown_comparison(
    metrics: Mapping[str, Any],
    config: Config,
    environment: Mapping[str, Any],
    width: int = 80,
    difference: float | None = None,
) -> Iterator[RenderableType]:
    """Yield what a person reads of a comparison, ``width`` columns wide; ``metrics`` is what ``metrics.json`` holds.

    ``difference`` is the one that more tasks would have to show (`enough`).
    """
    rows, baseline = [Row.from_data(row) for row in metrics["rows"]], metrics["baseline"]
    rows.sort(key=lambda row: row.kind == "bound")
    names, _ = labels(row.method for row in rows)
    found = Outcome.from_data(metrics["outcome"], rows) if "outcome" in metrics else None
    yield played(config, environment)
    yield Text()
    yield comparison_table(rows, width)
    seeds = ", and seeds]; sd: of accuracy between seeds" if config.evaluation.seeds else "]"
    notes = _policies(rows, names) + _taught(environment, names)
    yield Text(_COLUMNS.format(baseline=visible(baseline), seeds=seeds) + notes, "dim")
    if line := settled_by(rows, difference, names):
        yield Text(line, "dim")
    if told := environment.get("equal_tokens"):
        yield Text()
        yield from (Text(visible(line), "dim") for line in _equal(told, names, rows))
    if found is not None:
        yield Text()
        yield from (
            Text(sentence, "bold" if not place else "") for place, sentence in enumerate(found.sentences(names))
        )
    drawn = plot(
        [Mark(names[row.method], row.tokens_per_task, row.accuracy, row.kind) for row in rows if row.episodes], width
    )
    if drawn:
        yield Text()
        yield from drawn
