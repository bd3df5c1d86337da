"""The command `play`: one episode, turn by turn."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tracer_env.cli.options import (
    ConfigOption,
    JsonOption,
    MaxCostOption,
    MaxTokensOption,
    PathOption,
    ScenarioOption,
    SeedOption,
    SetOption,
    SpeakerOption,
    SplitOption,
    TrustOption,
    embedded,
    settings_data,
)
from tracer_env.runs.config import Config
from tracer_env.settings import merge
from tracer_env.terminal.screen import Screen, say_json

__all__ = ["play_command"]


def play_command(
    scenario: ScenarioOption = None,
    path: PathOption = None,
    split: SplitOption = None,
    speaker: SpeakerOption = None,
    controller: Annotated[
        str, typer.Option("--controller", "--method", help="Who decides: a name, a trained file, or `human`.")
    ] = "until_approved",
    task: Annotated[str | None, typer.Option("--task", help="Id of the task (default: the first).")] = None,
    world: Annotated[int, typer.Option("--world", help="Which draw of the luck.")] = 0,
    seed: SeedOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    settings: SetOption = None,
    config: ConfigOption = None,
    trust_code: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Play one episode and show it turn by turn."""
    data = settings_data(config, settings, scenario, speaker, path=path, split=split, seed=seed)
    data = merge(data, "budget", max_tokens=max_tokens, max_cost=max_cost)
    resolved = Config.from_data(embedded(data))
    from tracer_env.runs.live import play

    console = None if as_json else Screen()
    transcript = play(resolved, controller, task, world, console, trust_code=trust_code)
    if as_json:
        say_json(json.loads(transcript.to_json()))
