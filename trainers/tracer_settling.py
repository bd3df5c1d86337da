"""The last word on when to speak: tables solved on the trees of the speakers as they are in the end.

A table that learns beside its speakers averages over what they were worth on the way, from a handful of tasks a step.
When the speakers have stopped learning, all dialogues on some tasks are few enough to be grown whole
(`tree_growth`): every choice is then valued exactly, and the tables are solved by counterfactual regret minimisation
(`cfr`, rule ``cfr_plus``). Fixed controllers beside them stay what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.errors import ConfigError
from tracer_env.information import seat_prefix
from tracer_env.interfaces import Controller
from tracer_env.rules import Rules
from tracer_env.trainers.cfr import TreeSolver, uniform
from tracer_env.trainers.merged_trees import merge
from tracer_env.trainers.tree_game import tree_game
from tracer_env.tree import DialogueTrees
from tracer_env.tree_payoffs import team_payoffs

__all__ = ["check_settled", "settle_tables"]

ITERATIONS = 300


def settle_tables(
    controller: Controller, trees: DialogueTrees, price: float = 0.0, information: str = "vote_and_time"
) -> dict[str, float]:
    """Replace what the tables of ``controller`` have learnt by what is best on ``trees``, a token costing ``price``.

    Returns accuracy, tokens and calls a task of the result on the same trees: fitted figures, not held-out ones.
    """
    merged = merge(tree_game(trees, team_payoffs(trees, price), information))
    parts = _parts(controller, trees.rules)
    owners = [parts["/".join(name.split("/")[:2])] for name in merged.names]
    fixed = np.array([not isinstance(owner, RegretMatching) for owner in owners], dtype=bool)
    start = uniform(merged.size)
    start[:-1][fixed] = [float(isinstance(owner, Always)) for owner in owners if not isinstance(owner, RegretMatching)]
    solver = TreeSolver(merged, "cfr_plus", start=start, fixed=fixed)
    solver.iterate(ITERATIONS)
    for table in {id(owner): owner for owner in owners if isinstance(owner, RegretMatching)}.values():
        table.rows.clear()
    for place, (name, owner) in enumerate(zip(merged.names, owners, strict=True)):
        if isinstance(owner, RegretMatching):
            spoken, weight = float(solver.strategy[place]), float(solver.weights[place])
            owner.rows[name] = Row(
                regret=solver.rule.regret[:, place].tolist(),
                cumulative_regret=solver.rule.cumulative_regret[:, place].tolist(),
                strategy=[max(weight - spoken, 0.0), spoken],
                visits=weight,
            )
    found = trees.evaluate(dict(zip(merged.names, solver.average.tolist(), strict=False)), information)
    return {"accuracy": found.accuracy, "tokens": found.tokens_per_task, "calls": found.calls_per_task}


def check_settled(controller: Controller, rules: Rules) -> None:
    """Raise ConfigError for a controller that cannot be solved: one that is neither a table nor always of one mind."""
    for prefix, part in _parts(controller, rules).items():
        if not isinstance(part, RegretMatching | Always | Never):
            raise ConfigError(
                f"tracer.settle solves tables beside controllers that always or never speak, and {prefix} is {part!r}; "
                "leave out tracer.settle"
            )


def _parts(controller: Controller, rules: Rules) -> dict[str, Any]:
    """Return who decides for each agent in each role, by the beginning of its keys."""
    return {
        seat_prefix(seat.agent, seat.role): controller.part(seat)
        if isinstance(controller, CastController)
        else controller
        for seat in rules.seats[1:]
    }
