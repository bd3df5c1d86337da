"""The transfer gap: what a controller loses by learning on a simulation of the speaker instead of on the speaker.

    split the tasks of recorded trees in two halves
    calibrate the simulated speaker on one half
    train each method on the half's own trees, and on trees of the calibrated speaker for the same tasks
    score both exactly on the other half, beside fixed baselines and the other half's own optimum
    swap the halves, and take the mean over all tasks

The gap of a method is the accuracy of its table trained on the trees less that of its table trained on the
simulation, on the same held-out trees, paired by task. What ± tells is half of a 95% interval (Student's) of a mean
over tasks. Learning on the simulation can be the better choice: it gives as many worlds as one likes, where the
trees have few.

The optimum is fitted to the very trees it is scored on; no controller over the same keys does better there. Keys
that training never met get P(SPEAK) = 1/2, as an untrained row has it, and are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group

from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.display.tables import number_table, with_interval
from tracer_env.errors import ConfigError
from tracer_env.statistics.expected import scored
from tracer_env.statistics.means import half_width
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trainers.calibration.calibrate import calibrate
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.optima import joint_optimum
from tracer_env.trainers.cfr.solving import solve_trees
from tracer_env.trees.evaluation import Policy
from tracer_env.trees.growth import expand
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.split import halves, take_tasks
from tracer_env.trees.tree import DialogueTrees

__all__ = ["BASELINES", "METHODS", "transfer_gap", "transfer_table"]

METHODS = ("regret_matching", "cfr_plus")
BASELINES = ("never", "always", "until_approved", "vote_threshold", "oracle")
_SIMULATED, _RECORDED = "simulation", "trees"


@dataclass
class _Score:
    """Accuracy and tokens of each task, (n,), filled half by half; updated in place."""

    accuracy: NDArray[np.float64]
    tokens: NDArray[np.float64]
    unseen: int = 0  # keys of the held-out trees that training never met


def transfer_gap(
    trees: DialogueTrees,
    worlds: int = 8,
    iterations: int = 300,
    starts: int = 4,
    seed: int = 0,
    information: str = "vote_and_time",
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Return accuracies on held-out trees, and what learning on the calibrated simulation loses.

    ``worlds`` are those of the simulation. Raises ConfigError for fewer than four tasks and for dialogues of one turn.
    """
    if len(trees.tasks) < 4 or trees.depth < 1:
        raise ConfigError(
            f"the transfer gap needs at least 4 tasks and 2 turns, got {len(trees.tasks)} and {trees.rules.max_turns}"
        )
    parts, tell, done = halves(trees, seed), reporter or NoReporter(), 0
    scores: dict[tuple[str, str], _Score] = {}
    tell.start("transfer", 2 * (2 * len(METHODS) + 1))
    for learned, held in (parts, parts[::-1]):
        own, other = take_tasks(trees, learned), take_tasks(trees, held)
        speaker = SimulatedSpeaker(calibrate(own).simulation)
        grown = expand(own.tasks, speaker, own.rules, seed, worlds, texts=False)
        for source, lessons in ((_RECORDED, own), (_SIMULATED, grown)):
            for method in METHODS:
                several = 1 if method == "regret_matching" else starts
                run = solve_trees(lessons, method, iterations, seed, information, starts=several)
                _score(scores, (method, source), other, run.policy(), information, held, len(trees.tasks))
                done += 1
                tell.reach(done, f"{method} on the {source}")
        for name in BASELINES:
            _score(scores, (name, ""), other, name, information, held, len(trees.tasks))
        best = merge(tree_game(other, team_payoffs(other), information))
        policy = dict(zip(best.names, joint_optimum(best, seed=seed).speak.tolist(), strict=False))
        _score(scores, ("optimum", "held-out trees"), other, policy, information, held, len(trees.tasks))
        done += 1
        tell.reach(done)
    return _report(trees, scores, worlds, iterations, starts, seed, information)


def _score(
    scores: dict[tuple[str, str], _Score],
    name: tuple[str, str],
    trees: DialogueTrees,
    policy: Policy,
    information: str,
    places: NDArray[np.intp],
    tasks: int,
) -> None:
    """Evaluate a policy on one half and note it at the half's places."""
    score = scores.setdefault(name, _Score(np.zeros(tasks), np.zeros(tasks)))
    if isinstance(policy, dict):
        keys = trees.keys(information).names
        score.unseen += sum(key not in policy for key in keys)
        policy = {key: policy.get(key, 0.5) for key in keys}
    found = trees.evaluate(policy, information)
    score.accuracy[places] = found.by_task("accuracy")
    score.tokens[places] = found.by_task("tokens_per_task")


def _report(
    trees: DialogueTrees,
    scores: Mapping[tuple[str, str], _Score],
    worlds: int,
    iterations: int,
    starts: int,
    seed: int,
    information: str,
) -> dict[str, Any]:
    rows = [
        {
            "controller": name,
            "trained_on": source or None,
            **scored(score.accuracy, score.tokens, trees.worlds),
            "unseen_keys": score.unseen,
        }
        for (name, source), score in scores.items()
    ]
    gaps = []
    for method in METHODS:
        lost = scores[method, _RECORDED].accuracy - scores[method, _SIMULATED].accuracy
        gaps.append({"method": method, "gap": float(lost.mean()), "half_width": half_width(lost)})
    return {
        "tasks": len(trees.tasks),
        "worlds": trees.worlds,
        "speaker": trees.speaker,
        "simulated_worlds": worlds,
        "iterations": iterations,
        "starts": starts,
        "seed": seed,
        "information": information,
        "rows": rows,
        "gaps": gaps,
    }


def transfer_table(data: Mapping[str, Any]) -> Group:
    """Return what `transfer_gap` found as a table for the terminal, best accuracy first."""
    gaps = "; ".join(f"{gap['method']} {100 * gap['gap']:+.1f} ± {100 * gap['half_width']:.1f}" for gap in data["gaps"])
    title = f"held-out accuracy on {data['tasks']:,} recorded tasks"
    table = number_table(title, ("controller", "trained on"), ("accuracy [95%]", "tokens/task"))
    for row in sorted(data["rows"], key=lambda row: -row["accuracy"]):
        tokens = f"{row['tokens_per_task']:,.0f}"
        table.add_row(row["controller"], row["trained_on"] or "", with_interval(row), tokens)
    return Group(table, f"gap in points (± 95%): {gaps}")
