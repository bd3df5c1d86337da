"""What is worth seeing: how far a controller comes with one information or another, exactly, on tasks it never saw.

    see(trees, informations=["vote+time", "vote+time+confidence"], price=2e-4) -> plain data

For each information the best of a few starts of CFR+ (`best_start`) is solved on some tasks and scored on others: on
trees of their own (``test``), or, where there are none, on the other half of the questions (by the order of their
SHA-256, as `held_out` divides), both ways, so that each task is scored by a policy that never saw it. Buckets are
fitted where the policy is. Beside them stand

    rules        the fixed ones; the most accurate of them is what learning has to beat
    flexible     `logistic` with products on all that is observed; no bound: a table may well do better
    oracle       looks at the gold answer of the pending proposal; the gap is from the best rule to it
    clairvoyant  knows all that will be said: no controller at all is worth more

and for each signal how well it alone tells right proposals from wrong ones (`areas`), over all utterances of the trees,
each counted once however likely it is to be said. Half widths are of 95% intervals over tasks. Nothing is drawn but the
starts; everything hangs on trees, settings and seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.agents.controllers.logistic import Logistic
from tracer_env.agents.controllers.tree_trained import PRICE
from tracer_env.annotations import AtLeastOne
from tracer_env.compositions import MEASURED, PARTS
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.parts.lessons import mark_of
from tracer_env.settings import require
from tracer_env.statistics.expected import scored
from tracer_env.statistics.means import half_width
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trainers.cfr.best_start import best_of_starts
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.held_out import check_apart
from tracer_env.trainers.cfr.logistic import train_logistic
from tracer_env.trainers.cfr.merged import MergedTrees, merge
from tracer_env.trainers.seeing.areas import signal_areas
from tracer_env.trees.keys import fitted_on
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.policy import Policy, clairvoyant
from tracer_env.trees.split import take_tasks
from tracer_env.trees.tree import DialogueTrees

__all__ = ["RULES", "see"]

RULES = ("never", "until_approved", "vote_threshold", "periodic", "always", "majority_voting")
"""The fixed rules that learning has to beat."""

_TIES = 1e-9  # a price of 0 leaves ties to tokens

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Fold:
    """Trees to learn from, trees to be scored on, and where their tasks stand in the result."""

    lessons: DialogueTrees
    tests: DialogueTrees
    places: NDArray[np.intp]


def see(
    trees: DialogueTrees,
    test: DialogueTrees | None = None,
    informations: Sequence[str] | None = None,
    price: float = 0.0,
    iterations: int = 100,
    starts: int = 4,
    seed: int = 0,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Return the study as plain data, one row an information; by default `default_informations`.

    Raises ConfigError for an impossible price or count, a single question, and test trees that share a task.
    """
    require("", AtLeastOne, iterations=iterations, starts=starts)
    require("", PRICE, price=price)
    asked = list(informations or default_informations())
    folds, tell = _folds(trees, test), reporter or NoReporter()
    tell.start("informations", len(asked) + 1)
    scores = _Scores(folds, price)
    rules = [scores.of(name, [name] * len(folds)) for name in RULES]
    oracle = scores.of("oracle", ["oracle"] * len(folds))
    best = max(rules, key=lambda row: (row["accuracy"], -row["tokens_per_task"]))
    rows = []
    for done, information in enumerate(asked, start=1):
        rows.append(_row(information, folds, scores, (iterations, starts, seed)))
        tell.reach(done, information)
    flexible = scores.of("flexible", [_flexible(fold, price, seed) for fold in folds])
    tell.reach(len(asked) + 1)
    for row in (*rows, flexible):
        row["gap_closed"], row["gap_closed_half_width"] = scores.closed(row["name"], best["name"])
    whole = folds[0].tests if test is not None else trees
    return {
        "tasks": sum(len(fold.tests.tasks) for fold in folds),
        "worlds": whole.worlds,
        "speaker": whole.speaker,
        "held_out": "halves of the questions, both ways" if test is None else f"trees of the split {test.split}",
        "trained_on": len(trees.tasks) if test is not None else [len(fold.lessons.tasks) for fold in folds],
        **{"price": float(price), "iterations": iterations, "starts": starts, "seed": seed},
        "informations": rows,
        "flexible": flexible,
        "rules": rules,
        "best_rule": best["name"],
        "oracle": oracle,
        "clairvoyant": scores.of("clairvoyant", [clairvoyant(fold.tests, price) for fold in folds]),
        "signals": signal_areas(whole),
    }


def default_informations() -> list[str]:
    """Return vote and time, each part alone, and each part added to vote and time."""
    beside = [part for part in (*PARTS, *MEASURED) if part not in ("vote", "time")]
    return ["vote+time", "vote", "time", *beside, *(f"vote+time+{part}" for part in beside)]


def _folds(trees: DialogueTrees, test: DialogueTrees | None) -> list[_Fold]:
    if test is not None:
        check_apart(trees, test)
        return [_Fold(trees, test, np.arange(len(test.tasks)))]
    marks = [mark_of(task) for task in trees.tasks]
    order = sorted(set(marks))
    if len(order) < 2:
        raise ConfigError("these trees hold one question, of which nothing can be held out; grow trees of more tasks")
    first = set(order[: (len(order) + 1) // 2])
    sides = [np.flatnonzero([(mark in first) is side for mark in marks]) for side in (True, False)]
    return [_Fold(take_tasks(trees, sides[i]), take_tasks(trees, sides[1 - i]), sides[1 - i]) for i in (0, 1)]


class _Scores:
    """Scores policies on the held-out tasks of all folds together."""

    def __init__(self, folds: Sequence[_Fold], price: float) -> None:
        self.folds, self.price = folds, price
        self._right: dict[str, Array] = {}
        self._tasks = sum(len(fold.places) for fold in folds)

    def of(self, name: str, policies: Sequence[Policy], informations: Sequence[Any] = ()) -> dict[str, Any]:
        """Return a row for one policy a fold, each under its own information where that matters."""
        right, tokens = np.zeros(self._tasks), np.zeros(self._tasks)
        for place, (fold, policy) in enumerate(zip(self.folds, policies, strict=True)):
            told = (informations[place],) if informations else ()
            found = fold.tests.evaluate(policy, *told)
            right[fold.places], tokens[fold.places] = found.by_task("accuracy"), found.by_task("tokens_per_task")
        self._right[name] = right
        return {
            "name": name,
            **scored(right, tokens, self.folds[0].tests.worlds),
            "value": float((right - self.price * tokens).mean()),
        }

    def closed(self, name: str, rule: str) -> tuple[float | None, float | None]:
        """Return the share of the way from a rule to the oracle that a scored policy comes, and its half width.

        Of a ratio of means over tasks, by the delta method; None where there is no way to go.
        """
        gain, way = self._right[name] - self._right[rule], self._right["oracle"] - self._right[rule]
        if not way.mean() > 0.0:
            return None, None
        share = float(gain.mean() / way.mean())
        return share, half_width((gain - share * way) / way.mean())


def _row(information: str, folds: Sequence[_Fold], scores: _Scores, effort: tuple[int, int, int]) -> dict[str, Any]:
    """Solve on each fold's lessons and score on its tests; keys that the lessons never met get P(SPEAK) = 1/2."""
    policies, fitted, states, unseen = [], list[Information](), 0, 0
    for fold in folds:
        tell = fitted_on(fold.lessons, information)
        payoffs = team_payoffs(fold.lessons, max(scores.price, _TIES))
        merged = merge(tree_game(fold.lessons, payoffs, tell))
        speak = best_of_starts(merged, *effort)
        known = dict(zip(merged.names, speak.tolist(), strict=False))
        policies.append({key: known.get(key, 0.5) for key in fold.tests.keys(tell).names})
        fitted.append(tell)
        unseen += sum(key not in known for key in policies[-1])
        states = max(states, _visited(merged, speak))
    row = scores.of(information, policies, fitted)
    return {**row, "states": states, "unseen_states": unseen}


def _visited(merged: MergedTrees, speak: Array) -> int:
    """Return how many keys play comes to."""
    seen = [keys[here > 0.0] for keys, here in zip(merged.keys, merged.reach(speak), strict=False)]
    found = np.unique(np.concatenate(seen))
    return int((found < merged.size).sum())


def _flexible(fold: _Fold, price: float, seed: int) -> Logistic:
    learner = Logistic(price=max(price, _TIES), starts=1, products=True)
    train_logistic(learner, fold.lessons, seed, NoReporter())
    return learner
