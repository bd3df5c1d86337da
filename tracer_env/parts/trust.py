"""Trust: who names code. What a user says may be any code; what a file says may be registered parts alone.

Three kinds of file could name code, and each is asked here before anything is imported or run:

    a controller's file     names the table it was saved from: a registered class that keeps one (`table_named`)
    a run's config.toml     names scenario, speaker, methods, hooks and executor (`layered`, `check_recorded`)
    any other data          names parts as labels, which nothing looks up

A server counts like code, for it is sent questions and a key: ``speaker.base_url`` unless it is this machine's own, and
``speaker.api_key_env`` unless it is the usual one. A name counts as code when `registry.resolve` would import it by its
path, a hook always, and ``trust_remote_code`` and ``pickled_weights`` unless they are false. A value that the user
gives as well is the user's own word. ``trust_code`` (``--trust-code``) lets a file name code as a user may, and nothing
besides. docs/trust.md tells it to users.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracer_env.errors import ConfigError, TrustError, did_you_mean
from tracer_env.intake.bounded import shown
from tracer_env.parts.own_parts import own_parts
from tracer_env.registry import names_code, registered, resolve
from tracer_env.specs import cast_parts, is_cast, name_and_settings
from tracer_env.terminal.plain import command

__all__ = ["check_recorded", "code_named", "layered", "table_named"]

_REMOTE = ("trust_remote_code", "pickled_weights")
_FLAGS = {
    "scenario.name": "--scenario",
    "speaker.name": "--speaker",
    "training.method": "--method",
    "executor.name": "--executor",
}


def table_named(name: object, where: Path, trust_code: bool = False) -> Callable[..., Any]:
    """Return the class of the table that a controller's file names.

    Raises TrustError for what is not registered, ConfigError for what keeps no table; neither is called.
    """
    if not isinstance(name, str):
        raise ConfigError(f"{where} is not a controller file: its controller is {name!r:.80}, which is no name")
    if names_code("controller", name) and not trust_code:
        raise TrustError(
            f"{where} names the controller {name!r}, which is code; a file may name registered tables alone: register "
            "this one under a name of its own, or give --trust-code (in Python trust_code=True) if you trust the file"
        )
    known = [each for each in registered("controller") if not each.endswith(":")]
    if name not in known and not names_code("controller", name):
        raise ConfigError(f"{where}: unknown controller {name!r}{did_you_mean(name, known)}")
    target, _ = resolve("controller", name)
    made_by = target.func if isinstance(target, functools.partial) else target
    if not isinstance(made_by, type) or not callable(getattr(made_by, "load_state_dict", None)):
        raise ConfigError(f"{where}: the controller {name!r} keeps no table, so no file can hold one of it")
    return target


def code_named(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a config's data names code: the values by dotted key. Nothing is looked up."""
    found: dict[str, Any] = {}
    for key, kind, split in (
        ("scenario.name", "scenario", None),
        ("speaker.name", "speaker", ","),
        ("training.method", "trainer", None),
        ("executor.name", "executor", None),
    ):
        value = _at(data, key)
        if any(names_code(kind, name) for name in _names(value, split)):
            found[key] = value
    if own_parts(data.get("information")):
        found["information"] = data["information"]
    seen = _at(data, "tracer.information")  # a run that has begun says it in both places
    if own_parts(seen) and seen != data.get("information"):
        found["tracer.information"] = seen
    methods = _at(data, "evaluation.methods")
    if isinstance(methods, list | tuple):
        named = [name for spec in methods for name in _names(spec, "+")]
        heard = [information for spec in methods for information in _informations(spec)]
        if any(names_code("controller", name) for name in named) or any(map(own_parts, heard)):
            found["evaluation.methods"] = list(methods)
    hooks = data.get("hooks")
    if isinstance(hooks, Mapping):
        found |= {f"hooks.{kind}": value for kind, value in hooks.items() if value is not None}
    return found | dict(_remote(data)) | _servers(data)


def _servers(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a speaker's settings says where questions and keys are sent, beyond what is usual."""
    url, key = _at(data, "speaker.base_url"), _at(data, "speaker.api_key_env")
    here = isinstance(url, str) and urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    found = {} if url is None or here else {"speaker.base_url": url}
    return found if key in (None, "OPENAI_API_KEY") else {**found, "speaker.api_key_env": key}


def check_recorded(
    data: Mapping[str, Any],
    where: Path,
    own: Mapping[str, Any] | None = None,
    trust_code: bool = False,
    file: str = "config.toml",
) -> None:
    """Raise TrustError when the ``file`` of the folder ``where`` names code that the user's ``own`` data does not."""
    given = own or {}
    told = {key: value for key, value in code_named(data).items() if _plain(_at(given, key)) != _plain(value)}
    if not told or trust_code:
        return
    named = ", ".join(f"{key} = {shown(value)}" for key, value in told.items())
    again = " ".join(_option(key, value) for key, value in told.items())
    again = again if len(again) <= 300 else "with --scenario, --speaker, --methods or --set"
    servers = all(key in ("speaker.base_url", "speaker.api_key_env") for key in told)
    what = "a server, which is sent nothing" if servers else "code, which is not run"
    raise TrustError(
        f"{where}/{file} names {what} on the word of a file: {named}; if you trust who wrote it "
        f"give --trust-code (in Python trust_code=True), or say it again yourself: {again}"
    )


def layered(
    recorded: Mapping[str, Any],
    own: Mapping[str, Any],
    where: Path,
    trust_code: bool = False,
    said: Mapping[str, Any] | None = None,
    file: str = "config.toml",
) -> dict[str, Any]:
    """Return what a folder recorded with the user's ``own`` data on top; raises as `check_recorded` does.

    ``said`` is what the user named, when that is more than what is laid on top. An executor that the user names takes
    over no settings of another one.
    """
    data = dict(recorded)
    if _at(own, "executor.name") not in (None, _at(data, "executor.name")):
        data.pop("executor", None)
    for key, value in own.items():
        before = data.get(key)
        data[key] = {**before, **value} if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    check_recorded(data, where, own if said is None else said, trust_code, file)
    return data


def _names(spec: object, separator: str | None) -> Iterator[str]:
    """Yield the names in a spec, read as `casting` reads it: casts within casts, settings taken off."""
    if not isinstance(spec, str):
        return
    try:
        if separator is not None and is_cast(spec):
            for part in cast_parts(spec, separator).values():
                yield from _names(part, separator)
        elif separator == "+" and spec.endswith(".json"):
            return  # a table's file, which is asked when it is read
        else:
            yield name_and_settings(spec)[0] if separator == "+" else spec
    except ConfigError:  # `casting` refuses it in the same way, before it looks anything up
        return


def _informations(spec: object) -> Iterator[object]:
    """Yield what the controllers of a spec are told apart by, where they name a key of their own."""
    if not isinstance(spec, str):
        return
    try:
        for part in cast_parts(spec, "+").values() if is_cast(spec) else (spec,):
            if is_cast(part):
                yield from _informations(part)
            else:
                yield name_and_settings(part)[1].get("information")
    except ConfigError:
        return


def _at(data: Mapping[str, Any], key: str) -> Any:
    """Return the value at a dotted key, of which the first part names a section; None where there is none."""
    section, _, rest = key.partition(".")
    inner = data.get(section)
    if not rest:
        return inner
    for step in rest.split("."):
        inner = inner.get(step) if isinstance(inner, Mapping) else None
    return inner


def _remote(data: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting that opens code in a model's folder, however deep, that is anything but false."""
    inner = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list | tuple) else ()
    for key, value in inner:
        where = f"{prefix}.{key}" if prefix else str(key)
        if key in _REMOTE and value is not False:
            yield where, value
        else:
            yield from _remote(value, where)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _option(key: str, value: Any) -> str:
    """Return the option by which a user says the same."""
    if key == "evaluation.methods":
        return command("--methods", ",".join(map(str, value)))
    if key in _FLAGS:
        return command(_FLAGS[key], str(value))
    return command("--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}")
