"""TOML in and out: files of settings, read with their mistakes in one line, written with every value on its own.

Files are UTF-8; a byte order mark in front, as some editors leave it, is passed over. What is written is read back to
equal data: keys that are no plain words are quoted, tables inside a section stand on one line.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.intake.bounded import DEPTH, MEBIBYTE, below

__all__ = ["read_toml", "written"]

_LONG_KEY = re.compile(
    rf"""(?:^|[{{,\[])[ \t]*(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{DEPTH}}}""", re.MULTILINE
)
"""A dotted key of more parts than anything is deep: the time that such keys take to read grows with their square."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: Path, what: str = "config") -> dict[str, Any]:
    """Read an ordinary file of TOML, of a megabyte at most; raises ConfigError when it cannot be read."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > MEBIBYTE:
            raise ConfigError(f"cannot read the {what} file {path}: it is no ordinary file of at most a megabyte")
        return _bounded(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read the {what} file {path}: {error.strerror}") from error
    except ConfigError:
        raise
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the {what} file {path} is not valid TOML: {error}") from error


def _bounded(text: str) -> dict[str, Any]:
    """Return the data of a text; ValueError for one nested deeper than settings are, which would take long to read."""
    deep = f"it is nested more than {DEPTH} deep"
    if _LONG_KEY.search(text):
        raise ValueError(deep)
    data = tomllib.loads(text)
    level: list[Any] = [data]
    for _ in range(DEPTH):
        level = below(level)
    if level:
        raise ValueError(deep)
    return data


def written(data: Mapping[str, Any]) -> str:
    """Return data of sections and values as TOML."""
    lines = [_line(key, value) for key, value in data.items() if not isinstance(value, Mapping)]
    for section, values in data.items():
        if isinstance(values, Mapping):
            lines += ["", f"[{_key(section)}]", *(_line(key, value) for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    return f"{_key(key)} = {_literal(value)}"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _literal(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_line(key, entry) for key, entry in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime.date | datetime.time):  # TOML has them, no setting of ours does
        return value.isoformat()
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one character that JSON leaves bare
