"""Settings of parts, checked by kind against what the part's constructor asks for, before it is called.

    check_call("scenario 'arithmetic'", Arithmetic, (), {"level": True})
        ConfigError: the scenario 'arithmetic': the setting 'level' must be a whole number, got True

The annotations of the constructor are the rule, for our parts as for a user's own. ``True`` is no number, ``50.0``
and ``"3"`` are no whole numbers, a whole number may stand where a number is wanted, and a list (TOML has no other
sequence) where a tuple is. What an annotation does not settle (none at all, ``Any``, a name that cannot be looked
up, what goes into ``**settings``) is left to the constructor, and so are bounds.
"""

from __future__ import annotations

import inspect
import numbers
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tracer_env.errors import ConfigError, did_you_mean

__all__ = ["check_call", "describe", "fits"]

_PLAIN = (bool, int, float, str, bytes, list, tuple, dict)
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "nothing"}


def check_call(
    part: str, target: Callable[..., Any], arguments: Sequence[Any] = (), settings: Mapping[str, Any] | None = None
) -> None:
    """Raise ConfigError unless ``target(*arguments, **settings)`` is a call that its signature allows.

    Refused, with the setting's name: one that ``target`` does not have, one that an argument gives already,
    one of the wrong kind, and one that is missing and has no default.
    """
    given = dict(settings or {})
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):  # some callables of C have none
        return
    parameters, hints = signature.parameters, _hints(target)
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in given:
            if name not in parameters:
                raise ConfigError(f"the {part} has no setting {name!r}{did_you_mean(name, parameters)}")
    _check_filled(part, signature, arguments, given)
    for name, value in given.items():
        hint = hints.get(name, Any) if name in parameters else Any
        if not fits(value, hint):
            raise ConfigError(f"the {part}: the setting {name!r} must be {describe(hint)}, got {value!r:.80}")


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


def _check_filled(part: str, signature: inspect.Signature, arguments: Sequence[Any], given: Mapping[str, Any]) -> None:
    """Raise ConfigError for a parameter that is given twice, and for one that is needed and not given."""
    try:
        signature.bind(*arguments, **given)
    except TypeError as error:
        taken = signature.bind_partial(*arguments).arguments if _binds(signature, arguments) else {}
        for name in given:
            if name in taken:
                raise ConfigError(f"the {part} has its {name!r} already; leave the setting {name!r} out") from error
        raise ConfigError(f"the {part} cannot be made from these settings: {error}") from error


def _binds(signature: inspect.Signature, arguments: Sequence[Any]) -> bool:
    try:
        signature.bind_partial(*arguments)
    except TypeError:
        return False
    return True


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a callable's parameters that can be looked up."""
    try:
        signature = inspect.signature(target, eval_str=True)
    except Exception:  # one annotation that names what is imported for type checkers alone hides the others
        signature = inspect.signature(target)
    kept = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return {name: hint for name, hint in kept.items() if hint is not inspect.Parameter.empty}


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
