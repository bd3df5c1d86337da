"""The tasks that a run's settings ask for: those it plays, and those that its controllers learn from."""

from __future__ import annotations

from pathlib import Path

from tracer_env.errors import ConfigError, UserError
from tracer_env.interfaces import Scenario
from tracer_env.parts.casting import make_scenario
from tracer_env.runs.config import Config

__all__ = ["scenario_of", "training_scenario"]


def scenario_of(config: Config) -> Scenario:
    """Return the tasks of ``[scenario]``; raises what making them raises."""
    asked = config.scenario
    return make_scenario(
        asked.name, path=asked.path, split=asked.split, limit=asked.limit, seed=config.tasks_seed, **asked.settings
    )


def training_scenario(config: Config) -> Scenario:
    """Return the train split: from ``training.path``, else from where the test split comes from.

    A test file's name with ``test`` replaced by ``train`` is tried when only ``scenario.path`` is given.
    Raises ConfigError or DataError when there is no train split.
    """
    asked, path = config.scenario, config.training.path
    if path is None and asked.path is not None:
        given = Path(asked.path)
        whole = given.is_dir() or asked.split == "tune"  # a file that tune comes out of is the train file
        beside = given if whole else given.with_name(given.name.replace("test", "train"))
        if beside == given and not whole:
            raise ConfigError(
                f"controllers are trained on the train split, but scenario.path {asked.path} names one file; "
                "say where the train split is with --set training.path=FILE, or give trained controllers as files"
            )
        path = str(beside)
    try:
        return make_scenario(
            asked.name, path=path, split="train", limit=config.training.limit, seed=config.tasks_seed, **asked.settings
        )
    except UserError as error:
        raise ConfigError(
            f"the controllers to be trained need the train split of {asked.name!r}: {error}; "
            "or train elsewhere (tracer-env train --scenario ...) and give the file it writes as the method"
        ) from error
