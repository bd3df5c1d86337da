"""Sweeps of `train`: what --seeds and --grid ask for, and the table of what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from tracer_env.cli.options import print_formatted, resumable
from tracer_env.display.tables import number_table
from tracer_env.errors import ConfigError
from tracer_env.runs.config import Config
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, say, say_json

__all__ = ["GridOption", "SweepSeedsOption", "is_sweep", "train_many"]

SweepSeedsOption = Annotated[str | None, typer.Option("--seeds", help="Train once under each, as 0,1,2: a sweep.")]
GridOption = Annotated[
    list[str] | None,
    typer.Option("--grid", help="Train with each value of a setting, as gspo.beta=0,0.01: a sweep. May repeat."),
]


def is_sweep(seeds: str | None, grid: Sequence[str] | None, resume: Path | None) -> bool:
    """Return whether a sweep is asked for, or one is to be continued."""
    from tracer_env.runs.sweeping import FILE

    return seeds is not None or bool(grid) or (resume is not None and (resume / FILE).is_file())


def train_many(
    data: Mapping[str, Any],
    method: str,
    seeds: str | None,
    grid: Sequence[str] | None,
    out: Path | None,
    resume: Path | None,
    trust_code: bool,
    form: str,
    as_json: bool,
    dry_run: bool,
) -> None:
    """Train a sweep and print what each point of the grid came to, over its seeds."""
    from tracer_env.executors.seam import opened
    from tracer_env.runs.sweeping import asked_again, planned, sweep

    shared = Config.from_data(data)
    if out is not None and resume is not None:
        raise ConfigError("--out makes a new run folder and --resume continues one; give only one of them")
    asked = _numbers(seeds), grid
    if resume is not None and asked == (None, None):
        _, *asked = asked_again(resume)  # type: ignore[assignment]
    runs = planned(data, method, *asked)
    if dry_run:
        listed = [{**run.settings, "config": run.config.to_data()} for run in runs]
        return say_json(listed) if as_json else say("\n".join(_told(run.settings) for run in runs))
    with reporting() as reporter, resumable("train", resume), opened(shared.executor) as doing:
        folder, results = sweep(runs, method, shared, out, doing, resume, trust_code, reporter)
    rows = points([run.settings for run in runs], results)
    if as_json:
        return say_json({"sweep": str(folder), "method": method, "points": rows, "runs": results})
    if form != "table":
        return print_formatted(form, [table(method, rows)], rows)
    Screen().print(table(method, rows))
    say("mean over the seeds (lowest to highest)")
    return say(f"sweep  {folder}")


def points(settings: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each point of the grid: its settings, and each figure's mean, lowest and highest over seeds."""
    from tracer_env.runs.sweeping import figures

    grouped: dict[str, list[dict[str, float | None]]] = {}
    for own, result in zip(settings, results, strict=True):
        point = _told({key: value for key, value in own.items() if key != "seed"}) or "all"
        grouped.setdefault(point, []).append(figures(result))
    rows = []
    for point, found in grouped.items():
        row: dict[str, Any] = {"settings": point, "trainings": len(found)}
        for name in found[0]:
            values = [value for each in found if (value := each[name]) is not None]
            row[name] = sum(values) / len(values) if values else None
            row[f"{name} lowest"], row[f"{name} highest"] = min(values, default=None), max(values, default=None)
        rows.append(row)
    return rows


def table(method: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of a sweep."""
    names = [name for name in rows[0] if f"{name} lowest" in rows[0]]
    made = number_table(f"{method}: {sum(row['trainings'] for row in rows)} trainings", "settings", ["seeds", *names])
    for row in rows:
        cells = [_cell(row[name], row[f"{name} lowest"], row[f"{name} highest"]) for name in names]
        made.add_row(row["settings"], str(row["trainings"]), *cells)
    return made


def _cell(mean: float | None, lowest: float | None, highest: float | None) -> str:
    return "–" if mean is None else f"{mean:.4f} ({lowest:.4f} to {highest:.4f})"


def _told(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def _numbers(seeds: str | None) -> list[int] | None:
    """Read whole numbers that stand between commas."""
    if seeds is None:
        return None
    try:
        return [int(each) for each in seeds.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds takes whole numbers between commas, such as 0,1,2, got {seeds!r}") from None
