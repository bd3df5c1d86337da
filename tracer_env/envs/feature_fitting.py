"""Features for an environment: as asked, or fitted on the spot where words cost nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

from tracer_env.envs.signal_features import SignalFeatures, features_named, fit_features
from tracer_env.interfaces import Speaker
from tracer_env.parts.casting import make_scenario
from tracer_env.parts.seams import costs_nothing, parts_of, trees_of
from tracer_env.rules import Rules
from tracer_env.trees.growth import expand

__all__ = ["features_for"]

_TASKS, _TURNS, _NODES = 200, 12, 1 << 20


def features_for(features: Any, scenario: Any, speaker: Speaker, rules: Rules) -> SignalFeatures | None:
    """Return fitted features, None for the public ones.

    ``all`` is fitted on the dialogue trees of the first 200 tasks, fewer of long dialogues, of which the first twelve
    turns are enough: of the train split where the scenario is a name, else of its own tasks. Raises ConfigError where
    trees are not to be had for nothing.
    """
    if features != "all" or not _may_be_tried(speaker):
        return features_named(features)
    short = replace(rules, max_turns=min(rules.max_turns, _TURNS))
    tasks = min(_TASKS, _NODES >> short.max_turns)
    lessons = make_scenario(scenario, split="train") if isinstance(scenario, str) else make_scenario(scenario)
    seed = int(getattr(trees_of(speaker), "seed", 0))
    return fit_features(expand(make_scenario(list(islice(lessons, tasks))), speaker, short, seed, texts=False))


def _may_be_tried(speaker: Any) -> bool:
    """Return whether words may be tried: those of a cast where all of its parts' may, recordings not among them."""
    if parts := parts_of(speaker):
        return all(_may_be_tried(part) and trees_of(part) is None for part in parts.values())
    return costs_nothing(speaker)
