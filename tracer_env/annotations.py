"""What an annotation asks of a value, and the words for it.

    fits(3, int)                                        True; ``True`` is no whole number, and ``3.0`` is none
    describe(int | None)                                "a whole number"
    complaint(Annotated[int, Ge(1)], 0)                 "must be at least 1, got 0"
    complaint(Literal["horizon", "kept"], "keep")       "is 'keep'; did you mean 'kept'?"

Bounds are those of ``annotated_types``, which pydantic reads as well. Two marks of our own stand beside them: `Words`,
where a bound has to be said in another way, and `Elsewhere`.
"""

from __future__ import annotations

import math
import numbers
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tracer_env.errors import did_you_mean

__all__ = ["Elsewhere", "Words", "complaint", "describe", "fits", "marked", "takes_tuple"]

T = TypeVar("T")
_PLAIN = (bool, int, float, str, bytes, list, tuple, dict)
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "nothing"}


@dataclass(frozen=True)
class Words:
    """In an annotation: what is said of a value that is out of bounds, of the wrong kind, and after it."""

    bound: str = ""
    kind: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Elsewhere:
    """In an annotation: a field that no file and no ``--set`` gives; ``remedy`` says what does."""

    remedy: str = ""


def complaint(hint: Any, value: Any) -> str:
    """Return what is wrong with a value by its annotation, to stand behind its name; empty where nothing is."""
    hint, marks = _bare(hint, value)
    words = next((mark for mark in marks if isinstance(mark, Words)), Words())
    got = f", got {value!r:.80}{words.remedy}"
    choices = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    if not fits(value, hint):
        if choices and all(isinstance(choice, str) for choice in choices):
            return f"is {value!r:.80}{did_you_mean(value, choices)}" if isinstance(value, str) else f"must be text{got}"
        ranged = hint is int and {"ge", "le"} == set(_limits(marks)) and isinstance(value, numbers.Number)
        return f"{words.kind or (_bound(hint, marks) if ranged else 'must be ' + _listed(hint))}{got}"
    if typing.get_origin(hint) is tuple and not isinstance(value, str):
        return next((wrong for entry in value if (wrong := complaint(typing.get_args(hint)[0], entry))), "")
    return "" if _within(value, marks) else f"{words.bound or _bound(hint, marks)}{got}"


def _bare(hint: Any, value: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return an annotation without its marks, and the marks; of several kinds the one that a value is of."""
    if typing.get_origin(hint) is typing.Annotated:
        return typing.get_args(hint)[0], hint.__metadata__
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if len(options) == 1 and value is not None:
            return _bare(options[0], value)
    return hint, ()


def _within(value: Any, marks: tuple[Any, ...]) -> bool:
    """Return whether a number is finite and keeps to its bounds, as ``annotated_types`` has them."""
    if type(value) is float and not math.isfinite(value):
        return False
    limits = _limits(marks)
    low = limits.get("ge", -math.inf) <= value and limits.get("gt", -math.inf) < value if limits else True
    return low and (not limits or (value <= limits.get("le", math.inf) and value < limits.get("lt", math.inf)))


def _limits(marks: tuple[Any, ...]) -> dict[str, Any]:
    return {name: getattr(mark, name) for mark in marks for name in ("ge", "gt", "le", "lt") if hasattr(mark, name)}


def _bound(hint: Any, marks: tuple[Any, ...]) -> str:
    """Return the words for the bounds of a number."""
    match _limits(marks):
        case {"ge": least, "le": most} if hint is int:
            return f"must be a whole number from {least} to {most}"
        case {"ge": least, "le": most}:
            return f"must lie between {least} and {most}"
        case {"ge": least, "lt": most}:
            return f"must lie in [{least}, {most})"
        case {"gt": least, "le": most}:
            return f"must lie in ({least}, {most}]"
        case {"gt": least}:
            return f"must be a number above {least}"
        case {"ge": least}:
            return f"must be at least {least}"
        case _:
            return f"must be {describe(hint)}"


def _listed(hint: Any) -> str:
    """Return the words for what a setting is to be; those of a list say of what."""
    if typing.get_origin(hint) is tuple:
        kind, _ = _bare(typing.get_args(hint)[0], None)
        return {str: "a list of names", int: "a list of whole numbers"}.get(kind, "a list")
    return describe(hint)


def fits(value: Any, hint: Any) -> bool:
    """Return whether ``value`` is of the kind that the annotation ``hint`` asks for; True where it does not say."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in inner)
    if origin is typing.Literal:
        return any(type(value) is type(option) and value == option for option in inner)
    if origin is typing.Annotated:
        return fits(value, inner[0])
    if origin is not None:
        return _holds(value, origin, inner)
    if hint is None:
        return value is None
    return _is(value, hint)


def describe(hint: Any) -> str:
    """Return the words for what an annotation asks for; None, which a user cannot write, is left out."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(option) for option in inner if option is not type(None)))
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, inner))
    if origin is typing.Annotated:
        return describe(inner[0])
    kind = origin or hint
    if kind is Callable or not isinstance(kind, type):
        return "a function" if kind is Callable else str(kind)
    if issubclass(kind, Mapping):
        return "a table of keys and values"
    if kind is not str and issubclass(kind, Collection):
        return "a list"
    return _NAMES.get(kind, f"a {kind.__name__}")


def _holds(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    """Return whether ``value`` is a container of the kind ``origin`` with entries of the kinds ``inner``."""
    if origin is Callable:
        return callable(value)
    if not isinstance(origin, type):
        return True
    if issubclass(origin, Mapping):
        keys, values = inner if len(inner) == 2 else (Any, Any)
        return isinstance(value, Mapping) and all(fits(k, keys) and fits(v, values) for k, v in value.items())
    if issubclass(origin, Sequence) or origin in (Collection, set, frozenset):
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
            return False
        entries = [hint for hint in inner if hint is not Ellipsis]
        return len(entries) != 1 or all(fits(entry, entries[0]) for entry in value)
    return _is(value, origin)


def _is(value: Any, hint: Any) -> bool:
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    if hint is Any or not isinstance(hint, type):
        return True
    try:
        return isinstance(value, hint)
    except TypeError:  # a protocol that cannot be asked at run time
        return not isinstance(value, _PLAIN)


def marked(hint: Any, kind: type[T]) -> T | None:
    """Return the mark of a kind that an annotation carries; None without one."""
    return next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, kind)), None)


def takes_tuple(hint: Any) -> bool:
    """Return whether an annotation asks for a tuple, as which a list of TOML is read."""
    hint, _ = _bare(hint, None)
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return any(typing.get_origin(option) is tuple for option in options)
