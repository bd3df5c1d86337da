"""How parts are written in one line: names, names with settings, casts by seat, lists of them.

    random:p=0.3, mine.py:Thrifty:budget=2 a name and settings, values as TOML reads them
    cfr_plus:information=vote+confidence:of=sum,bins=3,price=2e-4
                                           ``of`` and ``bins`` belong to the information before them
    proposer=smollm2,reviewer=hf:PATH      a cast of speakers; controllers are joined by ``+`` before a seat
    always,random:p=0.3,never              a list

Seats are named ``proposer``, ``agent_0``, or ``agent_0/proposer``. What is read here is text: nothing is
looked up.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tracer_env.code_files import path_and_settings
from tracer_env.errors import ConfigError

__all__ = ["cast_parts", "is_cast", "name_and_settings", "parse_value", "split_list"]

_CAST = re.compile(r"(?:proposer|reviewer|agent_\d+(?:/(?:proposer|reviewer))?)=")

_OF_PART = re.compile(r"(?:of|bins)=")


def is_cast(text: str) -> bool:
    """Return whether a text begins as a cast does, with a seat and an equals sign."""
    return _CAST.match(text) is not None


def split_list(text: str) -> list[str]:
    """Split at commas, keeping ``name:a=1,b=2`` together: a piece that is a setting belongs to the name before it."""
    pieces: list[str] = []
    for piece in text.split(","):
        setting = re.match(r"\w+=", piece) and not is_cast(piece)
        if pieces and setting and ":" in pieces[-1]:
            pieces[-1] += "," + piece
        elif piece.strip():
            pieces.append(piece.strip())
    return pieces


def parse_value(text: str) -> Any:
    """Read a setting as TOML would (number, true/false, list, quoted text); anything else is plain text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # not TOML, thousands of digits, brackets without end
        return text


def name_and_settings(text: str) -> tuple[str, dict[str, Any]]:
    """Take ``name:key=value,key=value`` apart; a text without settings is a name. Raises ConfigError."""
    path, behind = path_and_settings(text)
    name, colon, rest = (path, ":", behind) if behind else text.partition(":")
    if not colon or "=" not in rest:
        return text, {}
    pairs = [pair.partition("=") for pair in _joined(rest.split(","))]
    for key, equals, _ in pairs:
        if not equals or not key.isidentifier():
            raise ConfigError(f"settings look like {name}:key=value,key=value, got {text!r}")
    return name, {key: parse_value(value) for key, _, value in pairs}


def _joined(pieces: list[str]) -> list[str]:
    """Join settings of an information's parts (``of``, ``bins``) to the information that they stand behind."""
    joined: list[str] = []
    for piece in pieces:
        if joined and joined[-1].startswith("information=") and ":" in joined[-1] and _OF_PART.match(piece):
            joined[-1] += f",{piece}"
        else:
            joined.append(piece)
    return joined


def cast_parts(text: str, separator: str) -> dict[str, str]:
    """Take a cast apart into what stands for each seat; raises ConfigError for anything else."""
    parts: dict[str, str] = {}
    for piece in re.split(rf"{re.escape(separator)}(?={_CAST.pattern})", text):
        seat, equals, spec = piece.partition("=")
        torn = separator in spec.partition("information=")[0]
        if not equals or not spec or torn or not is_cast(f"{seat}="):
            raise ConfigError(f"a cast looks like proposer=NAME{separator}reviewer=NAME, got {text!r}")
        if seat in parts:
            raise ConfigError(f"the cast {text!r} names {seat} twice")
        parts[seat] = spec
    return parts
