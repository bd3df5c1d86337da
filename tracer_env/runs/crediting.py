"""Credit: what each agent and each role is worth to a method, exactly, on dialogue trees.

`credit` scores all coalitions of a method's players (`trees.forced`), on tasks that nobody was trained on: a method
that has learned nothing yet is trained on one half of the tasks, dealt out by difficulty, and all are judged on the
other; tasks of which a controller's file says that it was taught them are left out. Intervals are 95%, tasks their
units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.parts.casting import make_controller
from tracer_env.parts.lessons import Lessons, mark_of
from tracer_env.registry import OURS, resolve
from tracer_env.runs.kept_controllers import tables_of
from tracer_env.runs.learning import lessons_of, untrained
from tracer_env.statistics.expected import accuracy_interval, value_interval
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trees.forced import PLAYERS, Coalitions, coalitions, shapley
from tracer_env.trees.split import halves, take_tasks
from tracer_env.trees.tree import DialogueTrees

__all__ = ["PAPER", "credit"]

PAPER = {"reviewer": {"accuracy": -0.0660, "tokens": 1201, "calls": 1.98}}
"""TRACER without its reviewer on GSM8K with Qwen2.5-7B, arXiv 2605.28699: an ablation, against the whole method."""


def credit(
    trees: DialogueTrees,
    methods: Sequence[str],
    price: float = 0.0,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Return what ``tracer-env credit --json`` prints: for each method the values of its agents and of its roles.

    Raises ConfigError for a price that is no number of at least 0, a method named twice, one that does not learn from
    trees and has learned nothing, more agents than can be enumerated, and where no task is left to judge on.
    """
    if not 0.0 <= price < float("inf"):
        raise ConfigError(f"the price per token must be a number of at least 0, got {price!r}")
    if not methods or len(set(methods)) < len(methods):
        raise ConfigError(f"--methods takes at least one controller, each once, got {', '.join(methods) or 'none'}")
    made = {name: make_controller(name, trees.rules, None) for name in methods}
    tests, taught = _prepared(trees, made, seed, reporter or NoReporter())
    rows = []
    for name, controller in made.items():
        games = {kind: coalitions(tests, controller, kind) for kind in PLAYERS}
        rows.append({"method": name, **{kind: _told(game, price) for kind, game in games.items()}})
    return {
        "tasks": len(tests.tasks),
        "worlds": tests.worlds,
        "split": tests.split,
        "trained_on": taught,
        "price": price,
        "methods": rows,
        "paper": PAPER,
    }


def _prepared(
    trees: DialogueTrees, made: dict[str, Controller], seed: int, tell: Reporter
) -> tuple[DialogueTrees, int]:
    """Train what has to be, and return the trees to judge on and how many tasks were trained on here."""
    places, due, taught = np.arange(len(trees.tasks)), [name for name in made if untrained(made[name])], 0
    known = Lessons()
    if due:
        lessons, places = halves(trees, seed)
        teaching, taught = take_tasks(trees, lessons), len(lessons)
        known = Lessons.of(teaching.tasks, trees.split)
        teach, _ = resolve("trainer", OURS["teach_on_trees"])
        for name in due:
            if any(getattr(table, "learns_from", "play") != "trees" for table in tables_of(made[name])):
                raise ConfigError(
                    f"{name!r} does not learn from trees; train it first (tracer-env train), and give the file that is "
                    "written"
                )
            teach(made[name], teaching, seed, tell, name)
    for name, controller in made.items():
        if name not in due:
            known |= lessons_of(controller)
    left = [int(place) for place in places if mark_of(trees.tasks[place]) not in known.marks]
    if not left:
        raise ConfigError(
            f"all {len(trees.tasks)} tasks of these trees were trained on; grow trees of other tasks (expand --split "
            "test) to judge on"
        )
    return (trees if len(left) == len(trees.tasks) else take_tasks(trees, left)), taught


def _told(game: Coalitions, price: float) -> dict[str, Any]:
    """Return the values of a game as plain data."""
    values, everybody = game.value(price), len(game.accuracy) - 1
    shares = shapley(values)
    players = []
    for place, name in enumerate(game.players):
        without = game.without(place)
        players.append(
            {
                "player": name,
                "without": _mean(game.accuracy[without] - game.accuracy[everybody]),
                "without_ci": _ends(game.accuracy[without] - game.accuracy[everybody]),
                "without_tokens": _mean(game.tokens[without] - game.tokens[everybody]),
                "alone": _mean(values[1 << place] - values[0]),
                "shapley": _mean(shares[place]),
                "shapley_ci": _ends(shares[place]),
            }
        )
    ends = accuracy_interval(game.accuracy[everybody])
    return {
        "accuracy": _mean(game.accuracy[everybody]),
        "accuracy_ci": None if ends is None else list(ends),
        "tokens_per_task": _mean(game.tokens[everybody]),
        "nobody": {"accuracy": _mean(game.accuracy[0]), "tokens_per_task": _mean(game.tokens[0])},
        "worth": _mean(values[everybody] - values[0]),
        "players": players,
    }


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _ends(values: NDArray[np.float64]) -> list[float] | None:
    """Return both ends, None for a single task."""
    return value_interval(values).tolist() if len(values) > 1 else None
