"""What a language model's training came to, as plain data: its course, its files, and the command that uses them.

A course tells of each measure the first step, the last one, and the means over the first ten steps and the last ten
(over all, when there were fewer). None stands where no step has a number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracer_env.rules import Rules
from tracer_env.runs.config import Config
from tracer_env.settings import as_data
from tracer_env.specs import parse_value
from tracer_env.terminal import plain
from tracer_env.terminal.progress import Reporter
from tracer_env.trainers.gspo.trainer import GSPOTrainer, TrainingResult
from tracer_env.trainers.regret.trainer import policy_table
from tracer_env.trainers.runs.handed import Handed, handed_over, tables_of
from tracer_env.trainers.runs.held_out import held_out
from tracer_env.trainers.tracer.trainer import TracerTrainer

__all__ = ["DIALOGUES", "UTTERANCES", "command", "course", "result_data"]

UTTERANCES = ("reward", "accuracy", "unparsable", "completion_length")
"""What is told of each policy."""
DIALOGUES = ("dialogue_accuracy", "calls_per_task", "tokens_per_task", "speak_rate", "average_regret")
"""What is told of the dialogues of method tracer."""
Course = dict[str, float | None]


def course(lines: Sequence[Mapping[str, Any]], name: str) -> Course:
    """Return the course of the metric ``name`` over the lines of a record."""
    found = [line.get(name) for line in lines]

    def mean(values: Sequence[Any]) -> float | None:
        numbers = [float(value) for value in values if value is not None]
        return sum(numbers) / len(numbers) if numbers else None

    return {
        "first": mean(found[:1]),
        "last": mean(found[-1:]),
        "mean_of_first_ten": mean(found[:10]),
        "mean_of_last_ten": mean(found[-10:]),
    }


def result_data(
    config: Config,
    run: Path,
    method: str,
    trainer: GSPOTrainer,
    trained: TrainingResult,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Return what ``train --json`` prints for a language model."""
    lines, alone = trained.metrics, len(trainer.policies.names) == 1
    policies = {
        policy: {name: course(lines, name if alone else f"{policy}/{name}") for name in UTTERANCES}
        for policy in trainer.policies.names
    }
    file = run / "controllers" / "tracer.json"
    learned = trainer.controller if isinstance(trainer, TracerTrainer) else None
    cast, handed = tables_of(config, run), handed_over(config, run, trained.adapters)
    return {
        "run": str(run),
        "method": method,
        "seed": config.seed,
        "config": config.to_data(),
        "steps": trained.steps,
        "trained": list(trainer.trained),
        "policies": policies,
        "dialogues": {name: course(lines, name) for name in DIALOGUES} if learned is not None else None,
        "adapters": {name: str(folder) for name, folder in trained.adapters.items()},
        "controller": str(file) if learned is not None else None,
        "policy_table": policy_table(learned) if learned is not None else None,
        "metrics": str(run / "metrics.jsonl"),
        "signal": {policy: _signal(lines, "" if alone else f"{policy}/") for policy in trainer.trained},
        "held_out": held_out(config, (handed.speaker, handed.settings), cast, reporter),
        "command": command(config, handed),
    }


def _signal(lines: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, int]:
    """Return in how many groups of candidates rewards differed, and how many there were: the others teach nothing."""
    groups, dropped = (sum(line.get(f"{prefix}{name}") or 0 for line in lines) for name in ("groups", "dropped_groups"))
    return {"groups": groups, "differed": groups - dropped}


def command(config: Config, handed: Handed) -> str:
    """Return the `tracer-env compare` that plays with what was learned.

    A table is asked under its own key, so the command names none.
    """
    scenario, speaker = config.scenario, config.speaker
    words = ["tracer-env", "compare", "--scenario", scenario.name]
    words += ["--path", scenario.path] if scenario.path is not None else []
    learned, played = handed.settings, handed.controller
    words += ["--speaker", handed.speaker]
    settings = {f"scenario.{key}": value for key, value in scenario.settings.items()}
    settings |= {f"speaker.{key}": value for key, value in speaker.settings.items() if key not in learned}
    settings |= {f"speaker.{key}": value for key, value in learned.items()}
    usual = as_data(Rules())
    settings |= {f"rules.{key}": it for key, it in as_data(config.rules).items() if it != usual.get(key)}
    for key, value in settings.items():
        words += ["--set", f"{key}={_written(value)}"]
    return plain.command(*words, "--methods", played if played == "never" else f"{played},never")


def _written(value: Any) -> str:
    """Return a value as ``--set`` reads it."""
    if isinstance(value, str) and parse_value(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
