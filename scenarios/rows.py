"""A row: one record of a table or a hub, with the place it came from and its fields read by kind.

    row.text("answer")           text, or a number written out; never a list, true or null
    row.number("difficulty")     0.7, or "0.7" as a CSV has it
    row.whole("level", 1, 5)     3, 3.0 or "3"

Whatever does not fit is a DataError that begins with the place (``test.jsonl line 3``), then names the field, what it
holds and what it must be. A field that is missing, null, or an empty cell of a CSV are three different things, and
called so. No row with half of a surrogate pair is made: such a text cannot be written into any file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tracer_env.errors import DataError
from tracer_env.intake.bounded import shown

__all__ = ["Row", "check_encodable", "surrogate_in", "whole_number"]

_WHOLE = re.compile(r"\s*([+-]?\d{1,18})(?:\.0{0,18})?\s*")
_NUMBER = re.compile(r"\s*[+-]?(?:\d{1,32}(?:\.\d{0,32})?|\.\d{1,32})(?:[eE][+-]?\d{1,3})?\s*")


@dataclass(frozen=True, slots=True)
class Row:
    """One record and where it stands (``test.jsonl line 3``); ``blank`` names the empty cells of a CSV's row."""

    where: str
    values: Mapping[str, Any]
    blank: frozenset[str] = frozenset()

    def has(self, field: str) -> bool:
        """Return whether the row says anything in ``field``, be it null."""
        return field in self.values

    def names(self) -> list[str]:
        """Return the names of all fields, blank ones too."""
        return [*map(str, self.values), *sorted(self.blank)]

    def text(self, field: str) -> str:
        """Return a field that must hold text or a number, as text with something in it."""
        value = self._given(field)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.wrong(field, f"must be text, got {_kind(value)}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.wrong(field, f"is {value}, which is no answer and no text")
        if isinstance(value, str) and not value.strip():
            raise self.wrong(field, "is empty")
        return str(value)

    def number(self, field: str, least: float, most: float) -> float:
        """Return a field that must hold a number of these bounds, or the text of one."""
        value = self._given(field)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.wrong(field, f"must be a number from {least:g} to {most:g}, got {shown(value)}")
        return float(value)

    def whole(self, field: str, least: int, most: int) -> int:
        """Return a field that must hold a whole number of these bounds, or the text of one."""
        value = whole_number(self._given(field))
        if value is None or not least <= value <= most:
            given = shown(self.values[field])
            raise self.wrong(field, f"must be a whole number from {least} to {most}, got {given}")
        return value

    def wrong(self, field: str, problem: str) -> DataError:
        """Return the error that says what is wrong with a field."""
        return DataError(f"{self.where}: the field {field!r} {problem}")

    def _given(self, field: str) -> Any:
        if field in self.blank:
            raise self.wrong(field, "is empty")
        if field not in self.values:
            raise self.wrong(field, f"is missing; the fields are: {', '.join(self.names()) or 'none'}")
        if self.values[field] is None:
            raise self.wrong(field, "is null; give it a value, or leave the field out where it is not needed")
        return self.values[field]


def whole_number(value: Any) -> int | None:
    """Return the whole number that ``value`` is or spells (``3``, ``3.0``, ``"3"``), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    found = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) if found else None


def check_encodable(where: str, fields: Iterable[tuple[str, Any]]) -> None:
    """Raise DataError, with the field, for a text that holds half of a surrogate pair; containers are looked into."""
    for field, value in fields:
        if (found := surrogate_in(value)) is not None:
            raise DataError(
                f"{where}: the field {field!r} holds half of a surrogate pair (\\u{ord(found):04x}), which no file "
                "can hold; write the whole character"
            )


def surrogate_in(value: Any) -> str | None:
    """Return the first lone surrogate in a text, or anywhere in plain nested data; None when there is none."""
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, str):
            if not entry.isascii() and (found := re.search("[\ud800-\udfff]", entry)):
                return found.group()
        elif isinstance(entry, Mapping):
            waiting += [*entry.keys(), *entry.values()]
        elif isinstance(entry, list | tuple):
            waiting += entry
    return None


def _kind(value: Any) -> str:
    return {dict: "a table of keys and values", list: "a list", bool: f"{value!r}".lower()}.get(
        type(value), type(value).__name__
    )
