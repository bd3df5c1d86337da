"""Files of trained tables: bounded, and checked field by field before a table takes them over.

    controllers/<method>.json      one table's data, or several under ``tables``, and the course of their training

`read_table` gives the data of a file that a user names, `take_over` fills the tables of a run that goes on. What stands
in a row is for the table's own ``load_state_dict`` to check.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.intake.bounded import MEBIBYTE, shown_path
from tracer_env.intake.checked import (
    Reader,
    as_given,
    flag,
    line,
    listed,
    load,
    mapping,
    number,
    optional,
    plain,
    record,
    whole,
)

__all__ = ["MOST", "read_kept", "read_table", "take_over"]

MOST = 256 * MEBIBYTE
"""How large a file of tables may be: about a million rows."""
_COUNT, _FIGURE = whole(0), optional(number())
_COURSE: dict[str, Reader[Any]] = {
    "average_regret_curve": listed(listed(number(), 2, 2), 1000),
    "policy_table": listed(record({"key": line(10_000)}, others=_FIGURE)),
    "tokens": _COUNT,
}
_FROM_PLAY = record(
    {
        **_COURSE,
        "episodes": _COUNT,
        "average_regret": record({"first": _FIGURE, "last": _FIGURE, "slope": _FIGURE}),
        "turns": _COUNT,
        "counterfactual_tokens": _COUNT,
    }
)
_FROM_TREES = record({**_COURSE, "trees": _COUNT, "tasks": _COUNT, "utterances": _COUNT, "free": flag}, others=plain(4))
_FROM_OUTCOMES = record(
    {"learned_from": line(), "episodes": _COUNT, **{name: _COURSE[name] for name in _COURSE if name != "tokens"}},
    may_have={"tokens": _COUNT, "turns": _COUNT},
    others=plain(4),
)


def _training(value: Any) -> Any:
    if isinstance(value, dict) and "learned_from" in value:
        return _FROM_OUTCOMES(value)
    return (_FROM_TREES if isinstance(value, dict) and "trees" in value else _FROM_PLAY)(value)


_SAVED = record({"tables": listed(record({}, others=plain(6)), 1000), "training": as_given(_training)}, others=plain(6))
_KEPT = record(
    {"tables": listed(record({}, others=plain(6)), 1000)},
    may_have={"seats": optional(mapping(optional(whole(0, 999)), 1000, keys=line(200)))},
    others=plain(6),
)
_TABLE = record({"controller": lambda name: name}, others=lambda value: value)  # `trust` reads the name


def read_table(path: Path) -> dict[str, Any]:
    """Return the data of a controller's file, its rows still unchecked; raises ConfigError for other files."""
    return load(path, _TABLE, most=MOST, error=ConfigError, remedy="give a file that a training has written")


def read_kept(path: Path) -> dict[str, Any]:
    """Return what a run keeps of a controller, tables still unchecked; raises RunFolderError for a damaged file."""
    return load(path, _KEPT, most=MOST, error=RunFolderError, remedy="restore it from a copy")


def take_over(file: Path, tables: Sequence[Any]) -> dict[str, Any]:
    """Fill the tables from the file of an earlier process and return how they were trained.

    Raises RunFolderError when the file is damaged, or holds other tables.
    """
    remedy = f"delete it to train {file.stem} again"
    saved = load(file, _SAVED, most=MOST, error=RunFolderError, remedy=remedy)
    given = saved["tables"]
    if len(tables) != len(given):
        raise RunFolderError(f"{shown_path(file)} holds {len(given)} tables, not {len(tables)}; {remedy}")
    for table, data in zip(tables, given, strict=True):
        try:
            table.load_state_dict(data)
        except ConfigError as error:
            raise RunFolderError(f"{shown_path(file)}: {error}; {remedy}") from error
    training: dict[str, Any] = saved["training"]
    return training
