"""Report: what a run came to, as one page and as a table for the terminal.

`write_report` reads ``metrics.json``, ``episodes.jsonl`` and ``config.toml`` of a run folder, and the regret
curves that training left there, and writes ``report.html``: one file without scripts that loads nothing
from anywhere. `comparison_table` shows the same rows in the terminal. The numbers are those of
``metrics.json``; only the finer tables are counted again from the episodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tracer_env.errors import DataError, RunFolderError
from tracer_env.files import write_text
from tracer_env.metrics import Row, Tally
from tracer_env.page import Curve, Run, page
from tracer_env.plain import visible
from tracer_env.transcript import read_transcripts

__all__ = ["SCHEMA", "Run", "comparison_table", "read_run", "write_report"]

SCHEMA = 1  # of metrics.json

_CURVE = "average_regret_curve"


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a run folder and return its path; an older one is replaced when it is complete.

    Raises RunFolderError when a part is missing or is not one of ours, DataError for a damaged line.
    """
    text = page(read_run(folder))
    path = folder / "report.html"
    write_text(path, text, inside=folder)
    return path


def read_run(folder: Path) -> Run:
    """Read a run folder; see `write_report` for what it raises."""
    metrics = _read_json(folder / "metrics.json", "run compare to make it")
    if metrics.get("schema") != SCHEMA:
        raise RunFolderError(
            f"{folder / 'metrics.json'} has schema {metrics.get('schema')!r}; this version reads {SCHEMA}"
        )
    try:
        rows = tuple(Row.from_data(data) for data in metrics["rows"])
        known = {name: metrics[name] for name in ("scenario", "seed", "baseline")}
    except (KeyError, TypeError, DataError) as error:
        raise RunFolderError(f"{folder / 'metrics.json'} is damaged ({error}); compute the metrics again") from error
    if not rows:
        raise RunFolderError(f"{folder / 'metrics.json'} has no rows, so there is nothing to report; run compare first")
    episodes, config = folder / "episodes.jsonl", folder / "config.toml"
    if not episodes.is_file():
        raise RunFolderError(f"{episodes} is missing; a report needs the episodes of the run")
    counted = Tally(read_transcripts(episodes)).details()
    order = [row.method for row in rows if row.method in counted]
    return Run(
        name=folder.resolve().name,
        rows=rows,
        details={method: counted[method] for method in dict.fromkeys([*order, *counted])},
        curves=_curves(folder),
        config=config.read_text(encoding="utf-8") if config.is_file() else None,
        **known,
    )


def comparison_table(rows: Iterable[Row]) -> Table:
    """Return the rows as a table for the terminal; ± is half the width of the 95% interval."""
    table = Table(box=None, header_style="bold", padding=(0, 1), collapse_padding=True)
    table.add_column("method", overflow="fold")
    for name in (
        "accuracy",
        "tokens\n/task",
        "calls\n/task",
        "speak\nrate",
        "correc-\ntion",
        "corrup-\ntion",
        "Δ vs\nbaseline",
        "p",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(visible(row.method)),
            Text.assemble((f"{row.accuracy:.3f}", "bold"), (_half(row), "dim")),
            f"{row.tokens_per_task:,.0f}",
            f"{row.calls_per_task:.2f}",
            _rate(row.speak_rate),
            _rate(row.correction_rate),
            _rate(row.corruption_rate),
            _difference(row),
            "–" if row.p_value is None else "<.001" if row.p_value < 0.001 else f"{row.p_value:.3f}",
        )
    return table


def _half(row: Row) -> str:
    return "" if row.accuracy_ci is None else f" ±{(row.accuracy_ci[1] - row.accuracy_ci[0]) / 2:.3f}"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _difference(row: Row) -> Text:
    """The gain over the baseline, coloured where it is unlikely to be luck."""
    gain = row.paired_difference
    if gain is None or row.p_value is None:
        return Text("–", "dim")
    style = ("green" if gain > 0 else "red") if row.p_value < 0.05 else ""
    return Text(f"{gain:+.3f}".replace("-", "−") if gain else "0.000", style)


def _read_json(path: Path, remedy: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunFolderError(f"{path} is missing; {remedy}") from error
    except ValueError as error:
        raise RunFolderError(f"{path} is not JSON ({error}); {remedy}") from error
    if not isinstance(data, dict):
        raise RunFolderError(f"{path} must hold a JSON object, got {type(data).__name__}; {remedy}")
    return data


def _curves(folder: Path) -> dict[str, Curve]:
    """Collect the curves of controllers/*.json and training.json: one a file, or one a named part of it."""
    found: dict[str, Curve] = {}
    files = [*sorted((folder / "controllers").glob("*.json")), folder / "training.json"]
    for path in files:
        if not path.is_file():
            continue
        data = _read_json(path, "train again")
        inside = {name: part for name, part in data.items() if isinstance(part, dict)}
        for name, part in ({path.stem: data} if _CURVE in data else inside).items():
            if part.get(_CURVE):
                found[name] = _curve(part[_CURVE], path)
    return found


def _curve(data: Any, path: Path) -> Curve:
    try:
        points = [(float(episode), float(value)) for episode, value in data]
    except (TypeError, ValueError) as error:
        raise RunFolderError(f"{path}: average_regret_curve must be a list of [episode, value] ({error})") from error
    if not all(isfinite(number) for point in points for number in point):
        raise RunFolderError(f"{path}: average_regret_curve holds a number that is not finite; train again")
    return points
