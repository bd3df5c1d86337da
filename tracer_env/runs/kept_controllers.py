"""The learned controllers of a run, as its folder keeps them: to go on with, and for `verify` to ask again.

    controllers/<method>.json     tables, how they were trained, and which seats of a cast they hold

Tables that came trained are kept as well, without a course of training: what a run played does not hang on a file that
lies elsewhere. `kept` makes a controller of such a file: the table itself, or a cast in which seats without a table
answer NaN. No code is loaded on a file's word (`trust`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, RunFolderError, TrustError
from tracer_env.intake.table_files import read_kept
from tracer_env.interfaces import Controller
from tracer_env.parts.own_parts import own_parts
from tracer_env.parts.seams import parts_of
from tracer_env.parts.trust import table_named
from tracer_env.registry import OURS, build
from tracer_env.rules import DialogueState

__all__ = ["controller_files", "kept", "seats_of", "tables_of"]


def controller_files(folder: Path, methods: Iterable[str]) -> dict[str, Path]:
    """Return where the controller of each method is kept; of names that would share a file later ones get a number."""
    taken: dict[str, str] = {}
    for method in methods:
        stem = "".join(c if c.isalnum() or c in "._-" else "-" for c in method)
        while stem in taken:
            stem += "-2"
        taken[stem] = method
    return {method: folder / "controllers" / f"{stem}.json" for stem, method in taken.items()}


def tables_of(controller: Any) -> list[Any]:
    """Return what was learned inside a controller, part by part: whatever can be loaded from data."""
    if parts := parts_of(controller):
        return [table for part in parts.values() for table in tables_of(part)]
    return [controller] if hasattr(controller, "load_state_dict") else []


def seats_of(controller: Any) -> dict[str, int | None] | None:
    """Return the number of the table that each part of a cast is, None for other parts; None for no cast."""
    parts = parts_of(controller)
    if not parts:
        return None
    count, seats = 0, dict[str, int | None]()
    for seat, part in parts.items():
        held = len(tables_of(part))
        seats[seat] = count if held == 1 and not parts_of(part) else None
        count += held
    return seats


class _Unknown:
    """Stands in a cast for what is no table."""

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return math.nan


def kept(file: Path) -> Controller | None:
    """Return the controller that a run's file keeps; None where it cannot be made: of before, or code of the user's.

    Raises RunFolderError for a damaged file.
    """
    saved = read_kept(file)
    if "seats" not in saved:
        return None
    tables = []
    for data in saved["tables"]:
        if own_parts(data.get("information")):
            return None
        try:
            table = table_named(data.get("controller"), file)()
            table.load_state_dict(data)
        except TrustError:
            return None
        except ConfigError as error:
            raise RunFolderError(f"{file}: {error}; --resume trains it again once the file is deleted") from error
        tables.append(table)
    seats = saved["seats"]
    if seats is None:
        return tables[0] if len(tables) == 1 else None
    if any(number is not None and number >= len(tables) for number in seats.values()):
        raise RunFolderError(f"{file}: seats names a table that is not there; restore the file from a copy")
    parts = {seat: _Unknown() if number is None else tables[number] for seat, number in seats.items()}
    made: Controller = build("controller", OURS["cast_controller"], parts)
    return made
