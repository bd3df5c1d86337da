"""`tracer-env train --trees DIR --method cfr_plus`: solve dialogue trees, and say how good the answer is.

Values, gaps and optima are exact on these trees, for the average policies, which are what is saved. The curve holds
some points evenly spaced in the logarithm of the iteration. Methods, credits and starts are those of `solving`.

The saved table is a controller file like any other: ``make_controller`` loads it and plays its average policies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tracer_env.storage.files import write_text
from tracer_env.storage.folders import unwritable
from tracer_env.terminal.progress import Reporter
from tracer_env.trainers.cfr.credit import Credit, credit_table
from tracer_env.trainers.cfr.game import collapsed, key_patterns
from tracer_env.trainers.cfr.held_out import check_apart, divided, judged
from tracer_env.trainers.cfr.optima import Response, clairvoyant_value, gap, joint_optimum
from tracer_env.trainers.cfr.solving import TreeTraining, solve_trees
from tracer_env.trainers.regret.trainer import loglog_slope
from tracer_env.trees.tree import DialogueTrees

__all__ = ["save_controller", "train_on_trees"]


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
    result["held_out"] = None if tests is None else judged(run.policy(), tests, method, run.tell)
    if out is not None:
        told = {key: result[key] for key in ("method", "credit", "iterations", "value", "gap")}
        result["controller"] = save_controller(out, run.controller().state_dict(), told)
    return result


def save_controller(out: Path, table: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    """Write a trained controller and how it was trained; return where. Raises a UserError for a disk that refuses."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, json.dumps({**table, "training": training}, indent=1) + "\n")
    except OSError as error:
        raise unwritable("the controller file", out, error) from error
    return str(out)


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
        "credit_table": credit_table(run.trees, run.policy(), run.tell),
        "average_regret_curve": [list(point) for point in regrets],
        "curve": run.curve,
    }


def _optimum(best: Response) -> dict[str, Any]:
    return {"value": best.value, "bound": best.bound, "exact": best.exact, "how": best.how}
