"""Methods whose words were trained, made ready to play: the training found or done, its speaker and who decides.

A recipe names a training (``trains``, `agents.methods.trained`). `voiced` takes over the one in ``run``, or does one of
``steps`` steps inside the folder of the comparison, ``trained/NAME``, which a run that is continued goes on with. What
it returns plays as the controllers that were trained do, and has a ``voice``: the speaker that says what was learned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller, Speaker
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.parts.seams import voice_of
from tracer_env.registry import OURS, resolve
from tracer_env.rules import DialogueState, Rules, under
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.trained import Trained, to_order, train_for, trained_in
from tracer_env.terminal.progress import Named, Reporter

__all__ = ["Voiced", "check_words", "voiced", "words_trained"]


class Voiced:
    """A recipe with words of its own: asks ``controller``, and is heard through ``voice``."""

    words_learned = True
    """So that tables count it among what has learned."""

    def __init__(self, recipe: Any, controller: Controller, voice: Speaker, steps: int | None) -> None:
        self.recipe, self.controller, self.voice, self.steps = recipe, controller, voice, steps

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "controller":
            raise AttributeError(name)
        return getattr(self.controller, name)

    def __repr__(self) -> str:
        return f"Voiced({self.recipe!r})"

    def plays(self, rules: Rules) -> Rules:
        """Return the rules of its dialogues."""
        made: Rules = self.recipe.plays(rules)
        return made

    def speak_probability(self, state: DialogueState, key: str) -> float:
        """Ask the controller that was trained."""
        return self.controller.speak_probability(state, key)


def words_trained(methods: Mapping[str, Controller]) -> dict[str, Any]:
    """Return the methods whose training has to be found or done before they play."""
    return {name: one for name, one in methods.items() if getattr(one, "trains", "") and voice_of(one) is None}


def check_words(methods: Mapping[str, Controller], config: Config, trust_code: bool) -> None:
    """Raise what `voiced` would for trainings that are not there or could not begin, before anything is made."""
    for name, recipe in words_trained(methods).items():
        if recipe.run is None:
            check, _ = resolve("trainer", OURS["training_checks"])
            check(to_order(recipe.trains, config, recipe.steps), recipe.trains)
        else:
            _check(name, recipe, trained_in(recipe.run, trust_code), config.rules)


def voiced(name: str, recipe: Any, folder: RunFolder, trust_code: bool, tell: Reporter) -> Voiced:
    """Return a recipe ready to play; its training is done now where it is not there yet.

    Raises ConfigError for a training of another number of agents, and whatever `trained_in` and `train_for` raise.
    """
    config = folder.config
    if recipe.run is None:
        where = folder.path / "trained" / re.sub(r"[^A-Za-z0-9._-]+", "-", name)
        where.parent.mkdir(exist_ok=True)
        found = trained_in(train_for(recipe.trains, config, recipe.steps, where, Named(tell, f"{name}: ")), True)
    else:
        found = trained_in(recipe.run, trust_code)
        _check(name, recipe, found, config.rules)
    speaker = make_speaker(found.speaker, **_settings(config, found))
    rules = under(config.rules, recipe)
    controller = make_controller(found.controller, rules, config.information, trust_code)
    return Voiced(recipe, controller, speaker, recipe.steps)


def _check(name: str, recipe: Any, found: Trained, rules: Rules) -> None:
    if found.method != recipe.trains:
        raise ConfigError(f"method {name}: {found.folder} is a training of {found.method}; say {found.method}:run=...")
    if found.rules.num_agents != under(rules, recipe).num_agents:
        raise ConfigError(
            f"method {name}: {found.folder} trained {found.rules.num_agents} agents, and rules.num_agents is "
            f"{rules.num_agents}; set it to {found.rules.num_agents}"
        )


def _settings(config: Config, found: Trained) -> dict[str, Any]:
    """Return the settings of the speaker that says what was learned: the run's own, where it is the run's speaker."""
    own = config.speaker.settings if found.speaker == config.speaker.name else {}
    return {**own, **found.settings}
