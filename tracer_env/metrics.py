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

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.behaviour import Behaviour, share
from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.method_rows import KINDS, Duel, Row
from tracer_env.statistics.holm import holm
from tracer_env.statistics.means import mean_interval
from tracer_env.statistics.paired import difference_interval, sign_flip_p
from tracer_env.statistics.shares import share_interval
from tracer_env.transcript import Transcript
from tracer_env.types import Grade, Interval

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
        self._methods: dict[str, _Method] = {}
        for transcript in transcripts:
            self.add(transcript)

    @property
    def methods(self) -> list[str]:
        """The methods that were seen, in order of first appearance."""
        return list(self._methods)

    def add(self, transcript: Transcript, name: str | None = None) -> None:
        """Count one more episode, under its method or a ``name``. Raises DataError when its scenario is another."""
        key = transcript.method if name is None else name
        method = self._methods.get(key)
        if method is None:
            method = self._methods[key] = _Method(transcript.method, transcript.task.scenario)
        method.add(transcript, self._tasks.setdefault(transcript.task.id, len(self._tasks)))

    def details(self) -> dict[str, dict[str, Any]]:
        """Return the finer tables of each method that has an episode without failure, as JSON-ready data."""
        return {name: method.behaviour.to_data() for name, method in self._methods.items() if method.calls}

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
        """Return a row for each method, paired with ``baseline`` (None: with nothing) on (task id, world).

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


_GRADES = (Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE, Grade.TIMEOUT)


class _Method:
    """The episodes of one method: a few numbers of each, in the order in which they came."""

    def __init__(self, name: str, scenario: str) -> None:
        self.name, self.scenario, self.behaviour = name, scenario, Behaviour()
        self.task, self.world = array("q"), array("q")
        self.prompts, self.completions, self.calls = array("q"), array("q"), array("q")
        self.correct = bytearray()
        self.finals: Counter[Grade | None] = Counter()
        self.proposed: Counter[Grade | None] = Counter()
        self.cut = self.unsaid = self.failed = 0

    def add(self, transcript: Transcript, task: int) -> None:
        if (transcript.method, transcript.task.scenario) != (self.name, self.scenario):
            both = sorted({(self.name, self.scenario), (transcript.method, transcript.task.scenario)})
            raise DataError(
                f"a row summarises the episodes of one method on one scenario, got several methods or scenarios: {both}"
            )
        if transcript.failed:
            self.failed += 1
            return
        prompts = completions = calls = 0
        for turn in transcript.turns:
            if turn.utterance is not None:
                calls += 1
                prompts += turn.utterance.prompt_tokens
                completions += turn.utterance.completion_tokens
                self.cut += turn.utterance.finish == "length"
            if turn.other is not None:
                self.unsaid += turn.other.tokens
        final = transcript.final.grade
        self.finals[final] += 1
        self.proposed.update([turn.utterance.grade for turn in transcript.proposals if turn.utterance])
        self.behaviour.add(transcript)
        for column, value in zip((self.task, self.world, self.prompts), (task, transcript.world, prompts), strict=True):
            column.append(value)
        self.completions.append(completions)
        self.calls.append(calls)
        self.correct.append(final is Grade.CORRECT)

    def row(self, order: NDArray[np.int64]) -> Row:
        prompts, completions, calls = (np.array(x) for x in (self.prompts, self.completions, self.calls))
        n, finals, proposed, behaviour = max(1, len(calls)), self.finals, self.proposed, self.behaviour
        whole = n + self.failed if len(calls) else self.failed
        told, made, said = int(prompts.sum()), int(completions.sum()), int(calls.sum())
        worlds, right, tokens, utterances = _by_task(
            order[np.array(self.task, dtype=np.int64)],
            *(np.frombuffer(self.correct, dtype=np.uint8), prompts + completions, calls),
        )
        flips, reviews = behaviour.changes, behaviour.reviews
        return Row(
            method=self.name,
            scenario=self.scenario,
            episodes=len(calls),
            accuracy=finals[Grade.CORRECT] / n,
            accuracy_ci=_ends(share_interval, right, worlds),
            tokens_per_task=(told + made) / n,
            tokens_per_task_ci=_ends(mean_interval, tokens, worlds),
            completion_tokens_per_task=made / n,
            prompt_tokens_per_task=told / n,
            calls_per_task=said / n,
            calls_per_task_ci=_ends(mean_interval, utterances, worlds),
            speak_rate=share(*behaviour.spoken),
            correction_rate=flips.correction,
            corruption_rate=flips.corruption,
            preservation_rate=flips.preservation,
            reviewer_tpr=reviews.tpr,
            reviewer_tnr=reviews.tnr,
            unparsable_rate=share(proposed[Grade.UNPARSABLE], proposed.total()),
            timeout_rate=share(proposed[Grade.TIMEOUT], proposed.total()),
            truncated_rate=share(self.cut, said),
            grades={grade.name.lower(): finals[grade] for grade in _GRADES},
            counterfactual_tokens_per_task=self.unsaid / n,
            failed=self.failed,
            accuracy_with_failed=finals[Grade.CORRECT] / whole if self.failed else None,
        )

    def check_pairs(self, names: Sequence[str]) -> None:
        """Raise DataError where a task and world stands twice."""
        codes, first, times = np.unique(_pairs(self)[0], return_index=True, return_counts=True)
        if len(codes) < len(self.task):
            place = first[times.argmax()]
            raise DataError(
                f"{self.name} has task {names[self.task[place]]!r} in world {self.world[place]} {times.max()} times; "
                "episodes cannot be paired"
            )


def _pairs(*methods: _Method) -> list[NDArray[np.int64]]:
    """Return one number for each (task, world) of each episode, the same for the same pair in all methods."""
    worlds = np.unique(np.concatenate([np.array(method.world) for method in methods]))
    return [np.array(method.task) * len(worlds) + np.searchsorted(worlds, np.array(method.world)) for method in methods]


def _by_task(tasks: NDArray[np.int64], *columns: NDArray[Any]) -> list[NDArray[np.int64]]:
    """Return how many episodes each task has, and each column's sum over them: tasks in order of their ids."""
    found, rows = np.unique(tasks, return_inverse=True)
    sums = [np.bincount(rows, weights=column, minlength=len(found)) for column in columns]
    return [np.rint(sum_).astype(np.int64) for sum_ in (np.bincount(rows, minlength=len(found)), *sums)]


def _ends(interval: Callable[..., NDArray[np.float64]], *by_task: NDArray[np.int64]) -> Interval | None:
    """Return both ends, or None without a task and where nothing is known of the spread."""
    low, high = (float(end) for end in interval(*by_task)) if len(by_task[0]) else (-np.inf, np.inf)
    return (low, high) if np.isfinite([low, high]).all() else None


def _duel(mine: _Method, theirs: _Method, order: NDArray[np.int64]) -> tuple[Duel, int] | None:
    """Return how one fares against the other, and on how many pairs; None without a pair that both have."""
    ours, base = _pairs(mine, theirs)
    _, here, there = np.intersect1d(ours, base, assume_unique=True, return_indices=True)
    if not len(here):
        return None
    right, reference = (np.frombuffer(method.correct, dtype=np.int8) for method in (mine, theirs))
    spent, before = (np.array(method.prompts) + np.array(method.completions) for method in (mine, theirs))
    change, more = right[here] - reference[there], spent[here] - before[there]
    worlds, gained, lost, tokens = _by_task(order[np.array(mine.task)[here]], change > 0, change < 0, more)
    duel = Duel(
        mine.name,
        theirs.name,
        accuracy=float(gained.sum() - lost.sum()) / len(here),
        accuracy_ci=_ends(difference_interval, gained, lost, worlds),
        p_value=float(sign_flip_p(gained - lost)),
        tokens=float(more.mean()),
        tokens_ci=_ends(mean_interval, tokens, worlds),
    )
    return duel, len(here)


def _paired(row: Row, mine: _Method, theirs: _Method, order: NDArray[np.int64]) -> Row:
    found = _duel(mine, theirs, order)
    if found is None:
        return replace(row, paired_episodes=0)
    duel, pairs = found
    return replace(
        row,
        paired_difference=duel.accuracy,
        paired_difference_ci=duel.accuracy_ci,
        p_value=duel.p_value,
        paired_episodes=pairs,
        paired_tokens=duel.tokens,
        paired_tokens_ci=duel.tokens_ci,
    )
