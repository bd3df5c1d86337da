"""Defaults that hang on other settings, written out before anything starts: config.toml and ``--dry-run`` hold them.

    training.episodes       how many episodes teach a table, by whether words are free
    scenario.train_share    which share of one file of questions trains
    scenario.split          train, of a training

So a run says what it did without the rules of this file, which may change.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tracer_env.errors import UserError
from tracer_env.parts.seams import costs_nothing
from tracer_env.registry import names_code, resolve
from tracer_env.runs.config import Config
from tracer_env.runs.learning import episodes_for, ways_of
from tracer_env.specs import is_cast

__all__ = ["learns_from_play", "like", "of_training", "shared", "taught", "words_are_free"]


def taught(config: Config, free: bool) -> Config:
    """Return settings that say how many episodes teach a table; ``free``: whether words cost nothing."""
    if config.training.episodes is not None:
        return config
    return replace(config, training=replace(config.training, episodes=episodes_for(free)))


def shared(config: Config) -> Config:
    """Return settings that say which share of the questions trains, where the scenario is one file that is divided."""
    asked = config.scenario
    if names_code("scenario", asked.name):
        return config
    try:
        target, leading = resolve("scenario", asked.name)
    except UserError:  # refused, in these words, where it is made
        return config
    if not leading or os.path.isdir(os.path.expanduser(leading[0])) or "train_share" in asked.settings:
        return config
    share = inspect.signature(target).parameters.get("train_share")
    if share is None:
        return config
    return replace(config, scenario=replace(asked, settings={**asked.settings, "train_share": share.default}))


def of_training(config: Config) -> Config:
    """Return settings that say of a training which split it is played on."""
    asked = config.scenario
    split = "train" if asked.split == "test" else asked.split
    return shared(replace(config, scenario=replace(asked, split=split)))


def like(config: Config, recorded: Config) -> Config:
    """Return the settings that a run is continued under, where they leave open what the run has written out."""
    training, scenario, before = config.training, config.scenario, recorded.scenario
    if training.episodes is None:
        training = replace(training, episodes=recorded.training.episodes)
    if "train_share" in before.settings and scenario.name == before.name:
        scenario = replace(scenario, settings={"train_share": before.settings["train_share"], **scenario.settings})
    if (scenario.split, before.split) == ("test", "train"):  # a training's
        scenario = replace(scenario, split=before.split)
    evaluation, played = config.evaluation, recorded.evaluation
    if evaluation.equal_tokens is not None and evaluation.equal_tokens == played.equal_tokens:
        evaluation = replace(evaluation, methods=played.methods, baseline=played.baseline)
    return replace(config, training=training, scenario=scenario, evaluation=evaluation)


def learns_from_play(controllers: Iterable[Any]) -> bool:
    """Return whether one of the controllers has to be taught by playing episodes."""
    return any(not ways_of(one) <= {"trees"} for one in controllers)


def words_are_free(speaker: str) -> bool:
    """Return whether the words of a named speaker cost nothing; it is not made, and a cast counts as one that costs."""
    return not is_cast(speaker) and costs_nothing(resolve("speaker", speaker)[0])
