"""The command see: how far controllers come with one information or another, exactly, on dialogue trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tracer_env.cli.options import FormatOption, JsonOption, SeedOption, print_formatted, repeatable
from tracer_env.display.formats import check_format
from tracer_env.errors import ConfigError
from tracer_env.parts.own_parts import take_in
from tracer_env.registry import OURS, build, resolve
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, say, say_json
from tracer_env.trees.shipped import RECORDINGS
from tracer_env.trees.tree import DialogueTrees

__all__ = ["see_command"]


def see_command(
    trees: Annotated[
        Path,
        typer.Argument(help="Folder of trees; or a recording of the package, `recorded` (nano) or `recorded-smollm2`."),
    ],
    test: Annotated[
        Path | None, typer.Option("--test", help="Trees of other tasks to be scored on (default: halves, both ways).")
    ] = None,
    information: Annotated[
        list[str] | None,
        typer.Option("--information", help="What is seen, such as vote+time; once for each (default: many)."),
    ] = None,
    price: Annotated[float, typer.Option("--price", help="What a token costs, in accuracy.")] = 0.0,
    iterations: Annotated[int, typer.Option("--iterations", help="Of CFR+, for each start.")] = 100,
    starts: Annotated[int, typer.Option("--starts", help="How many starts of CFR+.")] = 4,
    seed: SeedOption = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the study into this .svg or .png.")] = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Say what is worth seeing: accuracy and tokens by information on held-out tasks, beside rules and bounds."""
    check_format(form)
    see, _ = resolve("trainer", OURS["see"])
    drawing, _ = resolve("trainer", OURS["see_drawing"])
    tables, _ = resolve("trainer", OURS["see_tables"])
    draw = None if picture is None else drawing(picture)
    for each in information or ():
        take_in(each)
    lessons, tests = _trees(trees, test)
    with reporting() as reporter, repeatable("see", trees):
        result = see(lessons, tests, information, price, iterations, starts, seed or 0, reporter)
    if draw is not None:
        draw(result)
        result["picture"] = str(picture)
    if as_json:
        return say_json(result)
    if form != "table":
        rows = [*result["rules"], *result["informations"], result["flexible"], result["oracle"], result["clairvoyant"]]
        return print_formatted(form, tables(result), rows)
    console = Screen()
    for table in tables(result):
        console.print(table)
        say()
    console.print(Text(_COLUMNS, "dim"))
    if picture is not None:
        say(f"picture  {picture}")
    return None


_COLUMNS = (
    "of gap: how far from the best fixed rule to the oracle, which looks at the gold answer; clairvoyant: knows all "
    "that will be said, a bound for everybody; AUC: 0.5 tells nothing, 1 everything"
)


def _trees(folder: Path, test: Path | None) -> tuple[DialogueTrees, DialogueTrees | None]:
    """Return the trees to learn from and those to be scored on; the package's recordings have both, by their splits."""
    name = str(folder)
    if name not in RECORDINGS or folder.exists():
        return DialogueTrees.load(folder), None if test is None else DialogueTrees.load(test)
    if test is not None:
        raise ConfigError(f"{name} brings its own test split; leave --test out, or name a folder of trees")
    whole = DialogueTrees.load(RECORDINGS[name])
    places = {task.id: place for place, task in enumerate(whole.tasks)}
    lessons, tests = (
        replace(whole.part([places[task.id] for task in build("scenario", name, split=split)]), split=split)
        for split in ("train", "test")
    )
    return lessons, tests
