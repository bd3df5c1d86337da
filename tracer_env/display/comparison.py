"""A comparison on the terminal: what was played, the table, what its columns mean, the verdict, accuracy by tokens.

`played` is the line above the table, `shown_comparison` all of it, in the order in which it is read. Both take plain
data: the rows of the metrics, the settings and the record of the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tracer_env.config import Config
from tracer_env.display.tradeoff import Mark, plot
from tracer_env.metrics import Row
from tracer_env.outcome import Outcome
from tracer_env.plain import visible
from tracer_env.report import comparison_table
from tracer_env.voices import SIMULATED

__all__ = ["played", "shown_comparison"]

_COLUMNS = (
    "accuracy: final answers that are correct [95%, tasks as units]; tok.: prompt and completion tokens; spoken: of "
    "the choices; correction: wrong first answers that ended right; corruption: right ones that ended wrong; Δ: "
    "accuracy against {baseline} on the same tasks; Holm: p corrected for the rows"
)


def played(config: Config, environment: Mapping[str, Any]) -> Text:
    """Return what was played: scenario, split, tasks, worlds, whose words, rules, seed. What is simulated is yellow."""
    rules, worlds = config.rules, config.evaluation.worlds
    tasks = environment.get("tasks")
    words = visible(str(environment.get("words") or f"words of {config.speaker.name}"))
    return Text.assemble(
        (visible(config.scenario.name), "bold"),
        f", {config.scenario.split} split: ",
        "" if tasks is None else f"{tasks:,} task{'s' * (tasks != 1)} × {worlds:,} world{'s' * (worlds != 1)}, ",
        (words, "bold yellow" if SIMULATED in words else "bold"),
        f"; {rules.num_agents} agent{'s' * (rules.num_agents != 1)}, {rules.max_turns} turns, ",
        f"{rules.final_answer.replace('_', ' ')} answer counts; seed {config.seed}",
    )


def shown_comparison(
    metrics: Mapping[str, Any], config: Config, environment: Mapping[str, Any], width: int = 80
) -> Iterator[RenderableType]:
    """Yield what a person reads of a comparison, ``width`` columns wide; ``metrics`` is what ``metrics.json`` holds."""
    rows, baseline = [Row.from_data(row) for row in metrics["rows"]], metrics["baseline"]
    found = Outcome.from_data(metrics["outcome"], rows) if "outcome" in metrics else None
    yield played(config, environment)
    yield Text()
    yield comparison_table(rows)
    yield Text(_COLUMNS.format(baseline=visible(baseline)), "dim")
    if found is not None:
        yield Text()
        yield from (Text(sentence, "bold" if not place else "") for place, sentence in enumerate(found.sentences()))
    rows.sort(key=lambda row: row.kind == "bound")
    drawn = plot([Mark(row.method, row.tokens_per_task, row.accuracy, row.kind) for row in rows if row.episodes], width)
    if drawn:
        yield Text()
        yield from drawn
