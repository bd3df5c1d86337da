"""What a comparison trains before it plays: the tables that have not learned anything yet, on the train split alone.

`trained` leaves a table in the run's folder and takes it over from there when an earlier process has left it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracer_env.casting import make_scenario
from tracer_env.config import Config
from tracer_env.errors import ConfigError, UserError
from tracer_env.files import write_text
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.lessons import Lessons, split_of
from tracer_env.progress import Reporter
from tracer_env.registry import resolve
from tracer_env.runs import RunFolder
from tracer_env.table_files import take_over
from tracer_env.task_contracts import task_at

__all__ = [
    "lessons_in",
    "lessons_of",
    "trained",
    "training_episodes",
    "training_scenario",
    "untrained",
    "write_controller",
]


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
            asked.name, path=path, split="train", limit=config.training.limit, seed=config.seed, **asked.settings
        )
    except UserError as error:
        raise ConfigError(
            f"the controllers to be trained need the train split of {asked.name!r}: {error}; "
            "or train elsewhere (tracer-env train --scenario ...) and give the file it writes as the method"
        ) from error


def training_episodes(config: Config, speaker: Speaker) -> int:
    """Return how many episodes a table is trained on: as configured, else 10,000 simulated or 100 with a model."""
    return config.training.episodes or (10_000 if getattr(speaker, "free", False) else 100)


def untrained(controller: Any) -> bool:
    """Return whether a controller has a table in which nothing has been learned yet."""
    parts = getattr(controller, "parts", None)
    if parts is not None:
        return any(untrained(part) for part in parts.values())
    return getattr(controller, "rows", None) == {}


def lessons_in(tasks: Scenario, episodes: int) -> Lessons:
    """Return what a table is taught by so many episodes: episode e plays task e mod n."""
    return Lessons.of((task_at(tasks, place) for place in range(min(episodes, len(tasks)))), split_of(tasks))


def lessons_of(controller: Any) -> Lessons:
    """Return what the tables inside a controller say they were trained on."""
    joined = Lessons()
    for table in _tables(controller):
        joined |= getattr(table, "lessons", Lessons())
    return joined


def trained(
    folder: RunFolder,
    name: str,
    controller: Controller,
    tasks: Scenario | None,
    speaker: Speaker,
    tell: Reporter,
) -> dict[str, Any]:
    """Train a controller, or take it over from the folder when an earlier process has; return its curve."""
    config, file = folder.config, folder.path / "controllers" / f"{_file_name(name)}.json"
    train, _ = resolve("trainer", "tracer_env.trainers.controller_trainer:train_controller")
    if file.is_file():
        return take_over(file, _tables(controller))
    episodes = training_episodes(config, speaker)
    tell.start(f"training {name}", episodes)
    run = train(
        controller,
        tasks,
        speaker,
        config.rules,
        episodes,
        seed=config.seed,
        update_every=config.training.update_every,
        information=config.information,
        after_window=lambda run: tell.reach(run.episodes, f"average regret {run.curve[-1][1]:.4f}"),
    )
    training: dict[str, Any] = run.to_data()
    write_controller(file, [table.state_dict() for table in _tables(controller)], training)
    return training


def write_controller(file: Path, tables: Sequence[Mapping[str, Any]], training: Mapping[str, Any]) -> None:
    """Write trained tables and how they were trained; a file with one table is a controller that can be loaded."""
    single = tables[0] if len(tables) == 1 else {}
    curve = training["average_regret_curve"]
    saved = {**single, "tables": list(tables), "training": training, "average_regret_curve": curve}
    write_text(file, json.dumps(saved, indent=1) + "\n", inside=file.parent.parent)


def _tables(controller: Any) -> list[Any]:
    parts = getattr(controller, "parts", None)
    if parts is not None:
        return [table for part in parts.values() for table in _tables(part)]
    return [controller] if hasattr(controller, "load_state_dict") else []


def _file_name(method: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in method)
