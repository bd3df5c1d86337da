"""Parts of information that a user names by their import path: found, and registered where the user says so.

A name in a file is looked up among what is registered, and nothing else: so a file brings no code in by it, and what a
user has said once in a process can be asked wherever a key is read. `trust` asks before a folder's own word is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracer_env.compositions import MEASURED, PARTS
from tracer_env.errors import ConfigError
from tracer_env.parts.blame import told
from tracer_env.parts.standing import the_part_itself
from tracer_env.registry import build, names_code, register

__all__ = ["own_parts", "take_in"]


def own_parts(information: object) -> list[str]:
    """Return the parts of a composition that are named by their import path and not registered: code."""
    pieces = [piece.strip() for piece in information.split("+")] if isinstance(information, str) else []
    known = (*PARTS, *MEASURED)
    return [each for each in pieces if each.partition(":")[0] not in known and names_code("information", each)]


def take_in(information: object) -> None:
    """Register the parts that are named by their import path, so that they can be asked: what a user says, no file."""
    for path in own_parts(information):
        register("information", path, _function_at(path))


def _function_at(path: str) -> Callable[..., Any]:
    """Return the function of a state at an import path: itself, with settings kept, or made by a class."""
    if (itself := the_part_itself("information", path)) is not None:
        return itself  # type: ignore[no-any-return]
    made = build("information", path)
    if not callable(made):
        raise ConfigError(f"information {path!r} made {told(made)}, which is no function of a state")
    return made  # type: ignore[no-any-return]
