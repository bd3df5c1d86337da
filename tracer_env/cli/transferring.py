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
    ResumeOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    TrustOption,
    continued,
    print_formatted,
    resolved_config,
    resumable,
    settings_data,
)
from tracer_env.display.formats import check_format
from tracer_env.display.gaps import check_picture, draw_gaps, gap_records, gap_tables
from tracer_env.errors import ConfigError
from tracer_env.parts.trust import check_recorded
from tracer_env.runs.config import Config
from tracer_env.settings import merge
from tracer_env.specs import split_list
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, complain, say, say_json

__all__ = [
    "TestOnOption",
    "TrainOnOption",
    "is_transfer",
    "print_plan",
    "show_transfer",
    "transfer_command",
    "variants_asked",
]

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
    train_on: TrainOnOption = None,
    test_on: TestOnOption = None,
    scenario: ScenarioOption = None,
    speaker: SpeakerOption = None,
    methods: Annotated[
        str | None, typer.Option("--methods", help="Controllers that learn, comma separated (default: cfr_plus).")
    ] = None,
    train_tasks: Annotated[
        int | None, typer.Option("--train-tasks", help="Tasks of each train split whose trees are learned from.")
    ] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the heat map into this .svg or .png.")] = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    trust_code: TrustOption = False,
    form: FormatOption = "table",
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train on some worlds, test on others: the gap to what each world itself teaches, as a matrix."""
    check_format(form)
    data = settings_data(config, settings, scenario, speaker, limit=limit, seed=seed)
    data = merge(data, "training", tasks=train_tasks)
    if methods is not None or resume is None:
        data = merge(data, "evaluation", methods=split_list(methods or "cfr_plus"))
    asked = resolved_config(continued(data, config, resume, trust_code), out, resume)
    worlds = train_on or (_WORLDS if resume is None else None), test_on
    if dry_run:
        return print_plan(asked, *variants_asked(*worlds, asked, resume, trust_code), as_json)
    return show_transfer(asked, *worlds, out, resume, trust_code, form, as_json, picture)


_WORLDS = "max_turns=3|5"


def is_transfer(resume: Path | None) -> bool:
    """Return whether a folder that is to be continued holds a transfer."""
    from tracer_env.runs.transferring import FILE

    return resume is not None and (resume / FILE).is_file()


def variants_asked(
    train_on: str | None, test_on: str | None, config: Config, resume: Path | None, trust_code: bool
) -> tuple[str, str | None]:
    """Return the variants that the user names, else those that a folder which is continued was begun with.

    Raises ConfigError for none at all, TrustError where a folder's name code that the user has not named.
    """
    from tracer_env.runs.transferring import FILE, asked_again, planned

    if train_on is not None:
        return train_on, test_on
    if resume is None:
        raise ConfigError("--test-on goes with --train-on, the variants that are trained on")
    train_on, begun = asked_again(resume)
    for each in planned(config, train_on, begun).worlds.values():
        check_recorded(each.to_data(), resume, config.to_data(), trust_code, FILE)
    return train_on, test_on or begun


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
    train_on: str | None,
    test_on: str | None,
    out: Path | None,
    resume: Path | None,
    trust_code: bool,
    form: str,
    as_json: bool,
    picture: Path | None = None,
) -> None:
    """Train, play, and print the matrix; draw it where a file is named."""
    from tracer_env.runs.transferring import transfer

    if picture is not None:
        check_picture(picture)
    worlds = variants_asked(train_on, test_on, config, resume, trust_code)
    with reporting() as reporter, resumable("transfer", resume):
        found = transfer(config, *worlds, out=out, resume=resume, trust_code=trust_code, reporter=reporter)
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
