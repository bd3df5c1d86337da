"""The line above a table: scenario, split, tasks and worlds, whose words, rules, seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from tracer_env.parts.voices import SIMULATED
from tracer_env.runs.config import Config
from tracer_env.terminal.plain import visible

__all__ = ["played"]


def played(config: Config, environment: Mapping[str, Any]) -> Text:
    """Return what was played: scenario, split, tasks, worlds, whose words, rules, seed. What is simulated is yellow."""
    rules, worlds = config.rules, config.evaluation.worlds
    tasks = environment.get("tasks")
    words = visible(str(environment.get("words") or f"words of {config.speaker.name}"))
    told, given = environment.get("told"), environment.get("given", ())
    return Text.assemble(
        (visible(config.scenario.name), "bold"),
        f", {config.scenario.split} split: ",
        "" if tasks is None else f"{tasks:,} task{'s' * (tasks != 1)} × {worlds:,} world{'s' * (worlds != 1)}, ",
        (words, "bold yellow" if SIMULATED in words else "bold"),
        f"; {rules.num_agents} agent{'s' * (rules.num_agents != 1)}, {rules.max_turns} turns, ",
        f"{rules.final_answer.replace('_', ' ')} answer counts; {_seeds(config)}",
        "" if told is None else f"\n{visible(told)}",
        f"\n{' and '.join(given)} given as objects: config.toml alone does not make them again" if given else "",
    )


def _seeds(config: Config) -> str:
    seeds = config.evaluation.seeds
    if not seeds:
        return f"seed {config.seed}"
    told = f"seeds {', '.join(map(str, seeds))}"
    return told if config.tasks_seed in seeds else f"{told}, tasks of seed {config.tasks_seed}"
