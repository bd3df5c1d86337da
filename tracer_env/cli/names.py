"""The commands `list` and `config`: what there is to name, and what there is to set."""

from __future__ import annotations

from typing import Annotated

import typer

from tracer_env.cli.options import ConfigOption, JsonOption, SetOption, print_config, settings_data
from tracer_env.errors import UnknownNameError
from tracer_env.runs.config import Config
from tracer_env.runs.config import schema as settings_schema
from tracer_env.terminal.screen import say, say_json

__all__ = ["config_command", "list_command"]


def config_command(
    settings: SetOption = None,
    config: ConfigOption = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print their JSON schema, for editors.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the settings of a run, defaults and all, or what they may be."""
    if schema:
        return say_json(settings_schema())
    return print_config(Config.from_data(settings_data(config, settings, None, None)), as_json)


def list_command(
    kind: Annotated[str | None, typer.Argument(help="scenario, speaker, controller, ...")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the registered names, the hooks and what settings can name."""
    from tracer_env.compositions import part_names
    from tracer_env.registry import KINDS, OURS, registered, resolve

    listed, _ = resolve("trainer", OURS["training_names"])
    more = listed()
    if kind is not None and kind not in {**KINDS, **more}:
        raise UnknownNameError("kind of part", kind, {**KINDS, **more})
    names = {each: list(registered(each)) for each in KINDS} | more
    names["information parts, joined by +"] = part_names()
    names = {each: entries for each, entries in names.items() if kind in (None, each, each.split()[0])}
    if as_json:
        return say_json(names)
    for each, entries in names.items():
        if isinstance(entries, dict):
            say("\n".join(f"{each}: {signature}" for signature in entries.values()))
        else:
            say(f"{each}: {', '.join(entry + ('...' if entry.endswith(':') else '') for entry in entries)}")
    return None
