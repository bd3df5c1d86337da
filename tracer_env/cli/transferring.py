"""The command transfer, and what ``compare --train-on`` does: the gap matrix of controllers taught elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from tracer_env.cli.options import (
    ConfigOption,
    DryRunOption,
    FormatOption,
    JsonOption,
    LimitOption,
    OutOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    print_formatted,
    repeatable,
    settings_data,
)
from tracer_env.display.formats import check_format
from tracer_env.display.gaps import check_picture, draw_gaps, gap_records, gap_tables
from tracer_env.runs.config import Config
from tracer_env.settings import merge
from tracer_env.specs import split_list
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, complain, say, say_json

__all__ = ["TestOnOption", "TrainOnOption", "print_plan", "show_transfer", "transfer_command"]

TrainOnOption = Annotated[
    str | None,
    typer.Option(
        "--train-on", help="Variants to train on, as 'scenario.level=1;scenario.level=2' or max_turns=3|5 (transfer)."
    ),
]
TestOnOption = Annotated[
    str | None, typer.Option("--test-on", help="Variants to test on (default: those of --train-on).")
]


def transfer_command(
    train_on: TrainOnOption = "max_turns=3|5",
    test_on: TestOnOption = None,
    scenario: ScenarioOption = None,
    speaker: SpeakerOption = None,
    methods: Annotated[str, typer.Option("--methods", help="Controllers that learn, comma separated.")] = "cfr_plus",
    train_tasks: Annotated[
        int | None, typer.Option("--train-tasks", help="Tasks of each train split whose trees are learned from.")
    ] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the heat map into this .svg or .png.")] = None,
    out: OutOption = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train on some worlds, test on others: the gap to what each world itself teaches, as a matrix."""
    check_format(form)
    data = settings_data(config, settings, scenario, speaker, limit=limit, seed=seed)
    data = merge(data, "training", tasks=train_tasks)
    data = merge(data, "evaluation", methods=split_list(methods))
    asked = Config.from_data(data)
    if dry_run:
        return print_plan(asked, train_on or "", test_on, as_json)
    return show_transfer(asked, train_on or "", test_on, out, form, as_json, picture)


def print_plan(config: Config, train_on: str, test_on: str | None, as_json: bool) -> None:
    """Print the settings and what each variant changes of them; refuse what a transfer would, and play nothing."""
    from tracer_env.runs.foresight import check_comparison
    from tracer_env.runs.transferring import planned

    plan = planned(config, train_on, test_on)
    worlds = {name: check_comparison(each) for name, each in plan.worlds.items()}
    if as_json:
        return say_json({**plan.to_data(), "worlds": {name: each.to_data() for name, each in worlds.items()}})
    for name, each in worlds.items():
        say(f"# {name}: {'trained and tested on' if name in plan.tested else 'trained on'}")
        say(each.to_toml())
    return _tell_left_out(plan.left_out)


def _tell_left_out(names: Iterable[str]) -> None:
    for name in names:
        complain(f"warning: {name} has nothing that a transfer could carry, and is left out")


def show_transfer(
    config: Config,
    train_on: str,
    test_on: str | None,
    out: Path | None,
    form: str,
    as_json: bool,
    picture: Path | None = None,
) -> None:
    """Train, play, and print the matrix; draw it where a file is named."""
    from tracer_env.runs.transferring import transfer

    if picture is not None:
        check_picture(picture)
    with reporting() as reporter, repeatable("transfer", "--train-on", train_on):
        found = transfer(config, train_on, test_on, out=out, reporter=reporter)
    if picture is not None:
        draw_gaps(found, picture)
        found["picture"] = str(picture)
    _tell_left_out(found["left_out"])
    if as_json:
        return say_json(found)
    if form != "table":
        return print_formatted(form, list(gap_tables(found)), gap_records(found))
    for table in gap_tables(found):
        Screen().print(table)
        say()
    say(f"run     {found['run']}")
    if picture is not None:
        say(f"picture {picture}")
    return None
