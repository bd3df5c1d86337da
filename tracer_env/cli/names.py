"""The commands `list` and `config`: what there is to name, and what there is to set."""

from __future__ import annotations

import inspect
import textwrap
from typing import Annotated, Any

import typer

from tracer_env.cli.options import ConfigOption, JsonOption, SetOption, print_config, settings_data
from tracer_env.errors import UnknownNameError
from tracer_env.runs.config import Config
from tracer_env.runs.config import schema as settings_schema
from tracer_env.terminal.screen import Screen, say, say_json

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
    kind: Annotated[
        str | None,
        typer.Argument(help="scenario, speaker, controller, ..., or a method with its prompts: method:debate"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the registered names, the hooks and what settings can name; of methods also what each seat is asked.

    Prompts are printed by ``list method``, with those of the settings that stand behind a recipe's name where one is
    given: ``list method:debate:agents=2``.
    """
    from tracer_env.compositions import part_names
    from tracer_env.phrases import phrase_of
    from tracer_env.registry import KINDS, OURS, registered, resolve

    listed, _ = resolve("trainer", OURS["training_names"])
    if kind is not None and kind.startswith("method:"):
        return _say_method(kind.removeprefix("method:"), as_json)
    names: dict[str, Any] = {each: {name: phrase_of(each, name) for name in registered(each)} for each in KINDS}
    presets, _ = resolve("speaker", OURS["preset_phrases"])
    names |= {"presets of simulated": presets(), **listed(), "information parts, joined by +": part_names()}
    if kind not in (None, *(each.split()[0] for each in names)):
        raise UnknownNameError("kind of part", kind, [each.split()[0] for each in names])
    names = {each: entries for each, entries in names.items() if kind in (None, each.split()[0])}
    if as_json:
        return say_json(names)
    for each, entries in names.items():
        if isinstance(entries, list):
            _say_entry(each, ", ".join(entries))
            continue
        say(f"{each}:")
        for name, phrase in entries.items():
            _say_entry("  " + name + ("..." if name.endswith(":") else ""), phrase)
    if kind == "method":
        say("what the seats of one are asked: tracer-env list method:debate:agents=3,rounds=2")
    return None


def _say_method(name: str, as_json: bool) -> None:
    """Print where a recipe comes from, its rules, and what each kind of turn is asked."""
    from tracer_env.parts.methods import make_method
    from tracer_env.registry import OURS, resolve
    from tracer_env.rules import Rules, under
    from tracer_env.settings import as_data

    made, (ask, _) = make_method(name), resolve("speaker", OURS["asked"])
    rules = under(Rules(), made)
    told = {"method": name, "source": inspect.getdoc(made), "rules": as_data(rules), "prompts": ask(rules)}
    if as_json:
        return say_json(told)
    say(f"{name}\n\n{told['source']}\n")
    say(", ".join(f"{key} {value}" for key, value in told["rules"].items()))
    for heading, prompt in told["prompts"]:
        say(f"\n{heading}\n{textwrap.indent(prompt, '    ')}")
    return None


def _say_entry(name: str, phrase: str) -> None:
    """Print a name and what it stands for, folded beside it; a long name stands alone."""
    width = max(60, min(Screen().width, 120))
    told = textwrap.wrap(phrase, width - 25, break_on_hyphens=False)
    say(f"{name:<24} {told.pop(0)}" if len(name) < 25 else name)
    for line in told:
        say(f"{'':25}{line}")
