"""One way for settings: frozen dataclasses beside their users, read from plain data, written as plain data.

    @dataclass(frozen=True)
    class Rules(Settings, at="rules"):
        max_turns: Annotated[int, Ge(1), Le(4096)] = 5
        stop_when: Literal["horizon", "kept"] = "horizon"

    Rules(max_turns=0)                                ConfigError: rules.max_turns must be a whole number from 1 to ...
    read(Rules, {"max_turns": 7})                     what TOML, ``--set`` (`with_settings`) and ``name:key=value`` give
    as_data(rules)                                    {"max_turns": 7, ...}, None left out; `flat` has dotted keys
    schema(Rules)                                     the JSON schema that editors use

The annotations are the rule: kinds, bounds and choices stand there and nowhere else. ``True`` is no number, ``50.0``
and ``"3"`` are no whole numbers, a whole number may stand where a number is wanted, and a list where a tuple is. A
field ``settings`` takes keys that the class does not know; any other class refuses them by name. A method ``in_full``
may write short forms out before they are read. `check_call` checks in the same words what goes into the constructor of
a part, ours or a user's; what an annotation does not settle there (none at all, ``Any``, a name that cannot be looked
up, what goes into ``**settings``) is left to the constructor. pydantic is imported when something is read, not before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import numbers
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, ClassVar, Literal, TypeVar

from tracer_env.annotations import Elsewhere, Spelled, complaint, describe, fits, marked
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.specs import parse_value

__all__ = [
    "Settings",
    "as_data",
    "check_call",
    "flat",
    "keys",
    "merge",
    "read",
    "require",
    "said",
    "schema",
    "with_settings",
]

T = TypeVar("T")


# -- reading and writing ---------------------------------------------------------------------------


class Settings:
    """Base of settings: frozen dataclasses whose constructor checks them against their annotations.

    ``at`` is where they stand, for messages: a section, or the words in front of a name with a space behind them.
    """

    at: ClassVar[str] = ""

    def __init_subclass__(cls, at: str | None = None) -> None:
        """Take ``class Rules(Settings, at="rules")``; what is derived from it stands there too."""
        cls.at = cls.at if at is None else at

    def __post_init__(self) -> None:
        """Raise ConfigError for the first field that is not what its annotation asks for."""
        mine: Any = type(self)
        for name, hint in _hints_of(mine).items():
            require(_before(self.at), hint, **{name: getattr(self, name)})


def _before(at: str) -> str:
    return f"{at}." if at and not at.endswith(" ") else at


def read(cls: Callable[..., T], data: Any, made: Mapping[str, Any] | None = None) -> T:
    """Return settings made of plain data.

    ``made``: fields that have been read already. Raises ConfigError in one line for an unknown key, a value of the
    wrong kind, out of bounds or not among the choices, and for what the class itself refuses.
    """
    given = _taken(cls, data)
    known, extra = keys(cls), {}
    if "settings" in _hints_of(cls):
        extra = {"settings": {key: value for key, value in given.items() if key not in known}}
    return cls(**{key: value for key, value in given.items() if key in known}, **extra, **(made or {}))


def said(cls: Any, data: Any) -> dict[str, Any]:
    """Return what ``data`` says of settings as plain data, each value read, without the defaults of the rest."""
    return {key: _written(value) for key, value in _taken(cls, data).items()}


def _taken(cls: Any, data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{cls.at} must be a section with keys, got {data!r}")
    full = cls.in_full(data) if hasattr(cls, "in_full") else data
    hints, prefix = _hints_of(cls), _before(cls.at)
    for key in full:
        if (mark := marked(hints.get(key), Elsewhere)) is not None and mark.remedy:
            raise ConfigError(f"{prefix}{key} cannot be set here: {mark.remedy}")
    from pydantic import ValidationError

    known = keys(cls)
    others = {str(key): value for key, value in full.items() if key not in known}
    if others and "settings" not in hints:
        key, sections = next(iter(others)), [name for name, hint in hints.items() if _is_section(hint)]
        raise ConfigError(f"unknown key {prefix}{key}{did_you_mean(key, [*known, *sections])}")
    given = {key: tuple(full[key]) if isinstance(full[key], list) else full[key] for key in full if key in known}
    try:
        taken = _model(cls).model_validate(given)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
        key = str(wrong["loc"][0])
        if wrong["type"] == "missing":
            raise ConfigError(f"{prefix}{key} is missing") from error
        words = complaint(hints[key], full[key]) or f"cannot be {full[key]!r:.80}"
        raise ConfigError(f"{prefix}{key} {words}") from error
    return {**{key: getattr(taken, key) for key in given}, **others}


def require(before: str, hint: Any, /, **values: Any) -> None:
    """Raise ConfigError for the first of ``values`` that is not what an annotation asks for: ``before``, and its name.

    Numbers are Python's own here: those of an array could not be written down.
    """
    for name, value in values.items():
        words = complaint(hint, value)
        if not words and isinstance(value, numbers.Number) and not isinstance(value, int | float):
            words = f"must be {describe(hint)}, got {value!r}"
        if words:
            raise ConfigError(f"{before}{name} {words}")


def as_data(settings: Any) -> dict[str, Any]:
    """Return settings as nested plain data; None and what is set elsewhere are left out."""
    data: dict[str, Any] = {}
    for name, hint in _hints_of(settings.__class__).items():
        value = getattr(settings, name)
        if name == "settings":
            data |= value
        elif (spelled := marked(hint, Spelled)) is not None:
            data |= {} if (text := spelled.write(value)) is None else {name: text}
        elif value is not None and marked(hint, Elsewhere) is None:
            data[name] = as_data(value) if is_dataclass(value) else _written(value)
    return data


def _written(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def schema(cls: Any) -> dict[str, Any]:
    """Return the JSON schema of settings."""
    found: dict[str, Any] = _model(cls).model_json_schema()
    return found


@functools.cache
def keys(cls: Any) -> dict[str, Any]:
    """Return the keys that settings can be given by, with their annotations; sections inside are none."""
    return {
        name: hint
        for name, hint in _hints_of(cls).items()
        if name != "settings" and not _is_section(hint) and marked(hint, Elsewhere) is None
    }


@functools.cache
def _hints_of(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


@functools.cache
def _model(cls: Any) -> Any:
    """Return what pydantic reads a class by: its keys, strictly; the class itself is called with what passes."""
    from pydantic import ConfigDict, create_model

    known = keys(cls)
    rest: Literal["allow", "forbid"] = "allow" if "settings" in _hints_of(cls) else "forbid"
    config = ConfigDict(strict=True, extra=rest, allow_inf_nan=False, protected_namespaces=())
    entries: Any = {
        field.name: (known[field.name], ... if field.default is dataclasses.MISSING else field.default)
        for field in dataclasses.fields(cls)
        if field.name in known
    }
    return create_model(cls.__name__, __config__=config, __doc__=inspect.getdoc(cls), **entries)


def _is_section(hint: Any) -> bool:
    return is_dataclass(hint) or typing.get_origin(hint) is Mapping


# -- plain data ------------------------------------------------------------------------------------


def with_settings(data: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return ``data`` with each ``a.b=value`` of ``settings`` put in its place."""
    changed: dict[str, Any] = {key: dict(value) if isinstance(value, Mapping) else value for key, value in data.items()}
    for setting in settings:
        path, equals, text = setting.partition("=")
        *sections, key = path.strip().split(".", 1)
        if not equals or not key or not all(sections):
            raise ConfigError(f"--set takes key=value, for example rules.max_turns=7, got {setting!r}")
        place = changed.setdefault(sections[0], {}) if sections else changed
        if not isinstance(place, dict):
            raise ConfigError(f"--set {setting!r}: {sections[0]!r} is a value, not a section")
        place[key] = parse_value(text.strip())
    return changed


def merge(data: Mapping[str, Any], section: str, **values: Any) -> dict[str, Any]:
    """Return ``data`` with those of ``values`` that are not None put into a section.

    A value that stands where the section should is left for `read` to refuse.
    """
    given = {key: value for key, value in values.items() if value is not None}
    before = data.get(section, {})
    return {**data, section: {**before, **given}} if given and isinstance(before, Mapping) else dict(data)


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested data with dotted keys, one level deep."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


# -- constructors of parts -------------------------------------------------------------------------


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


def _check_filled(part: str, signature: inspect.Signature, arguments: Sequence[Any], given: Mapping[str, Any]) -> None:
    """Raise ConfigError for a parameter that is given twice, and for one that is needed and not given."""
    try:
        signature.bind(*arguments, **given)
    except TypeError as error:
        with contextlib.suppress(TypeError):
            for name in signature.bind_partial(*arguments).arguments.keys() & given:
                raise ConfigError(f"the {part} has its {name!r} already; leave the setting {name!r} out") from error
        raise ConfigError(f"the {part} cannot be made from these settings: {error}") from error


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a callable's parameters that can be looked up."""
    try:
        signature = inspect.signature(target, eval_str=True)
    except Exception:  # one annotation that names what is imported for type checkers alone hides the others
        signature = inspect.signature(target)
    kept = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return {name: hint for name, hint in kept.items() if hint is not inspect.Parameter.empty}
