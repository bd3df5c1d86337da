"""What a training of a language model hands over: the speaker that says what was learned, and who then decides.

Read off the settings and the files of a run alone, so that a run of yesterday is used as one that has just ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tracer_env.interfaces import Scenario
from tracer_env.runs.config import Config
from tracer_env.trainers.gspo.rollouts import TaskOrder
from tracer_env.trainers.runs.held_out import CONTROLLERS
from tracer_env.trainers.runs.settings import gspo_settings, tracer_settings
from tracer_env.types import Task

__all__ = ["Handed", "handed_over", "learned_on", "tables_of"]


class Handed(NamedTuple):
    """Names as `tracer-env compare` takes them."""

    speaker: str
    settings: dict[str, str]
    """What of the speaker's settings makes it say what was learned."""
    controller: str


def handed_over(config: Config, folder: Path, adapters: Mapping[str, Path]) -> Handed:
    """Return what the run in ``folder`` hands over; ``adapters``: the folders of what was learned, at least one.

    A lone proposer is asked once (``never``), a lone reviewer until it approves, a team speaks at every turn, and
    TRACER's tables decide where there are any.
    """
    first = next(iter(adapters.values()))
    if str(config.gspo.get("finetune", "lora")).startswith("lora"):
        speaker, settings = config.speaker.name, {"adapters": str(first.parent)}
    else:
        speaker, settings = ("nano", {"path": str(first)}) if config.speaker.name == "nano" else (f"hf:{first}", {})
    return Handed(speaker, settings, tables_of(config, folder) or CONTROLLERS[config.gspo.get("role")])


def tables_of(config: Config, folder: Path) -> str | None:
    """Return the trained controller as `compare` takes it: the table's file, or a cast with it; None without one."""
    if config.training.method != "tracer":
        return None
    variant, file = tracer_settings(config).chosen(), folder / "controllers" / "tracer.json"
    parts = {role: getattr(variant, role) for role in ("proposer", "reviewer")}
    taken = {role: str(file) if name == "regret_matching" else name for role, name in parts.items()}
    return str(file) if len(set(taken.values())) == 1 else "+".join(f"{role}={it}" for role, it in taken.items())


def learned_on(config: Config, tasks: Scenario) -> list[Task]:
    """Return the tasks that a training of these settings plays, in order of first appearance."""
    settings = gspo_settings(config)
    order = TaskOrder(tasks, settings.tasks_per_step, settings.seed)
    settle = tracer_settings(config).settle if config.training.method == "tracer" else 0
    steps = settings.max_steps + -(-settle // order.per_step)
    seen = {place.task.id: place.task for step in range(steps) for place in order.of(step)}
    return list(seen.values())
