"""Metrics: what a method's episodes come to. Pure functions over transcripts of one method.

`Tally` takes episodes one at a time, in any order, and gives the rows of all methods with paired differences
against a baseline, and the finer tables (`behaviour`). It keeps some sixty bytes an episode, so a run of any length
is one pass over its file; `summarise` and `compare_rows` are the same for episodes at hand. All means are over
episodes; tokens are prompt and completion together; a call is an utterance that was said. A rate without a case is
None, never 0 and never NaN.

How a ``timeout`` grade (the checker ran out of time, so nobody knows) enters:

- accuracy, accuracy by turn and the paired difference: as not correct;
- correction, corruption, preservation: a pair with a timeout at either end is left out;
- the reviewer's rates: a review of such a proposal is left out, and counted as ``unknown``;
- unparsable rate: in the denominator; timeout rate: what it counts; ``grades``: a class of its own.

An episode that failed (a part raised, or returned what it must not, under ``--on-error skip``) enters nothing but
``failed`` and ``accuracy_with_failed``, which counts it as wrong; pairs are those that both methods have.

Everywhere else "wrong" means wrong or unparsable. Tasks are the units of all intervals and tests (`statistics`): worlds
of a task are alike, and more of them are no more tasks. The order of the episodes changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.statistics.holm import holm
from tracer_env.statistics.means import mean_interval
from tracer_env.statistics.method_columns import Column, by_task, ends, of_both, pairs
from tracer_env.statistics.method_rows import KINDS, Duel, Row
from tracer_env.statistics.paired import difference_interval, sign_flip_p
from tracer_env.statistics.seeds import less_sure

__all__ = ["KINDS", "Duel", "Row", "Tally", "compare_rows", "summarise"]


def summarise(transcripts: Iterable[Transcript]) -> Row:
    """Return the row of one method.

    Raises DataError without episodes, or when methods or scenarios are mixed.
    """
    tally = Tally()
    for transcript in transcripts:
        tally.add(transcript, "")
    if not tally.methods:
        raise DataError("a row summarises the episodes of one method on one scenario, got no episodes")
    return tally.rows(None)[0]


def compare_rows(by_method: Mapping[str, Iterable[Transcript]], baseline: str) -> list[Row]:
    """Return a row for each method, in order, paired with ``baseline``; see `Tally.rows`."""
    tally = Tally()
    for name, transcripts in by_method.items():
        for transcript in transcripts:
            tally.add(transcript, name)
    return tally.rows(baseline)


class Tally:
    """All that rows and finer tables need of the episodes that `add` was given."""

    def __init__(self, transcripts: Iterable[Transcript] = ()) -> None:
        self._tasks: dict[str, int] = {}
        self._methods: dict[str, Column] = {}
        for transcript in transcripts:
            self.add(transcript)

    @property
    def methods(self) -> list[str]:
        """The methods that were seen, in order of first appearance."""
        return list(self._methods)

    def add(self, transcript: Transcript, name: str | None = None, seed: int = 0) -> None:
        """Count one more episode, under its method or a ``name``, and the number of its seed among a run's.

        Raises DataError when its scenario is another.
        """
        key = transcript.method if name is None else name
        method = self._methods.get(key)
        if method is None:
            method = self._methods[key] = Column(transcript.method, transcript.task.scenario)
        method.add(transcript, self._tasks.setdefault(transcript.task.id, len(self._tasks)), seed)

    def details(self) -> dict[str, dict[str, Any]]:
        """Return the finer tables of each method that has an episode without failure, as JSON-ready data."""
        return {
            name: {**method.behaviour.to_data(), "by_turn": method.turns.to_data()}
            for name, method in self._methods.items()
            if method.calls
        }

    def duel(self, name: str, against: str) -> Duel | None:
        """Return how a method fares against another; None without a pair that both have."""
        found = _duel(self._methods[name], self._methods[against], self._order())
        return None if found is None else found[0]

    def _order(self) -> NDArray[np.int64]:
        """Return the place of each task in the order of ids: what intervals come to must not hang on who came first."""
        names = list(self._tasks)
        order = np.empty(len(names), dtype=np.int64)
        order[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        return order

    def rows(self, baseline: str | None) -> list[Row]:
        """Return a row for each method, paired with ``baseline`` (None: with nothing) on (task id, world, seed).

        Where the episodes differ the pairs are those that both have, and ``paired_episodes`` says how many.
        Raises ConfigError for an unknown baseline, DataError where a method has a task and world twice.
        """
        if baseline is not None and baseline not in self._methods:
            raise ConfigError(
                f"the baseline {baseline!r} is not among the methods{did_you_mean(baseline, self._methods)}"
            )
        names, order = list(self._tasks), self._order()
        if baseline is not None:
            for method in self._methods.values():
                method.check_pairs(names)
        rows = []
        for name, method in self._methods.items():
            row = method.row(order)
            alone = baseline is None or name == baseline
            rows.append(row if alone else _paired(row, method, self._methods[str(baseline)], order))
        told = [row.p_value for row in rows if row.p_value is not None]
        raised = iter(holm(told).tolist())
        return [row if row.p_value is None else replace(row, p_holm=next(raised)) for row in rows]


def _duel(mine: Column, theirs: Column, order: NDArray[np.int64]) -> tuple[Duel, dict[str, Any]] | None:
    """Return how one fares against the other, and how the pairs differ; None without a pair that both have."""
    here, there = pairs(mine, theirs)
    if not len(here):
        return None
    right, reference = (np.frombuffer(method.correct, dtype=np.int8) for method in (mine, theirs))
    spent, before = (np.array(method.prompts) + np.array(method.completions) for method in (mine, theirs))
    change, more = right[here] - reference[there], spent[here] - before[there]
    tasks = order[np.array(mine.task)[here]]
    seeds = np.array(mine.seed if mine.seeds >= theirs.seeds else theirs.seed)
    seeds = seeds[here if mine.seeds >= theirs.seeds else there]
    worlds, gained, lost, tokens = by_task(tasks, change > 0, change < 0, more)
    seen, of_tasks = float(gained.sum() - lost.sum()) / len(here), ends(difference_interval, gained, lost, worlds)
    of_all = of_both(of_tasks, tasks, seeds, change, -1.0)
    p = float(sign_flip_p(gained - lost))
    duel = Duel(
        mine.name,
        theirs.name,
        accuracy=seen,
        accuracy_ci=of_all,
        p_value=p if of_tasks is None or of_all is None else less_sure(p, of_tasks, of_all, seen),
        tokens=float(more.mean()),
        tokens_ci=of_both(ends(mean_interval, tokens, worlds), tasks, seeds, more),
    )
    return duel, _spread(len(here), worlds, gained, lost)


def _spread(pairs: int, worlds: Any, gained: Any, lost: Any) -> dict[str, Any]:
    """Return how many pairs and tasks there are, how many tasks differ, and how far: what `enough` asks for."""
    moved = (gained - lost - worlds * (gained - lost).sum() / worlds.sum()) / worlds.mean()
    tasks = len(worlds)
    if tasks < 2:
        return {"paired_episodes": pairs}
    differ, sd = int(((gained + lost) > 0).sum()), float(moved.std(ddof=1))
    return {"paired_episodes": pairs, "paired_tasks": tasks, "paired_differ": differ, "paired_sd": sd}


def _paired(row: Row, mine: Column, theirs: Column, order: NDArray[np.int64]) -> Row:
    found = _duel(mine, theirs, order)
    if found is None:
        return replace(row, paired_episodes=0)
    duel, spread = found
    return replace(
        row,
        paired_difference=duel.accuracy,
        paired_difference_ci=duel.accuracy_ci,
        p_value=duel.p_value,
        **spread,
        paired_tokens=duel.tokens,
        paired_tokens_ci=duel.tokens_ci,
    )
