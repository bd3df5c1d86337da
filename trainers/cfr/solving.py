"""Solving dialogue trees from names: a method, a credit, an information, the best of several starts.

A method is a regret rule with the sweeps it runs on; the credit says what choices are worth:

    cfr, cfr_plus, dcfr, predictive_rm_plus, hedge    merged trees, exact
    external_mccfr, outcome_mccfr                     drawn trees or paths, regret matching
    regret_matching, regret_matching_plus             the paper's one-step values unless another credit is asked for

``reduction`` says what the sweeps run over: ``merged`` nodes (`merged`), ``identical`` trees kept once, or
``none``: all trees, in time linear in their number. The answers are the same up to rounding.

With ``starts`` above 1 the first start is the uniform policy and the others are drawn; the one whose policy has the
highest value on these trees, the credit's price of tokens taken off, is kept, and all are counted in the time. The
policy is the average one, or with ``policy="greedy"`` its likelier action at each key (a tie is SKIP). `optima`
and `cfr` say what a gap of zero does and does not promise.

The table that comes out is a controller like any other. Its average policies are the solver's; its current ones are
those of regret matching on the same regrets, which `hedge` and `predictive_rm_plus` do not play. Where trees or paths
are drawn, the regret that is printed is the sum of the estimates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.regret_matching import POLICIES, RegretMatching, RegretMatchingPlus, Row
from tracer_env.agents.controllers.tree_trained import CFR, DCFR, CFRPlus, Hedge, PredictivePlus
from tracer_env.annotations import AtLeastOne, AtLeastZero
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Information
from tracer_env.parts.lessons import Lessons
from tracer_env.settings import require
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trainers.cfr.credit import Credit, OneStep, Tree, credit_named, exact_advantages
from tracer_env.trainers.cfr.game import TreeGame, collapsed, tree_game, with_fixed
from tracer_env.trainers.cfr.mccfr import ExternalSampling, OutcomeSampling
from tracer_env.trainers.cfr.merged import MergedTrees, merge
from tracer_env.trainers.cfr.optima import gap
from tracer_env.trainers.cfr.solver import TreeSolver, random_start, uniform
from tracer_env.trainers.cfr.sweeps import DenseSweeps, Sweeps
from tracer_env.trainers.cfr.updates import RULES
from tracer_env.trees.keys import fitted_on
from tracer_env.trees.tree import DialogueTrees

__all__ = ["METHODS", "REDUCTIONS", "TreeTraining", "solve_trees"]

Array = NDArray[np.float64]

METHODS = (*RULES, "external_mccfr", "outcome_mccfr", "regret_matching", "regret_matching_plus")
"""What ``--method`` takes with ``--trees``."""

REDUCTIONS = ("merged", "identical", "none")

_POINTS = 24

_TABLES: dict[str, type[RegretMatching]] = {
    **{table.name: table for table in (CFRPlus, CFR, DCFR, PredictivePlus, Hedge)},
    "regret_matching_plus": RegretMatchingPlus,
}


@dataclass
class TreeTraining:
    """One solved set of trees; the solver holds the tables."""

    trees: DialogueTrees
    method: str
    credit: Credit
    information: str
    game: TreeGame
    merged: MergedTrees
    solver: TreeSolver
    played: str = "average"
    tell: Information = vote_and_time
    """The key, its buckets fitted on these trees."""
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    tried: tuple[float, ...] = ()

    @property
    def value(self) -> float:
        """The mean agent's exact value of the average policies."""
        return float(self.merged.values(self.solver.average).mean())

    @property
    def value_as_played(self) -> float:
        """The same of the policies that the table will be played by."""
        speak = self.solver.average
        return (
            self.value
            if self.played == "average"
            else float(self.merged.values(np.where(speak > 0.5, 1.0, 0.0)).mean())
        )

    def average_regret(self) -> float:
        """Return the summed regrets of all keys, per iteration or per visit as the credit has it."""
        if self.credit.regret_per == "iteration":
            return self.solver.average_regret()
        visits = float(self.solver.visits.sum())
        return float(self.solver.regrets().sum()) / visits if visits else 0.0

    def policy(self) -> dict[str, float]:
        """Return P(SPEAK) on average for each key."""
        return dict(zip(self.merged.names, self.solver.average.tolist(), strict=False))

    def note(self, gaps: bool = True) -> None:
        """Add a point to the curve, with or without what agents could gain alone."""
        speak = self.solver.average
        self.curve.append(
            {
                "iteration": self.solver.iteration,
                "value": float(self.merged.values(speak).mean()),
                **({"gap": gap(self.merged, speak).total} if gaps else {}),
                "average_regret": self.average_regret(),
            }
        )

    def controller(self) -> RegretMatching:
        """Return the tables as a controller, whose average policy is the solver's."""
        made = _TABLES.get(self.method, RegretMatching)(self.information, self.trees.rules, self.played)
        self.fill(made)
        return made

    def fill(self, made: RegretMatching) -> None:
        """Write what was learned into a table, its rules and lessons with it; settled turns are left out."""
        made.rules = self.trees.rules
        made.read_by(self.tell, self.information)
        made.lessons = Lessons.of(self.trees.tasks, self.trees.split)
        solver, rule = self.solver, self.solver.rule
        for place, key in enumerate(self.merged.names):
            if solver.fixed[place]:
                continue
            spoken, weight = float(solver.strategy[place]), float(solver.weights[place])
            made.rows[key] = Row(
                regret=rule.regret[:, place].tolist(),
                cumulative_regret=rule.cumulative_regret[:, place].tolist(),
                strategy=[max(weight - spoken, 0.0), spoken],
                visits=weight,
            )

    def policy_table(self) -> list[dict[str, Any]]:
        """Return one entry a key: visits a dialogue, P(SPEAK) on average and now, advantage, average regret."""
        solver, speak = self.solver, self.solver.average
        advantage, reach = exact_advantages(self.merged, speak)
        regrets = solver.regrets() / max(solver.iteration, 1)
        return [
            {
                "key": key,
                "visits": float(solver.visits[place]),
                "reach": float(reach[place]),
                "speak_average": float(speak[place]),
                "speak_current": float(solver.speak[place]),
                "advantage": float(advantage[place] / reach[place]) if reach[place] > 0.0 else None,
                "average_regret": float(regrets[place]),
            }
            for place, key in enumerate(self.merged.names)
        ]


def solve_trees(
    trees: DialogueTrees,
    method: str = "cfr_plus",
    iterations: int = 1000,
    seed: int = 0,
    information: str | Information = "vote_and_time",
    credit: str | Credit | None = None,
    reporter: Reporter | None = None,
    *,
    starts: int = 1,
    batch: int = 64,
    reduction: str = "merged",
    policy: str = "average",
    fixed: Sequence[Array | None] = (),
    gaps: bool = True,
    title: str | None = None,
) -> TreeTraining:
    """Solve the trees and return the run, the best of ``starts`` by exact value.

    ``fixed`` settles how some turns are played (`game.with_fixed`); ``gaps=False`` leaves out of the curve what
    agents could gain alone, which with many keys takes longer than the solving; ``title`` is for the reporter.
    """
    _check_names(method, reduction, policy)
    require("", AtLeastOne, iterations=iterations, starts=starts, batch=batch)
    require("", AtLeastZero, seed=seed)
    paper = method.startswith("regret_matching")
    chosen = credit_named(credit) if credit is not None else OneStep() if paper else Tree()
    if method.endswith("mccfr") and chosen.regret_per == "visit":
        raise ConfigError(f"{method} draws paths to estimate exact values; credit {chosen.name!r} has none")
    rule = {"regret_matching": "cfr", "regret_matching_plus": "cfr_plus"}.get(method, method)
    if reduction != "merged" and (chosen.regret_per == "visit" or method.endswith("mccfr")):
        raise ConfigError(f"reduction {reduction!r} goes with exact sweeps of tree credit, not with {method}")
    tell = fitted_on(trees, information)
    name = information if isinstance(information, str) else str(getattr(tell, "name", repr(tell)))
    game, settled = with_fixed(tree_game(trees, chosen.payoffs(trees), tell), fixed)
    merged = merge(game)
    make = _sweeps(method, trees, chosen, game, merged, batch, reduction)
    shown, points = reporter or NoReporter(), _checkpoints(iterations)
    shown.start(title or f"solving by {method}", iterations * starts)
    runs = []
    for start in range(starts):
        begin = random_start(merged.size, seed + start) if start else uniform(merged.size)
        begin[:-1] = np.where(np.isnan(settled), begin[:-1], settled)
        named = rule if rule in RULES else "cfr"
        solver = TreeSolver(make(seed + start), named, chosen.updates, begin, fixed=~np.isnan(settled))
        run = TreeTraining(trees, method, chosen, name, game, merged, solver, policy, tell)
        for point in points:
            began = time.perf_counter()
            solver.iterate(point - solver.iteration)
            run.seconds += time.perf_counter() - began
            run.note(gaps)
            shown.reach(start * iterations + point, f"value {run.curve[-1]['value']:.4f}")
        runs.append(run)
    best = max(runs, key=lambda run: run.value_as_played)
    best.tried = tuple(run.value_as_played for run in runs)
    best.seconds = sum(run.seconds for run in runs)
    return best


def _check_names(method: str, reduction: str, policy: str) -> None:
    known = (("method on trees", method, METHODS), ("reduction", reduction, REDUCTIONS), ("policy", policy, POLICIES))
    for what, name, names in known:
        if name not in names:
            raise UnknownNameError(what, name, names)


def _sweeps(
    method: str,
    trees: DialogueTrees,
    credit: Credit,
    game: TreeGame,
    merged: MergedTrees,
    batch: int,
    reduction: str,
) -> Callable[[int], Sweeps]:
    if method == "external_mccfr":
        return lambda seed: ExternalSampling(game, batch, seed)
    if method == "outcome_mccfr":
        return lambda seed: OutcomeSampling(game, batch, seed)
    made = credit.sweeps(trees, merged)
    if reduction != "merged":
        made = DenseSweeps(collapsed(game) if reduction == "identical" else game)
    return lambda seed: made


def _checkpoints(iterations: int) -> list[int]:
    """Return at most `_POINTS` iteration numbers, evenly spaced in the logarithm, the last one included."""
    return sorted({round(float(point)) for point in np.geomspace(1, iterations, min(_POINTS, iterations))})
