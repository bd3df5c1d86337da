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
import operator as op
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from annotated_types import Ge

from tracer_env.errors import did_you_mean

__all__ = [
    "Also",
    "AtLeastOne",
    "AtLeastZero",
    "Count",
    "Elsewhere",
    "FromOne",
    "Spelled",
    "Words",
    "complaint",
    "describe",
    "fits",
    "limits",
    "marked",
    "nearest",
]

T = TypeVar("T")
_PLAIN = (bool, int, float, str, bytes, list, tuple, dict)
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "nothing"}
_LISTED = {str: "names", int: "whole numbers"}
_KEPT: dict[str, Callable[[Any, Any], bool]] = {"ge": op.ge, "gt": op.gt, "le": op.le, "lt": op.lt}
_BOUNDS = {
    "gele": "must lie between {ge} and {le}",
    "gelt": "must lie in [{ge}, {lt})",
    "gtle": "must lie in ({gt}, {le}]",
    "gt": "must be a number above {gt}",
    "ge": "must be at least {ge}",
}


@dataclass(frozen=True)
class Words:
    """In an annotation: what is said of a value that is out of bounds, of the wrong kind, and after it."""

    bound: str = ""
    kind: str = ""
    remedy: str = ""

    @classmethod
    def always(cls, words: str) -> Words:
        """Return a mark that says the same of a wrong kind as of a value that is out of bounds."""
        return cls(words, words)


@dataclass(frozen=True)
class Elsewhere:
    """In an annotation: a field that no file and no ``--set`` gives; ``remedy`` says what does."""

    remedy: str = ""


@dataclass(frozen=True)
class Also:
    """In an annotation: short forms that a file may give besides, which ``in_full`` writes out; none: any text."""

    names: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, core: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Return the JSON schema of a field with its short forms; pydantic asks for it."""
        return {"anyOf": [handler(core), {"enum": list(self.names)} if self.names else {"type": "string"}]}


@dataclass(frozen=True)
class Spelled:
    """In an annotation: a field whose value is an object, and a text where it is data; ``write`` gives that text.

    The class's ``in_full`` reads it. None where an object has no text; it is left out then.
    """

    write: Callable[[Any], str | None]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Take whatever ``in_full`` has made; the class checks it. pydantic asks for this."""
        return handler(Any)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        """Return the JSON schema of the text; pydantic asks for it."""
        return {"type": "string"}


Count = Annotated[int, Ge(1)]
FromOne = Annotated[int, Ge(1), Words.always("must be a whole number from 1")]
AtLeastOne = Annotated[int, Ge(1), Words.always("must be a whole number of at least 1")]
AtLeastZero = Annotated[int, Ge(0), Words.always("must be a whole number of at least 0")]


def complaint(hint: Any, value: Any) -> str:
    """Return what is wrong with a value by its annotation, to stand behind its name; empty where nothing is."""
    hint, marks = _bare(hint, value)
    words = next((mark for mark in marks if isinstance(mark, Words)), Words())
    got = f", got {value!r:.80}{words.remedy}"
    bounds, choices = _limits(marks), typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    if not fits(value, hint):
        if choices and all(isinstance(choice, str) for choice in choices):
            return f"is {value!r:.80}{did_you_mean(value, choices)}" if isinstance(value, str) else f"must be text{got}"
        ranged = hint is int and len(bounds) == 2 and isinstance(value, numbers.Number)
        return f"{words.kind or (_bound(hint, bounds) if ranged else _kind(hint))}{got}"
    if typing.get_origin(hint) is tuple and not isinstance(value, str):
        return next((wrong for entry in value if (wrong := complaint(typing.get_args(hint)[0], entry))), "")
    return "" if _within(value, bounds) else f"{words.bound or _bound(hint, bounds)}{got}"


def nearest(hint: Any, value: float) -> float | int:
    """Return the value within the bounds of an annotated number that is nearest to ``value``."""
    bounds = limits(hint)
    kept: float = min(max(value, bounds.get("ge", -math.inf)), bounds.get("le", math.inf))
    return round(kept) if _bare(hint, value)[0] is int else kept


def _bare(hint: Any, value: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return an annotation without its marks, and the marks; of several kinds the one that a value is of."""
    if typing.get_origin(hint) is typing.Annotated:
        return typing.get_args(hint)[0], hint.__metadata__
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if len(options) == 1 and value is not None:
            return _bare(options[0], value)
    return hint, ()


def _within(value: Any, bounds: Mapping[str, Any]) -> bool:
    """Return whether a number is finite and keeps to its bounds."""
    finite = type(value) is not float or math.isfinite(value)
    return finite and all(_KEPT[name](value, limit) for name, limit in bounds.items())


def limits(hint: Any) -> dict[str, Any]:
    """Return the bounds of an annotated number: ge, gt, le, lt in this order, those that it has."""
    return _limits(_bare(hint, 0)[1])


def _limits(marks: tuple[Any, ...]) -> dict[str, Any]:
    return {name: getattr(mark, name) for name in _KEPT for mark in marks if hasattr(mark, name)}


def _bound(hint: Any, bounds: Mapping[str, Any]) -> str:
    """Return the words for the bounds of a number."""
    if hint is int and {*bounds} == {"ge", "le"}:
        return "must be a whole number from {ge} to {le}".format(**bounds)
    return _BOUNDS.get("".join(bounds), f"must be {describe(hint)}").format(**bounds)


def _kind(hint: Any) -> str:
    """Return the words for the kind of a setting; those of a list say of what."""
    if typing.get_origin(hint) is not tuple:
        return f"must be {describe(hint)}"
    inner, _ = _bare(typing.get_args(hint)[0], None)
    return f"must be a list of {_LISTED[inner]}" if inner in _LISTED else "must be a list"


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
