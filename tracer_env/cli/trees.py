"""Commands that read dialogue trees: calibrate, frontier; see is in `seeing`, expand in `expanding`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from tracer_env.cli.options import FormatOption, JsonOption, print_formatted, repeatable
from tracer_env.display.formats import check_format
from tracer_env.registry import OURS, resolve
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.plain import command
from tracer_env.terminal.screen import Screen, say, say_json

__all__ = ["calibrate_command", "frontier_command"]


def calibrate_command(
    source: Annotated[Path, typer.Argument(help="Folder of trees, or run folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Preset file to write (default: beside the folder).")
    ] = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Fit the simulated speaker to recorded dialogues; write a preset that `simulated:FILE` takes."""
    check_format(form)
    calibrate, _ = resolve("trainer", OURS["calibrate"])
    table, _ = resolve("trainer", OURS["calibration_table"])
    with reporting() as reporter, repeatable("calibrate", source):
        result = calibrate(source, out, reporter)
    if as_json:
        return say_json(result)
    if form != "table":
        return print_formatted(form, [table(result)], result["parameters"])
    Screen().print(table(result))
    say(f"preset   {result['file']}")
    say(f"use it   {command('--speaker', result['speaker'])}")
    return None


def frontier_command(
    trees: Annotated[Path, typer.Argument(help="Folder of trees.")],
    beside: Annotated[
        Path | None, typer.Option("--beside", help="Run folder of a comparison whose methods are drawn as well.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="PNG to write (default: beside the folder).")] = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Sweep the price of a token, solve, and draw accuracy against tokens a task."""
    check_format(form)
    frontier, _ = resolve("trainer", OURS["frontier"])
    table, _ = resolve("trainer", OURS["frontier_table"])
    with reporting() as reporter, repeatable("frontier", trees):
        result = frontier(trees, out, reporter, beside)
    if as_json:
        return say_json(result)
    if form != "table":
        return print_formatted(form, [table(result)], _points(result))
    Screen().print(table(result))
    Screen().print(Text(_FRONTIER, "dim"))
    if "played" in result:
        Screen().print(Text(_PLAYED.format(**result["played"]), "dim"))
    say(f"picture  {result['picture']}")
    return None


_PLAYED = "played: methods of {run}, on {tasks:,} of these tasks, words of {speaker}"
_FRONTIER = (
    "price a call: what a call costs, in accuracy; learned: trained on half of the tasks, scored on the other; optimum "
    "over keys: the best table on these very tasks; clairvoyant: knows all that will be said, a bound for everybody"
)


def _points(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a record for each policy at each price, and for each fixed rule."""
    drawn = ("learned", "optimum", "clairvoyant")
    prices = ("price", "price_per_call")
    priced = [
        {"policy": name, **{price: point[price] for price in prices}, **point[name]}
        for point in result["points"]
        for name in drawn
    ]
    fixed = [{"policy": name, **point} for name, point in result["baselines"].items()]
    played = result.get("played", {"methods": {}})["methods"]
    return [*priced, *fixed, *({"policy": f"{name} (played)", **point} for name, point in played.items())]
