"""Fields of data that come from elsewhere, each read by its kind and refused in one line.

A file is described by a reader, and a reader reads as a declaration:

    HEAD = record(
        {"seed": whole(), "worlds": whole(1, 10**6), "texts": optional(whole(0)), "rate": number(0, 1)},
        may_have={"files": mapping(record({"bytes": whole(0)}))},
    )
    head = load(path, HEAD, most=1 << 20)

What does not fit is told with its file, its place, what was given and what is allowed:

    trees/trees.json: files.trees.npz.bytes is -3; it must be a whole number from 0 to 9007199254740992

Numbers are read strictly: true is no number, 1.0 is no whole number, 1e999 is not finite. What is promised of the
text itself (encoding, depth, keys) stands in `bounded`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tracer_env.errors import DataError, UserError, did_you_mean
from tracer_env.intake.bounded import MEBIBYTE, below, parse, read_bytes, shown, shown_path

__all__ = [
    "EXACT",
    "Misfit",
    "Reader",
    "also",
    "as_given",
    "choice",
    "flag",
    "line",
    "listed",
    "load",
    "mapping",
    "number",
    "optional",
    "plain",
    "read",
    "record",
    "text",
    "whole",
]

T = TypeVar("T")
Reader = Callable[[Any], T]
"""Takes a value as JSON holds it and returns it checked; raises `Misfit`."""

EXACT = 1 << 53
"""The largest whole number that every reader of JSON holds exactly."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SIMPLE = re.compile(r"[A-Za-z0-9_.:/=+-]{1,80}")


class Misfit(Exception):
    """A value that its reader refuses: where it stands (inner places are put in front on the way out) and why."""

    def __init__(self, problem: str, *place: str | int) -> None:
        super().__init__(problem)
        self.problem, self.place = problem, list(place)

    def under(self, key: str | int) -> Misfit:
        """Return the same, one level further out."""
        self.place.insert(0, key)
        return self

    def __str__(self) -> str:
        steps = (f"[{key}]" if isinstance(key, int) else _step(key) for key in self.place)
        place = "".join(steps).removeprefix(".")
        return f"{place} {self.problem}" if place else f"the whole {self.problem}"


def load(
    path: Path, reader: Reader[T], *, most: int = 64 * MEBIBYTE, error: type[UserError] = DataError, remedy: str = ""
) -> T:
    """Read a JSON file of at most ``most`` bytes; raises ``error`` in one line, which ``remedy`` ends."""
    content = read_bytes(path, most, error=error, remedy=remedy)
    return read(parse(content, str(path), error=error, remedy=remedy), reader, str(path), error=error, remedy=remedy)


def read(value: Any, reader: Reader[T], where: str, *, error: type[UserError] = DataError, remedy: str = "") -> T:
    """Return ``value`` as its reader takes it; ``where`` (a file, a line) opens the error's one line."""
    try:
        return reader(value)
    except Misfit as misfit:
        raise error(f"{shown_path(where)}: {misfit}{f'; {remedy}' if remedy else ''}") from None


# -- readers -------------------------------------------------------------------------------------


def text(most: int = 16 * MEBIBYTE, least: int = 0) -> Reader[str]:
    """A text of ``least`` to ``most`` characters, on any number of lines."""

    def reader(value: Any) -> str:
        if type(value) is not str:
            raise Misfit(f"is {shown(value)}; it must be a text")
        if not least <= len(value) <= most:
            raise Misfit(f"has {len(value)} characters; {least} to {most} are allowed")
        return value

    return reader


def line(most: int = 1000, least: int = 0) -> Reader[str]:
    """A text on one line without control characters: names, identities, keys."""
    inner = text(most, least)

    def reader(value: Any) -> str:
        if type(value) is str and value.isprintable() and least <= len(value) <= most:
            return value
        found = inner(value)
        if _CONTROL.search(found):
            raise Misfit(f"is {shown(found)}; control characters are not allowed in it")
        return found

    return reader


def whole(least: int = -EXACT, most: int = EXACT) -> Reader[int]:
    """A whole number from ``least`` to ``most``; neither true nor 1.0 is one."""
    allowed = f"the whole number {least}" if least == most else f"a whole number from {least} to {most}"

    def reader(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Misfit(f"is {shown(value)}; it must be {allowed}")
        return value

    return reader


def number(least: float = -math.inf, most: float = math.inf) -> Reader[float]:
    """A finite number from ``least`` to ``most``, whole or not, as a float."""
    bounds = "" if (least, most) == (-math.inf, math.inf) else f" from {least:g} to {most:g}"
    if least > -math.inf and most == math.inf:
        bounds = f" of at least {least:g}"

    def reader(value: Any) -> float:
        fits = type(value) is float or (type(value) is int and abs(value) <= 1 << 1000)
        if not fits or not math.isfinite(value) or not least <= value <= most:
            raise Misfit(f"is {shown(value)}; it must be a finite number{bounds}")
        return float(value)

    return reader


def flag(value: Any) -> bool:
    """Read true or false, and nothing else that could stand for them."""
    if value is not True and value is not False:
        raise Misfit(f"is {shown(value)}; it must be true or false")
    return bool(value)


def choice(names: Collection[str]) -> Reader[str]:
    """One of these names; the error has the nearest."""

    def reader(value: Any) -> str:
        if type(value) is not str or value not in names:
            near = did_you_mean(value if type(value) is str else "", names)
            raise Misfit(f"is {shown(value)}{near}")
        return value

    return reader


def optional(inner: Reader[T]) -> Reader[T | None]:
    """null, or what ``inner`` reads."""
    return lambda value: None if value is None else inner(value)


def also(inner: Reader[T], rule: Callable[[T], bool], allowed: str) -> Reader[T]:
    """What ``inner`` reads, if ``rule`` holds of it; ``allowed`` says in words what it must be."""

    def reader(value: Any) -> T:
        found = inner(value)
        if not rule(found):
            raise Misfit(f"is {shown(value)}; it must be {allowed}")
        return found

    return reader


def as_given(inner: Reader[Any]) -> Reader[Any]:
    """What stands there, once ``inner`` has taken it: whole numbers stay whole, nothing is made anew."""

    def reader(value: Any) -> Any:
        inner(value)
        return value

    return reader


def listed(inner: Reader[T], most: int = EXACT, least: int = 0) -> Reader[list[T]]:
    """A list of ``least`` to ``most`` values."""

    def reader(value: Any) -> list[T]:
        if type(value) is not list:
            raise Misfit(f"is {shown(value)}; it must be a list")
        if not least <= len(value) <= most:
            allowed = f"{least}" if least == most else f"{least} to {most}"
            raise Misfit(f"has {len(value)} entries; {allowed} are allowed")
        found: list[T] = []
        for place, item in enumerate(value):
            try:
                found.append(inner(item))
            except Misfit as misfit:
                raise misfit.under(place) from None
        return found

    return reader


def mapping(inner: Reader[T], most: int = EXACT, keys: Reader[str] | None = None) -> Reader[dict[str, T]]:
    """An object whose values are all of one kind; ``keys`` reads its names, one line each unless said otherwise."""
    name = keys or line()

    def reader(value: Any) -> dict[str, T]:
        if type(value) is not dict:
            raise Misfit(f"is {shown(value)}; it must be an object of names and values")
        if len(value) > most:
            raise Misfit(f"has {len(value)} entries; at most {most} are allowed")
        found: dict[str, T] = {}
        for key, item in value.items():
            try:
                found[name(key)] = inner(item)
            except Misfit as misfit:
                raise misfit.under(key) from None
        return found

    return reader


def record(
    fields: Mapping[str, Reader[Any]],
    *,
    may_have: Mapping[str, Reader[Any]] | None = None,
    others: Reader[Any] | None = None,
) -> Reader[dict[str, Any]]:
    """An object with these ``fields``, perhaps some it ``may_have``; ``others`` reads further ones, else refused."""
    needed, known = frozenset(fields), {**fields, **(may_have or {})}

    def reader(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Misfit(f"is {shown(value)}; it must be an object with {', '.join(list(known)[:8])}")
        if not needed <= value.keys():
            raise Misfit("is missing", next(name for name in fields if name not in value))
        found: dict[str, Any] = {}
        name = ""
        try:
            for name, item in value.items():
                inner = known.get(name, others)
                if inner is None:
                    raise Misfit(f"is unknown{did_you_mean(name, known)}")
                found[name] = inner(item)
        except Misfit as misfit:
            raise misfit.under(name) from None
        return found

    return reader


def plain(depth: int = 16) -> Reader[Any]:
    """Any data at most ``depth`` deep whose numbers are finite and fit into 64 bits."""

    def reader(value: Any) -> Any:
        level = [value]
        for _ in range(depth + 1):
            for item in level:
                if type(item) is float and not math.isfinite(item):
                    raise Misfit(f"holds {item}; its numbers must be finite")
                if type(item) is int and not -(1 << 63) <= item < 1 << 64:
                    raise Misfit(f"holds {shown(item)}; its numbers must fit into 64 bits")
            level = below(level)
            if not level:
                return value
        raise Misfit(f"is nested more than {depth} deep")

    return reader


def _step(key: str) -> str:
    return f".{key}" if _SIMPLE.fullmatch(key) else f"[{shown(key)}]"
