"""Controllers that learn from dialogue trees, taught for a comparison: `tree_trained` tables, `logistic`, casts.

    teach(make_controller("cfr_plus:price=2e-4"), trees, seed=0, tell=reporter, name="cfr_plus:price=2e-4")

A controller alone holds all seats, and all of them learn together. In a cast each part learns its own seats, part by
part in the order of their names in the cast: what is settled already (fixed rules, tables that have learned, parts that
had their turn) plays as it does, and seats that still wait play what the learning part plays there.

What comes back is the course of the training, as plain data; values, accuracy and tokens in it are those of the train
trees, good for choosing among starts and for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.logistic import Logistic
from tracer_env.agents.controllers.tree_trained import TreeTrained
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.runs.learning import untrained
from tracer_env.terminal.progress import Reporter
from tracer_env.trainers.cfr.credit import Tree
from tracer_env.trainers.cfr.logistic import train_logistic
from tracer_env.trainers.cfr.solving import TreeTraining, solve_trees
from tracer_env.trainers.regret.trainer import loglog_slope
from tracer_env.trees.policy import speak_probabilities
from tracer_env.trees.tree import DialogueTrees

__all__ = ["teach"]

Chances = Sequence[NDArray[np.float64] | None]


def teach(controller: Controller, trees: DialogueTrees, seed: int, tell: Reporter, name: str) -> dict[str, Any]:
    """Train a controller on trees, in place, and return the course of it; ``name`` is what progress calls it.

    Raises ConfigError for one that does not learn from trees.
    """
    if not isinstance(controller, CastController):
        return _taught(controller, trees, seed, tell, name, ())
    courses: dict[str, dict[str, Any]] = {}
    for seat, part in controller.parts.items():
        if untrained(part):
            courses[seat] = _taught(part, trees, seed, tell, f"{name}: {seat}", _settled(controller, part, trees))
    if len(courses) == 1:
        return next(iter(courses.values()))
    first = next(iter(courses.values()))
    rows = [{**row, "key": f"{seat}: {row['key']}"} for seat, one in courses.items() for row in one["policy_table"]]
    left_out = ("average_regret_curve", "policy_table")
    parts = {seat: {key: one[key] for key in one if key not in left_out} for seat, one in courses.items()}
    return {"average_regret_curve": first["average_regret_curve"], "policy_table": rows, "parts": parts}


def _taught(
    controller: Controller, trees: DialogueTrees, seed: int, tell: Reporter, name: str, fixed: Chances
) -> dict[str, Any]:
    if isinstance(controller, Logistic):
        return train_logistic(controller, trees, seed, tell, f"training {name}", fixed)
    if isinstance(controller, TreeTrained):
        return _table(controller, trees, seed, tell, name, fixed)
    raise ConfigError(f"{name!r} is a {type(controller).__name__}, which does not learn from dialogue trees")


def _settled(cast: CastController, part: Controller, trees: DialogueTrees) -> Chances:
    """Return how the other parts' turns are played, None for turns of the part and of those that still wait."""
    chances: list[NDArray[np.float64] | None] = []
    for depth in range(trees.depth):
        other = cast.part(trees.rules.seats[depth + 2])
        waits = other is part or untrained(other)
        chances.append(None if waits else speak_probabilities(trees, other)[depth])
    return chances


def _table(
    table: TreeTrained, trees: DialogueTrees, seed: int, tell: Reporter, name: str, fixed: Chances
) -> dict[str, Any]:
    run = solve_trees(
        trees,
        table.name,
        table.iterations,
        seed,
        table.information,
        Tree(table.price),
        tell,
        starts=table.starts,
        policy=table.played,
        fixed=fixed,
        gaps=False,
        title=f"training {name}",
    )
    run.fill(table)
    return _course(run, table)


def _course(run: TreeTraining, table: TreeTrained) -> dict[str, Any]:
    regrets = [(int(point["iteration"]), point["average_regret"]) for point in run.curve]
    slope = loglog_slope(regrets, min(100, max(1, table.iterations // 10)))
    return {
        "method": table.name,
        "information": table.information,
        "price": table.price,
        "policy": table.played,
        "starts": table.starts,
        "iterations": table.iterations,
        "values": list(run.tried),
        "value": run.value_as_played,
        "keys": run.merged.size,
        "average_regret": {"first": regrets[0][1], "last": regrets[-1][1], "slope": slope},
        "average_regret_curve": [list(point) for point in regrets],
        "policy_table": run.policy_table(),
    }
