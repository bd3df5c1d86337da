"""`tracer-env train --trees DIR --method cfr_plus`: solve dialogue trees, and say how good the answer is.

A method is a regret rule with the sweeps it runs on; the credit says what choices are worth:

    cfr, cfr_plus, dcfr, predictive_rm_plus, hedge    merged trees, exact
    external_mccfr, outcome_mccfr                     drawn trees or paths, regret matching
    regret_matching, regret_matching_plus             the paper's one-step values unless another credit is asked for

``reduction`` says what the sweeps run over: ``merged`` nodes (`merged_trees`), ``identical`` trees kept once, or
``none``: all trees, in time linear in their number. The answers are the same up to rounding.

Values, gaps and optima are exact on these trees, for the average policies, which are what is saved. The curve holds
some points evenly spaced in the logarithm of the iteration. With ``starts`` above 1 the first start is the uniform
policy and the others are drawn; the one whose average policy has the highest value is kept, and all are counted in
the time. `tree_optima` and `cfr` say what a gap of zero does and does not promise.

The saved table is a controller file like any other: ``make_controller`` loads it and plays its average policies (its
current ones are those of regret matching on the same regrets, which `hedge` and `predictive_rm_plus` do not play).
Where trees or paths are drawn, the regret that is printed is the sum of the estimates.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers import regret_matching
from tracer_env.agents.controllers.regret_matching import Row
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.files import write_text
from tracer_env.folders import unwritable
from tracer_env.lessons import Lessons
from tracer_env.progress import NoReporter, Reporter
from tracer_env.trainers.cfr import TreeSolver, random_start
from tracer_env.trainers.controller_trainer import loglog_slope
from tracer_env.trainers.dense_sweeps import DenseSweeps, Sweeps
from tracer_env.trainers.held_out import check_apart, divided, judged
from tracer_env.trainers.mccfr import ExternalSampling, OutcomeSampling
from tracer_env.trainers.merged_trees import MergedTrees, merge
from tracer_env.trainers.regret_updates import RULES
from tracer_env.trainers.tree_credit import Credit, OneStep, Tree, credit_named, credit_table, exact_advantages
from tracer_env.trainers.tree_game import TreeGame, collapsed, key_patterns, tree_game
from tracer_env.trainers.tree_optima import Response, clairvoyant_value, gap, joint_optimum
from tracer_env.tree import DialogueTrees

__all__ = ["METHODS", "REDUCTIONS", "TreeTraining", "solve_trees", "train_on_trees"]

Array = NDArray[np.float64]

METHODS = (*RULES, "external_mccfr", "outcome_mccfr", "regret_matching", "regret_matching_plus")
"""What ``--method`` takes with ``--trees``."""

REDUCTIONS = ("merged", "identical", "none")

_POINTS = 24


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
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)

    @property
    def value(self) -> float:
        """The mean agent's exact value of the average policies."""
        return float(self.merged.values(self.solver.average).mean())

    def average_regret(self) -> float:
        """Return the summed regrets of all keys, per iteration or per visit as the credit has it."""
        if self.credit.regret_per == "iteration":
            return self.solver.average_regret()
        visits = float(self.solver.visits.sum())
        return float(self.solver.regrets().sum()) / visits if visits else 0.0

    def policy(self) -> dict[str, float]:
        """Return P(SPEAK) on average for each key."""
        return dict(zip(self.merged.names, self.solver.average.tolist(), strict=False))

    def note(self) -> None:
        """Add a point to the curve."""
        speak = self.solver.average
        self.curve.append(
            {
                "iteration": self.solver.iteration,
                "value": float(self.merged.values(speak).mean()),
                "gap": gap(self.merged, speak).total,
                "average_regret": self.average_regret(),
            }
        )

    def controller(self) -> regret_matching.RegretMatching:
        """Return the tables as a controller, whose average policy is the solver's."""
        floored = self.method in ("cfr_plus", "predictive_rm_plus", "regret_matching_plus")
        made = (regret_matching.RegretMatchingPlus if floored else regret_matching.RegretMatching)(
            self.information, self.trees.rules
        )
        made.lessons = Lessons.of(self.trees.tasks, self.trees.split)
        solver, rule = self.solver, self.solver.rule
        for place, key in enumerate(self.merged.names):
            spoken, weight = float(solver.strategy[place]), float(solver.weights[place])
            made.rows[key] = Row(
                regret=rule.regret[:, place].tolist(),
                cumulative_regret=rule.cumulative_regret[:, place].tolist(),
                strategy=[max(weight - spoken, 0.0), spoken],
                visits=weight,
            )
        return made

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


def train_on_trees(
    trees: DialogueTrees,
    method: str = "cfr_plus",
    iterations: int = 1000,
    seed: int = 0,
    information: str = "vote_and_time",
    credit: str | Credit | None = None,
    reporter: Reporter | None = None,
    *,
    starts: int = 1,
    batch: int = 64,
    reduction: str = "merged",
    out: Path | None = None,
    held_out: DialogueTrees | None = None,
) -> dict[str, Any]:
    """Solve the trees and return what ``train --trees --json`` prints; save the table to the file ``out`` if given.

    What may be reported is under ``held_out``: figures on trees of other tasks, those given or, unless the trees are of
    the train split, a part of them that is not trained on (`held_out.divided`). All else is of the trees trained on.
    Raises ConfigError or UnknownNameError for what cannot work, before anything is solved.
    """
    lessons, tests = divided(trees) if held_out is None else (trees, held_out)
    if tests is not None:
        check_apart(lessons, tests)
    run = solve_trees(
        lessons,
        method,
        iterations,
        seed,
        information,
        credit,
        reporter,
        starts=starts,
        batch=batch,
        reduction=reduction,
    )
    result = _report(run, seed, starts, reduction)
    result["trained_on"] = {"split": lessons.split, "tasks": len(lessons.tasks)}
    result["held_out"] = None if tests is None else judged(run.policy(), tests, method, information)
    if out is not None:
        table = run.controller().state_dict()
        saved = {**table, "training": {key: result[key] for key in ("method", "credit", "iterations", "value", "gap")}}
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_text(out, json.dumps(saved, indent=1) + "\n")
        except OSError as error:
            raise unwritable("the controller file", out, error) from error
        result["controller"] = str(out)
    return result


def solve_trees(
    trees: DialogueTrees,
    method: str = "cfr_plus",
    iterations: int = 1000,
    seed: int = 0,
    information: str = "vote_and_time",
    credit: str | Credit | None = None,
    reporter: Reporter | None = None,
    *,
    starts: int = 1,
    batch: int = 64,
    reduction: str = "merged",
) -> TreeTraining:
    """Solve the trees and return the run, the best of ``starts`` by exact value."""
    if method not in METHODS:
        raise UnknownNameError("method on trees", method, METHODS)
    for name, number in (("iterations", iterations), ("starts", starts), ("batch", batch), ("seed", seed)):
        least = 0 if name == "seed" else 1
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ConfigError(f"{name} must be a whole number of at least {least}, got {number!r}")
    if reduction not in REDUCTIONS:
        raise UnknownNameError("reduction", reduction, REDUCTIONS)
    paper = method.startswith("regret_matching")
    chosen = credit_named(credit) if credit is not None else OneStep() if paper else Tree()
    if method.endswith("mccfr") and chosen.regret_per == "visit":
        raise ConfigError(f"{method} draws paths to estimate exact values; credit {chosen.name!r} has none")
    rule = {"regret_matching": "cfr", "regret_matching_plus": "cfr_plus"}.get(method, method)
    if reduction != "merged" and (chosen.regret_per == "visit" or method.endswith("mccfr")):
        raise ConfigError(f"reduction {reduction!r} goes with exact sweeps of tree credit, not with {method}")
    game = tree_game(trees, chosen.payoffs(trees), information)
    merged = merge(game)
    make = _sweeps(method, trees, chosen, game, merged, batch, reduction)
    tell, points = reporter or NoReporter(), _checkpoints(iterations)
    tell.start(f"solving by {method}", iterations * starts)
    runs = []
    for start in range(starts):
        begin = random_start(merged.size, seed + start) if start else None
        solver = TreeSolver(make(seed + start), rule if rule in RULES else "cfr", updates=chosen.updates, start=begin)
        run = TreeTraining(trees, method, chosen, information, game, merged, solver)
        for point in points:
            began = time.perf_counter()
            solver.iterate(point - solver.iteration)
            run.seconds += time.perf_counter() - began
            run.note()
            tell.reach(start * iterations + point, f"value {run.curve[-1]['value']:.4f}")
        runs.append(run)
    best = max(runs, key=lambda run: run.value)
    best.seconds = sum(run.seconds for run in runs)
    return best


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


def _report(run: TreeTraining, seed: int, starts: int, reduction: str) -> dict[str, Any]:
    speak, merged = run.solver.average, run.merged
    values, found, best = merged.values(speak), gap(merged, speak), joint_optimum(merged)
    iterations = run.solver.iteration
    regrets = [(int(point["iteration"]), point["average_regret"]) for point in run.curve]
    return {
        "method": run.method,
        "credit": run.credit.name,
        "information": run.information,
        "seed": seed,
        "starts": starts,
        "iterations": iterations,
        "seconds": run.seconds,
        "iterations_per_second": iterations * starts / run.seconds if run.seconds else None,
        "value": float(values.mean()),
        "values": [float(value) for value in np.broadcast_to(values, (len(merged.agents),))],
        "current_value": float(merged.values(run.solver.speak).mean()),
        "gap": found.total,
        "gap_exact": found.exact,
        "gap_bound": found.bound,
        "gains": list(found.gains),
        "optimum": _optimum(best),
        "clairvoyant": clairvoyant_value(run.game),
        "average_regret": {
            "first": regrets[0][1],
            "last": regrets[-1][1],
            "slope": loglog_slope(regrets, min(100, max(1, iterations // 10))),
            "per": run.credit.regret_per,
        },
        "trees": run.trees.rows,
        "nodes": run.trees.nodes,
        "distinct_trees": collapsed(run.game).rows,
        "key_patterns": key_patterns(run.game),
        "merged_nodes": merged.nodes,
        "reduction": "none" if run.method.endswith("mccfr") else reduction,
        "information_states": merged.size,
        "policy_table": run.policy_table(),
        "credit_table": credit_table(run.trees, run.policy(), run.information),
        "average_regret_curve": [list(point) for point in regrets],
        "curve": run.curve,
    }


def _optimum(best: Response) -> dict[str, Any]:
    return {"value": best.value, "bound": best.bound, "exact": best.exact, "how": best.how}
