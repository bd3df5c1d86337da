"""Transfer: controllers trained on one world and played on another, over scenarios, speakers, horizons and agents.

Which these are, `variants` reads. Each variant trains a controller of its own on its train split; each of those that
are tested on plays all of them on its test split, on the same tasks with the same noise, in a run folder like any
other. What is told of row t and column u is the accuracy of what t taught on u, and the difference to what u itself
taught, paired by task.

    OUT/config.toml      what all variants share
    OUT/variants.json    the variants, as they were asked for
    OUT/trained/0-0/     the settings and the table of the first method, trained on the first variant
    OUT/tested/0-0/      the run of the first method's tables on the first variant
    OUT/transfer.json    what ``--json`` prints, when all is done

An interrupted one goes on from what is there (``--resume OUT``), controllers, trees and episodes.

Traps: a key that a table never met, under another horizon or for another agent, is answered by SPEAK or SKIP alike
(1/2; by SKIP where the likelier action is played), and counted: ``unseen`` of ``choices``. A table that was learned
under other rules is told that it plays under these, which `compare` refuses on purpose.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.intake.checked import line, load, optional, record
from tracer_env.interfaces import Controller
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.parts.methods import is_recipe, make_method
from tracer_env.parts.seams import costs_nothing
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.kept_controllers import tables_of
from tracer_env.runs.learning import School, untrained
from tracer_env.runs.settling import shared, taught
from tracer_env.runs.splits import training_scenario
from tracer_env.runs.variants import variants
from tracer_env.settings import with_settings
from tracer_env.terminal.progress import Named, NoReporter, Reporter

__all__ = ["FILE", "Planned", "asked_again", "planned", "transfer"]

FILE = "variants.json"
"""What tells a transfer's folder from a run's."""
_ASKED = record({"train_on": line(10_000), "test_on": optional(line(10_000))})


def transfer(
    config: Config,
    train_on: str,
    test_on: str | None = None,
    *,
    out: Path | None = None,
    resume: Path | None = None,
    trust_code: bool = False,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Train each learned method of the config on every variant, play it on those of ``test_on``, and return the gaps.

    ``test_on`` None: on the same ones. Variants that are tested on are trained on as well, to be held against; methods
    with nothing to learn, and recipes, are left out, and named. ``resume`` continues a folder, to the same numbers.
    Raises what `planned` does, and RunFolderError for an ``out`` that is taken, or a ``resume`` that was begun with
    other settings or variants.
    """
    plan, tell = planned(config, train_on, test_on), reporter or NoReporter()
    asked = {"train_on": train_on, "test_on": test_on}
    if resume is None:
        folder = RunFolder.create(config, "transfer", out)
        folder.write(FILE, json.dumps(asked, indent=1) + "\n")
    else:
        folder = RunFolder.reopen(resume, config)
        if asked_again(resume) != (train_on, test_on):
            raise RunFolderError(f"{resume} was begun with other variants: leave --train-on and --test-on out")
    place = folder.path
    try:
        with folder.owned():
            found = [_matrix(name, number, plan, place, trust_code, tell) for number, name in enumerate(plan.methods)]
            data = {"run": str(place), **plan.to_data(), "seed": config.seed, "methods": found}
            folder.write("transfer.json", json.dumps(data, indent=1) + "\n")
    except KeyboardInterrupt as error:
        error.__dict__["run_folder"] = place  # not that of the part that was being played
        raise
    return data


def asked_again(folder: Path) -> tuple[str, str | None]:
    """Return the variants that a folder was begun with; raises RunFolderError for a folder of something else."""
    if not (folder / FILE).is_file():
        raise RunFolderError(f"{folder} holds no transfer to continue: it has no {FILE}")
    data = load(folder / FILE, _ASKED, error=RunFolderError, remedy="begin a new transfer")
    return data["train_on"], data["test_on"]


@dataclass(frozen=True)
class Planned:
    """What `transfer` is about to do: each variant's settings, by its name, and the methods that are carried over."""

    worlds: Mapping[str, Config]
    tested: tuple[str, ...]  # names of worlds
    methods: tuple[str, ...]
    left_out: tuple[str, ...]  # methods that have nothing to learn, and recipes

    def to_data(self) -> dict[str, Any]:
        """Return the names as JSON-ready data."""
        return {"train_on": list(self.worlds), "test_on": list(self.tested), "left_out": list(self.left_out)}


def planned(config: Config, train_on: str, test_on: str | None = None) -> Planned:
    """Return what `transfer` would do with these variants.

    Raises ConfigError where no method learns, for evaluation.seeds, and for what no variant can be.
    """
    rows, columns = variants(train_on), variants(test_on or train_on)
    worlds = {name: _under(config, settings) for name, settings in {**rows, **columns}.items()}
    if config.evaluation.seeds:
        raise ConfigError("evaluation.seeds does not go with --train-on: transfer goes by one seed; give seed")
    named = config.evaluation.methods
    methods = tuple(name for name in named if _learns(name, next(iter(worlds.values()))))
    if not methods:
        raise ConfigError(
            f"--train-on trains controllers, and none of {', '.join(named)} has anything to learn; "
            "name one with --methods, such as cfr_plus"
        )
    return Planned(worlds, tuple(columns), methods, tuple(name for name in named if name not in methods))


def _under(config: Config, settings: Sequence[str]) -> Config:
    """Return the config of a variant; another scenario or speaker takes none of the settings of the one before."""
    data = config.to_data()
    for section in ("scenario", "speaker"):
        if any(each.startswith(f"{section}.name=") for each in settings):
            kept = ("split", "limit", "seed") if section == "scenario" else ()
            data[section] = {key: value for key, value in data[section].items() if key in kept}
    return Config.from_data(with_settings(data, settings))


def _learns(name: str, config: Config) -> bool:
    """Return whether a method is a controller that is to be taught; recipes are not carried from world to world."""
    made = make_method(name, config.rules, config.information)
    return not is_recipe(name) and untrained(made)


def _matrix(method: str, number: int, plan: Planned, place: Path, trust_code: bool, tell: Reporter) -> dict[str, Any]:
    """Return the gaps of one method: a cell for each variant trained on, by each tested on."""
    made = {}
    for row, (name, config) in enumerate(plan.worlds.items()):
        made[name] = _trained(method, config, place / "trained" / f"{number}-{row}", Named(tell, f"{name}: "))
    cells: dict[str, dict[str, Any]] = {name: {} for name in plan.worlds}
    for column, name in enumerate(plan.tested):
        config = plan.worlds[name]
        playing = {_called(each): _moved(table, config) for each, table in made.items()}
        evaluation = replace(config.evaluation, methods=(), baseline=_called(name), equal_tokens=None)
        evaluation = replace(evaluation, methods=tuple(playing))
        there = place / "tested" / f"{number}-{column}"
        begun = (there / "config.toml").is_file()
        run = compare(
            replace(config, evaluation=evaluation),
            controllers=playing,
            out=None if begun else there,
            resume=there if begun else None,
            trust_code=trust_code,
            reporter=Named(tell, f"{name}: "),
        )
        unseen = _unseen(run.run, playing)
        for told in run.rows:
            called = told["method"]
            cells[called.removeprefix(_CALLED)][name] = {**{key: told[key] for key in _KEPT}, **unseen[called]}
    return {"method": method, "cells": cells}


_CALLED = "trained on "
_KEPT = (
    "accuracy",
    "accuracy_ci",
    "tokens_per_task",
    "paired_difference",
    "paired_difference_ci",
    "p_value",
    "p_holm",
)


def _called(variant: str) -> str:
    return _CALLED + variant


def _trained(method: str, config: Config, place: Path, tell: Reporter) -> Controller:
    """Train a controller on a variant's train split and leave its table in a folder."""
    speaker = make_speaker(config.speaker.name, **config.speaker.settings)
    evaluation = replace(config.evaluation, methods=(method,), baseline=None, equal_tokens=None)
    config = shared(taught(replace(config, evaluation=evaluation), costs_nothing(speaker)))
    controller = make_controller(method, config.rules, config.information)
    begun = (place / "config.toml").is_file()
    folder = RunFolder.reopen(place, config) if begun else RunFolder.create(config, "transfer", place)
    with folder.owned():
        School(folder, training_scenario(config), speaker, tell).teach(method, controller)
    return controller


def _moved(controller: Controller, config: Config) -> Controller:
    """Return a copy of a controller whose tables play under a variant's rules."""
    moved = copy.deepcopy(controller)
    for table in tables_of(moved):
        if getattr(table, "rules", None) is not None:
            table.rules = config.rules
    return moved


def _unseen(run: RunFolder, playing: Mapping[str, Controller]) -> dict[str, dict[str, int]]:
    """Return how many choices each controller had, and at how many its tables had never met the key."""
    known = {
        name: {key for table in tables_of(one) for key in getattr(table, "rows", ())} for name, one in playing.items()
    }
    told = {name: {"choices": 0, "unseen": 0} for name in playing}
    for episode in run.stream():
        mine = told[episode.method]
        for turn in episode.turns:
            if turn.free:
                mine["choices"] += 1
                mine["unseen"] += bool(known[episode.method]) and turn.key not in known[episode.method]
    return told
