"""The command credit: what each agent and role is worth to a method, exactly, on dialogue trees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tracer_env.cli.options import FormatOption, JsonOption, SeedOption, print_formatted, repeatable
from tracer_env.display.credits import credit_records, credit_tables, paper_line
from tracer_env.display.formats import check_format
from tracer_env.specs import split_list
from tracer_env.terminal.bars import reporting
from tracer_env.terminal.screen import Screen, say, say_json
from tracer_env.trees.tree import DialogueTrees

__all__ = ["credit_command"]

_COLUMNS = (
    "forced to skip: what accuracy and tokens change when a player says only what the rules force, the others keeping "
    "their policy; alone: when only this player may speak; Shapley values add up to what all are worth together"
)


def credit_command(
    trees: Annotated[Path, typer.Argument(help="Folder of trees.")],
    methods: Annotated[
        str, typer.Option("--methods", help="Controllers, comma separated; those of a file are judged on other tasks.")
    ] = "until_approved,cfr_plus",
    price: Annotated[float, typer.Option("--price", help="What a token costs, in accuracy.")] = 0.0,
    seed: SeedOption = None,
    form: FormatOption = "table",
    as_json: JsonOption = False,
) -> None:
    """Say who rides free: each agent's and role's value when it is silenced, and its Shapley value, held out."""
    check_format(form)
    from tracer_env.runs.crediting import credit

    with reporting() as reporter, repeatable("credit", trees):
        found = credit(DialogueTrees.load(trees), split_list(methods), price, seed or 0, reporter)
    if as_json:
        return say_json(found)
    if form != "table":
        return print_formatted(form, list(credit_tables(found)), credit_records(found))
    for table in credit_tables(found):
        Screen().print(table)
        say()
    taught = f"; what learns was trained on {found['trained_on']:,} others" if found["trained_on"] else ""
    say(f"on {found['tasks']:,} tasks (split {found['split']}){taught}")
    Screen().print(Text(_COLUMNS, "dim"))
    Screen().print(Text(paper_line(found), "dim"))
    return None
