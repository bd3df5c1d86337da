"""The last word on when to speak: tables solved on the trees of the speakers as they are in the end.

A table that learns beside its speakers averages over what they were worth on the way, from a handful of tasks a step.
When the speakers have stopped learning, all dialogues on some tasks are few enough to be grown whole
(`trees.growth`): every choice is then valued exactly, and the tables are solved by counterfactual regret minimisation
(`cfr`, rule ``cfr_plus``), from several starts, since a team may settle where two would have to change their ways at
once; the best end counts. Fixed controllers beside them stay what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.errors import ConfigError
from tracer_env.information import seat_prefix
from tracer_env.interfaces import Controller, Information
from tracer_env.parts.lessons import Lessons
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.solver import TreeSolver, random_start, uniform
from tracer_env.trainers.regret.trainer import tables
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.tree import DialogueTrees

__all__ = ["check_settled", "settle_tables"]

Array = NDArray[np.float64]

ITERATIONS = 300
STARTS = 8


def settle_tables(
    controller: Controller, trees: DialogueTrees, price: float = 0.0, information: str | Information = "vote_and_time"
) -> dict[str, float]:
    """Replace what the tables of ``controller`` have learnt by what is best on ``trees``, a token costing ``price``.

    ``information`` is the key of the tables, with the edges that its buckets were given in training.
    Returns accuracy, tokens and calls a task of the result on the same trees: fitted figures, not held-out ones.
    """
    merged = merge(tree_game(trees, team_payoffs(trees, price), information))
    parts = _parts(controller, trees.rules)
    owners = [parts["/".join(name.split("/")[:2])] for name in merged.names]
    fixed = np.array([not isinstance(owner, RegretMatching) for owner in owners], dtype=bool)
    speaks = np.array([isinstance(owner, Always) for owner in owners], dtype=np.float64)
    solvers = []
    for seed in range(STARTS):
        start = uniform(merged.size) if seed == 0 else random_start(merged.size, seed)
        start[:-1] = np.where(fixed, speaks, start[:-1])
        solvers.append(TreeSolver(merged, "cfr_plus", start=start, fixed=fixed))
        solvers[-1].iterate(ITERATIONS)
    solver = max(solvers, key=lambda one: float(merged.values(_fixed(one.average, fixed, speaks)).mean()))
    for table in {id(owner): owner for owner in owners if isinstance(owner, RegretMatching)}.values():
        table.rows.clear()
        table.lessons |= Lessons.of(trees.tasks, trees.split)
    for place, (name, owner) in enumerate(zip(merged.names, owners, strict=True)):
        if isinstance(owner, RegretMatching):
            spoken, weight = float(solver.strategy[place]), float(solver.weights[place])
            owner.rows[name] = Row(
                regret=solver.rule.regret[:, place].tolist(),
                cumulative_regret=solver.rule.cumulative_regret[:, place].tolist(),
                strategy=[max(weight - spoken, 0.0), spoken],
                visits=weight,
            )
    policy = _fixed(solver.average, fixed, speaks)[:-1]
    found = trees.evaluate(dict(zip(merged.names, policy.tolist(), strict=True)), information)
    return {"accuracy": found.accuracy, "tokens": found.tokens_per_task, "calls": found.calls_per_task}


def check_settled(controller: Controller, rules: Rules) -> None:
    """Raise ConfigError for a controller that cannot be solved: no table that learns here, nor always of one mind."""
    for prefix, part in _parts(controller, rules).items():
        if not isinstance(part, Always | Never) and part not in tables(controller):
            raise ConfigError(
                f"tracer.settle solves tables beside controllers that always or never speak, and {prefix} is {part!r}; "
                "leave out tracer.settle"
            )


def _fixed(speak: Array, fixed: NDArray[np.bool_], speaks: Array) -> Array:
    """Return policies (K + 1,) with those of fixed controllers in their places."""
    policy = speak.copy()
    policy[:-1] = np.where(fixed, speaks, policy[:-1])
    return policy


def _parts(controller: Controller, rules: Rules) -> dict[str, Any]:
    """Return who decides for each agent in each role, by the beginning of its keys."""
    return {
        seat_prefix(seat.agent, seat.role): controller.part(seat)
        if isinstance(controller, CastController)
        else controller
        for seat in rules.seats[1:]
    }
