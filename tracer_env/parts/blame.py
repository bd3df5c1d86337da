"""Whose fault it was: the name of a part, the place in the dialogue, and the line that tells both.

A part is named as the user knows it: by its own class or function, not by the cache or the cast around it. A
wrapper of ours has a method ``behind(seat)`` that returns the part which acts for a seat; it is followed to the end.
What a part raised is told by the last line of its traceback; the error stays the cause, for ``--debug``. Values are
shown in short, with everything visible that a terminal would obey, and without addresses: the same fault is told in
the same words in every run.
"""

from __future__ import annotations

import functools
import re
import traceback
import types
from typing import Any, TypeVar

from tracer_env.errors import PartError, TracerEnvError
from tracer_env.intake.bounded import shown, shown_path
from tracer_env.rules import DialogueState
from tracer_env.types import Seat

__all__ = ["name_of", "place", "raised", "told"]

E = TypeVar("E", bound=PartError)

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_DEEPEST = 16


def name_of(part: Any, seat: Seat | None = None) -> str:
    """Return the name of the class or function that acts for ``seat`` behind the wrappers of ``part``."""
    for _ in range(_DEEPEST):
        behind = getattr(type(part), "behind", None)
        if behind is None or seat is None:
            break
        part = behind(part, seat)
    while isinstance(part, functools.partial):
        part = part.func
    if isinstance(part, types.MethodType):
        return f"{name_of(part.__self__)}.{shown_path(part.__name__)}"
    name = getattr(part, "__name__", None)
    return shown_path(name if isinstance(name, str) else type(part).__name__)


def place(state: DialogueState) -> str:
    """Return where in which dialogue a part was asked."""
    try:
        task = f" of task {told(state.task.id)}"
    except TracerEnvError:  # the exact evaluation of a controller, which stands for many tasks and shows none
        task = ""
    return f"{state.seat} at turn {state.turn}{task}"


def told(value: object) -> str:
    """Return a value in short, as an error shows it."""
    try:
        return _ADDRESS.sub("", shown(value))
    except Exception:  # a repr that raises
        return f"a {type(value).__name__} that cannot be shown"


def raised(kind: type[E], what: str, where: str, error: BaseException) -> E | TracerEnvError:
    """Return the error that says what ``error`` ended, and where; one of ours says it itself and is returned.

    KeyboardInterrupt and SystemExit are no faults: they are raised again. Others that are no Exception (a cancelled
    task of asyncio, say) are faults like any.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    if isinstance(error, TracerEnvError):
        return error
    try:
        last = traceback.format_exception_only(error)[-1].strip()
    except Exception:  # an exception whose text raises
        last = type(error).__name__
    line = _ADDRESS.sub("", shown_path(" ".join(last.split())[:300]))
    return kind(f"{what} raised {line}, for {where} (its own fault: --debug shows where)")
