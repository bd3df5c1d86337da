"""Who plays what in a comparison: tasks, speaker and methods, made from settings and checked before anyone plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracer_env.errors import ConfigError
from tracer_env.executors.seam import Executor, InProcess
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.blame import told
from tracer_env.parts.casting import make_scenario, make_speaker
from tracer_env.parts.methods import check_speaks, make_method
from tracer_env.parts.task_contracts import check_tasks
from tracer_env.parts.worlds import check_worlds
from tracer_env.runs.config import Config
from tracer_env.runs.equal_tokens import Equalised
from tracer_env.runs.learning import untrained
from tracer_env.runs.spending import check_budget
from tracer_env.runs.splits import scenario_of, training_scenario

__all__ = ["Cast", "cast_for"]


@dataclass(frozen=True)
class Cast:
    """Who plays what: ``train_tasks`` is None where nothing has to be trained."""

    tasks: Scenario
    speaker: Speaker
    methods: dict[str, Controller]
    train_tasks: Scenario | None
    given: tuple[str, ...] = ()  # what are objects of the caller's
    doing: Executor = field(default_factory=InProcess)
    equal: Equalised | None = None  # how methods were set to equal tokens
    offline: bool = False  # whether models may not be asked, and the store has to do
    trees: Path | None = None  # where the trees of the train split are grown, None: in the run's own folder

    @property
    def to_train(self) -> dict[str, Controller]:
        """The methods that have learned nothing yet."""
        return {name: one for name, one in self.methods.items() if untrained(one)}


def cast_for(
    asked: Config,
    scenario: Scenario | None,
    speaker: Speaker | None,
    controllers: Mapping[str, Controller] | None,
    trust_code: bool,
    doing: Executor,
) -> Cast:
    """Make what is not given, and check it all; nothing is played yet."""
    tasks = scenario_of(asked) if scenario is None else make_scenario(scenario)
    check_tasks(tasks)
    names = asked.evaluation.methods
    there = controllers or {}
    made = {
        name: there[name] if name in there else make_method(name, asked.rules, asked.information, trust_code)
        for name in names
    }
    _check_seeds(asked, controllers)
    train_tasks = training_scenario(asked) if any(map(untrained, made.values())) else None
    voice = asked.speaker
    voices = doing.speaker(voice.name, **voice.settings) if speaker is None else make_speaker(speaker)
    check_speaks(voices, asked.rules, made)
    check_worlds(voices, asked.evaluation.worlds, asked.seed)
    check_budget(voices, asked.budget)
    return Cast(tasks, voices, dict(made), train_tasks, doing=doing)


def _check_seeds(asked: Config, controllers: Mapping[str, Controller] | None) -> None:
    """Raise ConfigError for a table that would be trained once and then stand for all seeds."""
    new = [name for name, one in (controllers or {}).items() if asked.evaluation.seeds and untrained(one)]
    if new:
        raise ConfigError(
            f"method {told(new[0])} is an object that has learned nothing yet, and each seed trains one of its own; "
            "give it by name (evaluation.methods), or trained"
        )
