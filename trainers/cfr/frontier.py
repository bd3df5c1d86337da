"""The cost frontier: accuracy against tokens a task, price by price.

At a price c for each token a policy is worth accuracy - c tokens. For each price the frontier holds

    learned       CFR+ from several starts, learned on one half of the tasks and scored on the other, both ways
    optimum       the best policy over the same keys, fitted to all trees; its ``bound`` is what no controller over
                  these keys is worth more than
    clairvoyant   the best leaf of each tree, chosen knowing all that will be said: no controller at all is worth more

beside fixed baselines, which know no price, and the methods of a comparison on the same tasks (`runs.beside_trees`),
which were played. All but these is exact on the trees; brackets hold 95%
interval (Student's) of the mean over tasks. Prices are told in accuracy a call (the price of a token times the mean
tokens of a call), which reads the same for any speaker.

Merged trees (`merged`) are made once; a price changes what their leaves pay and nothing else, so that a
sweep takes seconds. The table hangs on trees, prices and seed alone, byte by byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from tracer_env.display.tables import number_table, with_interval
from tracer_env.errors import ConfigError
from tracer_env.runs.beside_trees import played_points
from tracer_env.statistics.expected import scored
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trainers.cfr.best_start import best_of_starts
from tracer_env.trainers.cfr.frontier_picture import draw
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import MergedTrees, merge
from tracer_env.trainers.cfr.optima import joint_optimum
from tracer_env.trees.evaluation import Evaluation
from tracer_env.trees.payoffs import path_tokens, team_payoffs
from tracer_env.trees.policy import clairvoyant
from tracer_env.trees.shape import spoken_nodes
from tracer_env.trees.split import halves, take_tasks
from tracer_env.trees.tree import DialogueTrees

__all__ = ["BASELINES", "CALL_PRICES", "frontier", "frontier_command", "frontier_table"]

BASELINES = ("never", "periodic", "until_approved", "vote_threshold", "random", "always", "oracle")

CALL_PRICES = (0.0, *(round(0.01 * 1.25**step, 4) for step in range(23)))
"""The default prices, in accuracy a call: 0, and 23 from 0.01 to 1.36, each a quarter above the last."""

_TIES = 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Merged:
    """Merged trees whose leaves' correctness and tokens are known apart."""

    trees: MergedTrees
    correct: Array  # (1, n_D) times chance
    tokens: Array  # (1, n_D) times chance

    @classmethod
    def of(cls, trees: DialogueTrees, information: str) -> _Merged:
        """Merge once."""
        merged = merge(tree_game(trees, team_payoffs(trees), information))
        share = np.full(trees.rows, 1.0 / trees.rows)
        return cls(merged, merged.payoffs, merged.fold(path_tokens(trees), trees.depth, share)[None])

    def at(self, price: float) -> MergedTrees:
        """Return the merged trees whose leaves are charged for; at price 0 tokens break ties."""
        return replace(self.trees, payoffs=self.correct - max(price, _TIES) * self.tokens)


def frontier(
    trees: DialogueTrees,
    prices: Sequence[float] | None = None,
    information: str = "vote_and_time",
    iterations: int = 100,
    starts: int = 3,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Return the frontier of the trees as plain data; ``prices`` are of a token, by default from `CALL_PRICES`.

    Raises ConfigError for impossible prices, a single task, and dialogues of one turn.
    """
    call = _tokens_per_call(trees)
    charged = sorted({float(price) for price in (prices if prices is not None else [p / call for p in CALL_PRICES])})
    if not charged or not all(0.0 <= price < float("inf") for price in charged):
        raise ConfigError(f"prices must be numbers of at least 0, got {list(prices or ())}")
    folds, tell = _folds(trees, information, seed), reporter or NoReporter()
    whole = _Merged.of(trees, information)
    tell.start("prices", len(charged))
    learned: list[Array | None] = [None] * len(folds)
    points = []
    for done, price in enumerate(charged, start=1):
        answers = [
            best_of_starts(fold.learner.at(price), iterations, starts, seed, begin)
            for fold, begin in zip(folds, learned, strict=True)
        ]
        learned = [*answers]
        best = joint_optimum(whole.at(price), seed=seed)
        found = _point(trees.evaluate(_named(whole.trees, best.speak), information))
        points.append(
            {
                "price": price,
                "price_per_call": price * call,
                "learned": _held_out(folds, answers, information),
                "optimum": {**found, "bound": best.bound, "exact": best.exact},
                "clairvoyant": _point(trees.evaluate(clairvoyant(trees, price))),
            }
        )
        tell.reach(done)
    return {
        "tasks": len(trees.tasks),
        "worlds": trees.worlds,
        "scenario": trees.tasks[0].scenario,
        "speaker": trees.speaker,
        **{"information": information, "iterations": iterations, "starts": starts, "seed": seed},
        "tokens_per_call": call,
        "points": points,
        "baselines": {name: _point(trees.evaluate(name, information)) for name in BASELINES},
    }


@dataclass(frozen=True)
class _Fold:
    """One half to learn on, and the other to be scored on."""

    learner: _Merged
    held: DialogueTrees
    places: NDArray[np.intp]  # of the held tasks


def _folds(trees: DialogueTrees, information: str, seed: int) -> list[_Fold]:
    first, second = halves(trees, seed)
    return [
        _Fold(_Merged.of(take_tasks(trees, learned), information), take_tasks(trees, held), held)
        for learned, held in ((first, second), (second, first))
    ]


def _tokens_per_call(trees: DialogueTrees) -> float:
    """Return the mean tokens of an utterance; raises ConfigError when nothing was counted."""
    calls = trees.rows * sum(int(spoken_nodes(trees.rules, depth).sum()) for depth in range(len(trees.levels)))
    spent = sum(int(level.prompt_tokens.sum()) + int(level.completion_tokens.sum()) for level in trees.levels)
    if not spent:
        raise ConfigError("these trees count no tokens, so there is no cost to weigh; use a speaker that counts them")
    return spent / calls


def _named(merged: MergedTrees, speak: Array) -> dict[str, float]:
    return dict(zip(merged.names, speak.tolist(), strict=False))


def _held_out(folds: Sequence[_Fold], policies: Sequence[Array], information: str) -> dict[str, Any]:
    """Return accuracy and tokens over all tasks, each scored by the policy that never saw it."""
    tasks = sum(len(fold.places) for fold in folds)
    correct, tokens = np.zeros(tasks), np.zeros(tasks)
    for fold, speak in zip(folds, policies, strict=True):
        known = _named(fold.learner.trees, speak)
        policy = {key: known.get(key, 0.5) for key in fold.held.keys(information).names}
        found = fold.held.evaluate(policy, information)
        correct[fold.places], tokens[fold.places] = found.by_task("accuracy"), found.by_task("tokens_per_task")
    return scored(correct, tokens, folds[0].held.worlds)


def _point(found: Evaluation) -> dict[str, Any]:
    return scored(found.by_task("accuracy"), found.by_task("tokens_per_task"), found.worlds)


def frontier_command(
    path: str | Path,
    out: str | Path | None = None,
    reporter: Reporter | None = None,
    beside: str | Path | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Compute the frontier of a folder of trees, draw it to the PNG ``out`` and return the plain data.

    Without ``out`` the picture is ``<folder>.frontier.png`` beside the folder. ``beside``: the folder of a comparison
    whose methods are drawn as well. Raises MissingExtraError without matplotlib, before anything is computed, and what
    `played_points` raises.
    """
    folder = Path(path)
    target = Path(out) if out is not None else folder.resolve().with_name(f"{folder.resolve().name}.frontier.png")
    picture = draw(target)
    trees = DialogueTrees.load(folder)
    played = None if beside is None else played_points(beside, trees.tasks)
    data = frontier(trees, reporter=reporter, **settings)
    data |= {} if played is None else {"played": played}
    picture(data)
    return {"source": str(folder), "picture": str(target), **data}


def frontier_table(data: Mapping[str, Any]) -> Table:
    """Return the frontier as a table for the terminal."""
    title = f"accuracy at tokens a task, on {data['tasks']:,} tasks"
    table = number_table(
        title, (), ("price\na call", "learned, held out\n[95%], at tokens", "optimum\nover keys", "clairvoyant")
    )
    for prices, point in _runs(data["points"]):
        table.add_row(prices, *_cells(point))
    for name, point in data["baselines"].items():
        table.add_row(name, _at(point), "", "")
    played = data.get("played")
    if played is not None:
        on = "" if played["tasks"] == data["tasks"] else f" on {played['tasks']:,} of the tasks"
        table.add_section()
        table.add_row(f"played{on}:", "", "", "")
        for name, point in played["methods"].items():
            table.add_row(name, _at(point), "", "")
    return table


def _at(point: Mapping[str, Any]) -> str:
    return f"{with_interval(point)} at {point['tokens_per_task']:>6,.0f}"


def _runs(points: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the points without repetitions, each with the prices that it is the answer to."""
    runs: list[list[Mapping[str, Any]]] = []
    for point in points:
        if runs and _cells(point) == _cells(runs[-1][-1]):
            runs[-1].append(point)
        else:
            runs.append([point])
    told = []
    for run in runs:
        first, last = (f"{run[at]['price_per_call']:.3f}" for at in (0, -1))
        told.append((first if first == last else f"{first}-{last}", run[-1]))
    return told


def _cells(point: Mapping[str, Any]) -> list[str]:
    learned = point["learned"]
    bounds = (
        f"{bound['accuracy']:.3f} at {bound['tokens_per_task']:>6,.0f}" for bound in map(point.__getitem__, _BOUNDS)
    )
    return [_at(learned), *bounds]


_BOUNDS = ("optimum", "clairvoyant")
