"""The command `store`: what models said, kept in a file; counted, checked, thinned out, handed on."""

from __future__ import annotations

import json
import re
import time
from calendar import timegm
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from tracer_env.cli.options import JsonOption
from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.storage.files import write_with
from tracer_env.terminal.screen import Screen, complain, say, say_json

__all__ = ["store_command"]

_ACTIONS = ("stats", "verify", "prune", "export")
_SIZES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def store_command(
    action: Annotated[str, typer.Argument(help="stats, verify, prune or export.")],
    path: Annotated[Path, typer.Argument(help="Store of utterances, or the run folder it stands in.")],
    repair: Annotated[bool, typer.Option("--repair", help="verify: take out what is damaged.")] = False,
    model: Annotated[str | None, typer.Option("--model", help="prune: answers of this model.")] = None,
    before: Annotated[str | None, typer.Option("--before", help="prune: answers older than YYYY-MM-DD.")] = None,
    most: Annotated[str | None, typer.Option("--most", help="prune: the oldest beyond this size, as 500MB.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="prune: only say what would go.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="export: the .jsonl to write (default: stdout).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look after a store of utterances: count it, check it, take answers out of it, write it as JSON lines."""
    from tracer_env.store.keeping import store_at

    if action not in _ACTIONS:
        raise ConfigError(f"store has no action {action!r}{did_you_mean(action, _ACTIONS)}")
    _check_flags(action, repair=repair, model=model, before=before, most=most, dry_run=dry_run, out=out)
    place = store_at(path)
    if action == "stats":
        return _stats(place, as_json)
    if action == "verify":
        return _verify(place, repair, as_json)
    if action == "export":
        return _export(place, out)
    from tracer_env.store.tending import prune

    done = prune(place, model, _time(before), _size(most), dry_run)
    if as_json:
        return say_json({"store": str(place), "dry_run": dry_run, **done})
    would = "would remove" if dry_run else "removed"
    return say(f"{would} {done['removed']:,} answers of {place}; {done['left']:,} are left")


_TAKES = {"verify": ("repair",), "prune": ("model", "before", "most", "dry_run"), "export": ("out",)}


def _check_flags(action: str, **given: Any) -> None:
    for name, value in given.items():
        if value not in (None, False) and name not in _TAKES.get(action, ()):
            owner = next(each for each, takes in _TAKES.items() if name in takes)
            raise ConfigError(f"--{name.replace('_', '-')} goes with store {owner}, not with store {action}")


def _stats(place: Path, as_json: bool) -> None:
    from tracer_env.store.tending import stats

    found = stats(place)
    if as_json:
        return say_json(found)
    table = Table("model", "answers", "bytes", "first", "last", box=None, pad_edge=False)
    for each in found["models"]:
        days = (time.strftime("%Y-%m-%d", time.gmtime(each[name])) for name in ("first", "last"))
        table.add_row(each["model"], f"{each['answers']:,}", f"{each['bytes']:,}", *days)
    Screen().print(table)
    return say(f"{found['answers']:,} answers to {found['prompts']:,} prompts, {found['bytes']:,} bytes: {place}")


def _verify(place: Path, repair: bool, as_json: bool) -> None:
    from tracer_env.store import tending
    from tracer_env.store.opening import MEND

    found = (tending.repair if repair else tending.verify)(place)
    if not found.whole and not repair:
        raise DataError(f"the store {place} has {found.line()}; {MEND.format(path=place)}")
    if as_json:
        return say_json({"store": str(place), "sound": found.sound, "repaired": not found.whole})
    if not found.whole:
        say(f"repaired: {found.line()} taken out of {place}")
    return say(f"verified: {found.sound:,} answers of {place} are what was written")


def _export(place: Path, out: Path | None) -> None:
    from tracer_env.store.exporting import exported

    damaged = 0

    def lines() -> Any:
        nonlocal damaged
        for one in exported(place):
            if one is None:
                damaged += 1
            else:
                yield json.dumps(one, separators=(",", ":"))

    def fill(path: Path) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines())

    if out is None:
        for line in lines():
            say(line)
    else:
        write_with(out, fill)
    if damaged:
        complain(f"warning: {damaged} damaged answers were left out")


def _time(day: str | None) -> int | None:
    if day is None:
        return None
    try:
        return timegm(time.strptime(day, "%Y-%m-%d"))
    except ValueError:
        raise ConfigError(f"--before takes a day as YYYY-MM-DD, got {day!r}") from None


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,15})\s*(|KB|MB|GB)", text.strip().upper(), re.ASCII)
    if found is None:
        raise ConfigError(f"--most takes a number of bytes such as 500MB, got {text!r}")
    return int(found[1]) * _SIZES[found[2]]
