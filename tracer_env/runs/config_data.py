"""Settings as nested plain data, and back: what TOML, ``--set`` and flags give becomes frozen dataclasses.

    build(Config, {"seed": 7, "rules": {"max_turns": 3}})
    with_settings(data, ["rules.max_turns=7"])
    merge(data, "scenario", name="gsm8k", path=None)
    flat(plain(config))                               {"rules.max_turns": 7, ...}

A dataclass with a field ``settings`` takes keys that it does not know into it; any other refuses them by name. A field
``schedule`` is made of others and is no setting.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.specs import parse_value

__all__ = ["build", "flat", "merge", "plain", "with_settings"]


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

    A value that stands where the section should is left for `Config.from_data` to refuse.
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


def build(cls: Any, data: Any, prefix: str = "") -> Any:
    """Return the dataclass ``cls`` made of nested data; ``prefix`` is where it stands, for messages.

    Raises ConfigError for an unknown key and for a value of the wrong kind.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{prefix.rstrip('.')} must be a section with keys, got {data!r}")
    hints = typing.get_type_hints(cls)
    known = {f.name for f in fields(cls)} - {"schedule", "settings"}
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in data.items():
        if key in known:
            hint = hints[key]
            nested = is_dataclass(hint)
            values[key] = build(hint, value, f"{prefix}{key}.") if nested else _checked(hint, value, f"{prefix}{key}")
        elif "settings" in hints:
            extra[key] = value
        else:
            raise ConfigError(f"unknown key {prefix}{key!s}{did_you_mean(str(key), known)}")
    return cls(**values, **({"settings": extra} if "settings" in hints else {}))


_LISTED = {str: "names", int: "whole numbers"}


def _checked(hint: Any, value: Any, name: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in options and type(value) is int:
        return float(value)
    if typing.get_origin(options[0]) is tuple:
        kind = typing.get_args(options[0])[0]
        if isinstance(value, str) or not isinstance(value, Sequence) or not all(type(v) is kind for v in value):
            raise ConfigError(f"{name} must be a list of {_LISTED[kind]}, got {value!r}")
        return tuple(value)
    if (isinstance(value, bool) and bool not in options) or not isinstance(value, options):
        kinds = {int: "a whole number", str: "text", float: "a number"}
        raise ConfigError(f"{name} must be {kinds.get(options[0], str(options[0]))}, got {value!r}")
    return value


def plain(section: Any) -> dict[str, Any]:
    """Return a dataclass of settings as nested plain data; None values are left out."""
    data: dict[str, Any] = {}
    for entry in fields(section):
        value = getattr(section, entry.name)
        if entry.name == "settings":
            data |= value
        elif is_dataclass(value) and entry.name != "schedule":
            data[entry.name] = plain(value)
        elif value is not None and entry.name != "schedule":
            data[entry.name] = list(value) if isinstance(value, tuple) else value
    return data
