"""What stands at an import path: something that makes a part, or the part itself.

    a class, a function that needs nothing        makes the part; settings behind the path are its arguments
    an object with the methods of the part        the part itself, such as ``talk = Talk(budget=3)`` in a file
    a function that needs arguments               a speaker (prompt), a reward (before, after) or a key (state) itself;
                                                  settings behind the path are kept for it, by name

Anything else is refused in one line.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Sequence
from typing import Any

from tracer_env.code_files import path_and_settings
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.blame import told
from tracer_env.registry import names_code, resolve
from tracer_env.settings import check_call
from tracer_env.specs import name_and_settings
from tracer_env.types import Task

__all__ = ["tasks_alone", "the_part_itself"]

_INTERFACES: dict[str, Any] = {"scenario": Scenario, "speaker": Speaker, "controller": Controller}
_WANTING = ("speaker", "reward", "information")
"""Kinds of part that a function can be."""


def the_part_itself(kind: str, name: str, /, **more: Any) -> Any:
    """Return the part that stands at the import path ``name``; None for one that is made, and for registered names.

    ``more`` are settings beside those behind the path. A controller is a copy of its own, since it may learn. Raises
    ConfigError for settings of an object, which has them already, and for what is no part and makes none.
    """
    if not names_code(kind, name):
        return None
    path, text = path_and_settings(name)
    settings = (name_and_settings(f"{path}:{text}")[1] if text else {}) | more
    found, _ = resolve(kind, name)
    if inspect.isclass(found):
        return None
    if isinstance(found, _INTERFACES.get(kind, ())) or (kind == "scenario" and tasks_alone(found)):
        if settings:
            raise ConfigError(
                f"{kind} {path!r} is an object, made already; leave out its setting {next(iter(settings))!r}, "
                "or name a class"
            )
        return copy.deepcopy(found) if kind == "controller" else found
    if not callable(found):
        raise ConfigError(f"{kind} {name!r} is {told(found)}, which is no {kind} and makes none")
    return _wanting(kind, name, found, settings) if kind in _WANTING else None


def tasks_alone(found: object) -> bool:
    """Return whether something is a list of tasks."""
    return isinstance(found, Sequence) and len(found) > 0 and all(isinstance(each, Task) for each in found)


def _wanting(kind: str, name: str, found: Any, settings: dict[str, Any]) -> Any:
    """Return a function that needs more than its settings, with these kept; None for one that makes the part."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # some callables of C have none
        return found
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each for each in parameters if each.default is each.empty and each.kind in plain]
    open_ones = [each for each in needed if each.name not in settings]
    if not open_ones and kind != "information":  # a key is asked for each state, so no function makes one
        return None
    if not settings:
        return found
    check_call(f"{kind} {name!r}", found, (None,) * len(open_ones), settings)
    kept = functools.partial(found, **settings)
    return functools.update_wrapper(kept, found)
