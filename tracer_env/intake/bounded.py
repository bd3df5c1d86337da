"""Bytes and JSON texts that come from elsewhere: bounded before they are read, refused in one line.

What is promised of every text that passes `parse`: it is UTF-8 (one byte order mark in front is taken off, as
editors put it there), is nested at most `DEPTH` deep, has no key twice, no NaN or Infinity by name and no half of
a surrogate pair. Whether its fields are what they should be is for the readers of `checked`.

`read_bytes` opens ordinary files alone (a pipe would wait for ever), and none that is larger than asked.
"""

from __future__ import annotations

import json
import json.scanner
import re
import reprlib
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracer_env.errors import DataError, UserError

__all__ = ["DEPTH", "MEBIBYTE", "below", "decode", "parse", "read_bytes", "shown", "shown_path", "told"]

DEPTH = 64
MEBIBYTE = 1 << 20

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read_bytes(path: Path, most: int, *, error: type[UserError] = DataError, remedy: str = "") -> bytes:
    """Return what an ordinary file of at most ``most`` bytes holds; raises ``error`` for every other."""
    end = f"; {remedy}" if remedy else ""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise error(f"{shown_path(path)} is no ordinary file{end}")
        if about.st_size > most:
            raise error(f"{shown_path(path)} has {about.st_size} bytes; at most {most} are read{end}")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as failure:
        raise error(f"cannot read {shown_path(path)}: {failure.strerror or failure}{end}") from failure
    if len(content) > most:
        raise error(f"{shown_path(path)} grew beyond {most} bytes while it was read{end}")
    return content


def parse(content: bytes | str, where: str, *, error: type[UserError] = DataError, remedy: str = "") -> Any:
    """Return the data of one JSON text, its fields still unchecked; ``where`` names it in the error."""
    try:
        return decode(content)
    except ValueError as failure:
        end = f"; {remedy}" if remedy else ""
        raise error(f"{shown_path(where)} is not readable as JSON: {failure}{end}") from None


def decode(content: bytes | str) -> Any:
    """Return the data of one JSON text; raises ValueError with the reason alone, for callers who know the place."""
    try:
        return _parsed(content)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEPTH} deep") from None
    except (ValueError, MemoryError) as failure:
        raise ValueError(_reason(failure)) from None


def shown(value: object, most: int = 60) -> str:
    """Return a value in short, with everything visible that a terminal would obey."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = most
    short.maxlist = short.maxdict = short.maxtuple = 3
    short.maxlevel = 2
    return short.repr(value)


def shown_path(path: Path | str) -> str:
    """Return a path as it is, its control characters made visible."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", str(path)).encode("utf-8", "replace").decode()


def told(error: BaseException, most: int = 200) -> str:
    """Return what a library's error says, in one short line, everything visible: it may quote the file."""
    words = shown_path((str(error) or type(error).__name__).split("\n", 1)[0].rstrip("."))
    return words if len(words) <= most else f"{words[: most - 3]}..."


def below(level: list[Any]) -> list[Any]:
    """Return what stands one level deeper than these values: the entries of lists and objects, nothing of others."""
    found: list[Any] = []
    for item in level:
        if type(item) is dict:
            found.extend(item.values())
        elif type(item) is list:
            found.extend(item)
    return found


def _parsed(content: bytes | str) -> Any:
    words = content.decode("utf-8") if isinstance(content, bytes) else content
    words = words.removeprefix("\ufeff").strip(" \t\n\r")
    try:
        value, end = _SCAN(words, 0)  # a third quicker than decode(), which matters where every line is a text
    except StopIteration as stop:
        raise json.JSONDecodeError("Expecting value", words, stop.value) from None
    if end != len(words):
        raise json.JSONDecodeError("Extra data", words, end)
    if words.count("[") + words.count("{") > DEPTH:
        level = [value]
        for _ in range(DEPTH):
            level = below(level)
        if any(type(item) in (dict, list) for item in level):
            raise RecursionError
    if "\\u" in words:  # half of a surrogate pair can only stand there as an escape
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {shown(twice)} stands twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


_SCAN: Callable[[str, int], tuple[Any, int]] = json.scanner.make_scanner(
    json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)  # type: ignore[arg-type]
)


def _reason(failure: BaseException) -> str:
    if isinstance(failure, UnicodeDecodeError):
        return f"it is not UTF-8 at byte {failure.start}"
    if isinstance(failure, UnicodeEncodeError):
        return "a text holds half of a surrogate pair"
    if isinstance(failure, MemoryError):
        return "it does not fit into memory"
    words = str(failure).split("\n", 1)[0]
    return "a whole number has more digits than any that is read" if "digits" in words else words
