"""The commands on the folder of a run: `replay`, `report` and `verify`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracer_env.cli.options import DifferenceOption, FormatOption, JsonOption, print_formatted
from tracer_env.display.formats import check_format
from tracer_env.errors import ConfigError
from tracer_env.registry import OURS, resolve
from tracer_env.runs.still_open import check_difference, to_settle
from tracer_env.terminal.screen import Screen, say, say_json, say_json_list

if TYPE_CHECKING:
    from tracer_env.runs.folder import RunFolder

__all__ = ["print_table", "replay_command", "report_command", "verify_command"]


def replay_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    episode: Annotated[str | None, typer.Option("--episode", help="Task id or number of the episode.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Only episodes of this method.")] = None,
    only: Annotated[str | None, typer.Option("--only", help="flips, wrong or disagreements.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of a run under several seeds: which (default: first).")
    ] = None,
    speed: Annotated[float, typer.Option("--speed", help="Turns a second; 0 shows an episode at once.")] = 0.0,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", help="Write the first chosen episode to a .html or .svg file, or all to .jsonl, readable."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the episodes of a run: with keys when a terminal is attached, plain otherwise."""
    from tracer_env.display.pictures import export as write_picture
    from tracer_env.runs.live import chosen_episodes
    from tracer_env.runs.replaying import replay

    chosen = chosen_episodes(run, method, episode, only, seed)
    if as_json:
        return say_json_list(json.loads(transcript.to_json()) for transcript in chosen)
    if export is not None:
        write_picture(chosen if export.suffix.lower() == ".jsonl" else chosen[:1], export)
        say(str(export))
        return None
    replay(chosen, speed=speed)
    return None


def report_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folder; several are set side by side.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Of several: the page (default: side-by-side.html beside the first).")
    ] = None,
    difference: DifferenceOption = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Write report.html of a run again and print its table; set several runs side by side with their differences."""
    check_format(form)
    check_difference(difference)
    if len(runs) > 1:
        return _report_beside(runs, out, form, as_json)
    if out is not None:
        raise ConfigError("--out is the page of several runs; the report of one is its report.html")
    from tracer_env.runs.folder import load_run
    from tracer_env.runs.report import read_run, write_page

    folder = load_run(runs[0])
    if folder.is_training:
        return _report_training(runs[0], form, as_json)
    metrics = folder.metrics()
    shown = read_run(runs[0])
    page = write_page(runs[0], shown)
    if as_json:
        more = {"to_settle": to_settle(metrics["rows"], difference), "behaviour": dict(shown.details)}
        return say_json({"report": str(page), **metrics, **more})
    print_table(folder, form, difference)
    if form == "table":
        say(str(page))
    return None


def _report_training(run: Path, form: str, as_json: bool) -> None:
    """Write the report of a training, which has a course and no episodes, and print its tables."""
    write, _ = resolve("trainer", OURS["training_report"])
    tables, _ = resolve("trainer", OURS["course_tables"])
    found = write(run)
    if as_json:
        return say_json(found)
    if form != "table":
        return print_formatted(form, tables(found), _course_records(found))
    for table in tables(found):
        Screen().print(table)
    say(found["report"])
    return None


def _course_records(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each policy and step."""
    records: dict[tuple[str, float], dict[str, Any]] = {}
    for policy, measures in found["courses"].items():
        for measure, curve in measures.items():
            for step, value in curve:
                records.setdefault((policy, step), {"policy": policy, "step": step})[measure] = value
    return list(records.values())


def _report_beside(runs: list[Path], out: Path | None, form: str, as_json: bool) -> None:
    from tracer_env.display.beside_page import beside_records, beside_table
    from tracer_env.runs.side_by_side import read_beside, write_beside

    data = read_beside(runs)
    page = runs[0].resolve().parent / "side-by-side.html" if out is None else out
    write_beside(data, page)
    if as_json:
        return say_json({"report": str(page), "runs": list(data.runs), "rows": beside_records(data)})
    table = beside_table(data)
    if form != "table":
        return print_formatted(form, [table], beside_records(data))
    Screen().print(table)
    say(str(page))
    return None


def verify_command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    repair: Annotated[
        bool, typer.Option("--repair", help="Take out episodes that stand there twice, where they are equal.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that a run is complete and follows from its settings, and every metric from its episodes."""
    from tracer_env.runs.verifying import repair_run, verify

    if repair:
        done = repair_run(run)
        if as_json:
            return say_json({"repaired": True, "run": str(run), **asdict(done)})
        say(f"repaired: {run} {done}")
        return None
    found = verify(run)
    if as_json:
        return say_json({"verified": True, "run": str(run), "unchecked": list(found.unchecked), **found.metrics})
    say(f"verified: {len(found.metrics['rows'])} rows of {run} follow from its episodes")
    for each in found.unchecked:
        say(f"not checked: {each}")
    return None


def print_table(run: RunFolder, form: str = "table", difference: float | None = None) -> None:
    """Print what a person reads of a comparison, or its table for another program; `shown_comparison`."""
    from tracer_env.runs.shown import shown_comparison

    screen, metrics = Screen(), run.metrics()
    width = screen.width if form == "table" else _EVERY_COLUMN
    shown = shown_comparison(metrics, run.config, run.environment() or {}, width, difference)
    if form != "table":
        return print_formatted(form, shown, metrics["rows"])
    for part in shown:
        screen.print(part)
    return None


_EVERY_COLUMN = 1000
"""A width for which nothing is left out."""
