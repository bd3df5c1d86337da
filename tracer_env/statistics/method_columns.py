"""The episodes of one method as columns: a few numbers of each, and the row that they come to.

`Column` takes transcripts in any order; `Column.row` is what a table shows of them. Where a run was played under
several seeds, intervals contain both sources of chance, tasks and seeds (`seeds`).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import DataError
from tracer_env.statistics.behaviour import Behaviour, share
from tracer_env.statistics.by_turn import ByTurn
from tracer_env.statistics.means import lopsided, mean_interval
from tracer_env.statistics.method_rows import Row
from tracer_env.statistics.seeds import wider
from tracer_env.statistics.shares import share_interval
from tracer_env.types import Grade, Interval

__all__ = ["Column", "by_task", "ends", "of_both", "pairs"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_GRADES = (Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE, Grade.TIMEOUT)


class Column:
    """The episodes of one method: a few numbers of each, in the order in which they came.

    ``seed`` counts the seeds of a run from 0; it is 0 throughout where there is one, or where others would be copies.
    """

    def __init__(self, name: str, scenario: str) -> None:
        self.name, self.scenario, self.behaviour = name, scenario, Behaviour()
        self.task, self.world, self.seed = array("q"), array("q"), array("q")
        self.prompts, self.completions, self.calls = array("q"), array("q"), array("q")
        self.correct = bytearray()
        self.finals: Counter[Grade | None] = Counter()
        self.proposed: Counter[Grade | None] = Counter()
        self.cut = self.unsaid = self.failed = self.uncounted = 0
        self.agents: set[int] = set()
        self.turns = ByTurn()

    def add(self, transcript: Transcript, task: int, seed: int = 0) -> None:
        """Count one more episode; raises DataError for another method or scenario."""
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
            self.agents.add(turn.agent)
            calls += turn.calls
            prompts, completions = prompts + turn.asked[0], completions + turn.asked[1]
            if turn.utterance is not None:
                prompts += turn.utterance.prompt_tokens
                completions += turn.utterance.completion_tokens
                self.cut += turn.utterance.finish == "length"
                self.uncounted += not turn.utterance.counted
            if turn.other is not None:
                self.unsaid += turn.other.tokens
        final = transcript.final.grade
        self.finals[final] += 1
        self.proposed.update([turn.utterance.grade for turn in transcript.proposals if turn.utterance])
        self.behaviour.add(transcript)
        self.turns.add(transcript, task)
        for column, value in zip((self.task, self.world, self.prompts), (task, transcript.world, prompts), strict=True):
            column.append(value)
        self.completions.append(completions)
        self.seed.append(seed)
        self.calls.append(calls)
        self.correct.append(final is Grade.CORRECT)

    @property
    def seeds(self) -> int:
        """Under how many seeds it was played."""
        return max(self.seed, default=0) + 1

    def row(self, order: Ints) -> Row:
        """Return the row, paired with nothing; ``order`` is the place of each task in the order of ids."""
        prompts, completions, calls = (np.array(x) for x in (self.prompts, self.completions, self.calls))
        finals, proposed, behaviour = self.finals, self.proposed, self.behaviour
        whole = len(calls) + self.failed
        told, made, said = int(prompts.sum()), int(completions.sum()), int(calls.sum())
        tasks, seeds = order[np.array(self.task, dtype=np.int64)], np.array(self.seed, dtype=np.int64)
        columns = (np.frombuffer(self.correct, dtype=np.uint8), prompts + completions, calls)
        worlds, right, tokens, utterances = by_task(tasks, *columns)
        n = max(1, len(calls))
        flips, reviews = behaviour.changes, behaviour.reviews
        return Row(
            method=self.name,
            scenario=self.scenario,
            episodes=len(calls),
            accuracy=finals[Grade.CORRECT] / n,
            accuracy_ci=of_both(ends(share_interval, right, worlds), tasks, seeds, columns[0], 0.0),
            tokens_per_task=(told + made) / n,
            tokens_per_task_ci=of_both(ends(mean_interval, tokens, worlds), tasks, seeds, columns[1]),
            completion_tokens_per_task=made / n,
            prompt_tokens_per_task=told / n,
            calls_per_task=said / n,
            calls_per_task_ci=of_both(ends(mean_interval, utterances, worlds), tasks, seeds, columns[2]),
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
            accuracy_by_seed=_means(seeds, self.seeds, columns[0]),
            tokens_by_seed=_means(seeds, self.seeds, columns[1]),
            agents=len(self.agents),
            uncounted=self.uncounted,
            lopsided=len(tokens) > 1 and bool(lopsided(tokens / worlds)),
        )

    def check_pairs(self, names: Sequence[str]) -> None:
        """Raise DataError where a task and world stands twice."""
        codes, first, times = np.unique(_codes(self)[0], return_index=True, return_counts=True)
        if len(codes) < len(self.task):
            place = first[times.argmax()]
            raise DataError(
                f"{self.name} has task {names[self.task[place]]!r} in world {self.world[place]} {times.max()} times; "
                "episodes cannot be paired"
            )


def pairs(mine: Column, theirs: Column) -> tuple[Ints, Ints]:
    """Return which episodes of two methods are of one task, world and seed: their places in both, (P,) each.

    A method that was played under one seed alone, because others would be copies, is paired with every seed of another.
    """
    alike = mine.seeds == theirs.seeds
    ours, base = _codes(mine, theirs, seeded=alike)
    if mine.seeds < theirs.seeds:
        there, here = _found(base, ours)
        return here, there
    return _found(ours, base)


def _found(some: Ints, unique: Ints) -> tuple[Ints, Ints]:
    """Return the places of those of ``some`` that stand in ``unique``, and where they stand there."""
    order = np.argsort(unique, kind="stable")
    at = np.searchsorted(unique, some, sorter=order)
    place = order[np.minimum(at, len(unique) - 1)] if len(unique) else np.zeros(len(some), dtype=np.int64)
    hit = np.flatnonzero(unique[place] == some) if len(unique) else np.zeros(0, dtype=np.int64)
    return hit, place[hit]


def _codes(*methods: Column, seeded: bool = True) -> list[Ints]:
    """Return one number for each episode's task, world and, where asked, seed: the same in all methods."""
    worlds = np.unique(np.concatenate([np.array(method.world, dtype=np.int64) for method in methods]))
    seeds = max(method.seeds for method in methods) if seeded else 1
    made = []
    for method in methods:
        place = np.array(method.task, dtype=np.int64) * len(worlds) + np.searchsorted(worlds, np.array(method.world))
        made.append(place * seeds + (np.array(method.seed, dtype=np.int64) if seeded else 0))
    return made


def by_task(tasks: Ints, *columns: NDArray[Any]) -> list[Ints]:
    """Return how many episodes each task has, and each column's sum over them: tasks in order of their ids."""
    found, rows = np.unique(tasks, return_inverse=True)
    sums = [np.bincount(rows, weights=column, minlength=len(found)) for column in columns]
    return [np.rint(sum_).astype(np.int64) for sum_ in (np.bincount(rows, minlength=len(found)), *sums)]


def of_both(
    interval: Interval | None, tasks: Ints, seeds: Ints, column: NDArray[Any], least: float = -np.inf
) -> Interval | None:
    """Return an interval of a column's mean over tasks, widened by the seeds where there are several.

    ``tasks`` and ``seeds`` number each episode's; ``least`` is 0 for a share, -1 for a difference of shares.
    """
    count = int(seeds.max(initial=0)) + 1
    cells = _cells(tasks, seeds, count, column) if count > 1 else np.zeros((0, 1))
    if interval is None or not len(cells):
        return interval
    low, high = wider(interval, float(column.mean()), cells, least)
    return float(low), float(high)


def _cells(tasks: Ints, seeds: Ints, count: int, column: NDArray[Any]) -> Floats:
    """Return the mean of each task under each of ``count`` seeds, (n, S), of tasks that were played under all."""
    found, rows = np.unique(tasks, return_inverse=True)
    place, size = rows * count + seeds, len(found) * count
    played = np.bincount(place, minlength=size).reshape(-1, count)
    sums = np.bincount(place, weights=column, minlength=size).reshape(-1, count)
    whole = (played > 0).all(1)
    means: Floats = sums[whole] / played[whole]
    return means


def _means(seeds: Ints, count: int, column: NDArray[Any]) -> tuple[float, ...]:
    """Return the mean under each seed; nothing where there is one."""
    if count < 2:
        return ()
    sums, times = np.bincount(seeds, weights=column, minlength=count), np.bincount(seeds, minlength=count)
    return tuple((sums / np.maximum(times, 1)).tolist())


def ends(interval: Callable[..., NDArray[np.float64]], *by_task: Ints) -> Interval | None:
    """Return both ends, or None without a task and where nothing is known of the spread: one task, or all alike."""
    low, high = (float(end) for end in interval(*by_task)) if len(by_task[0]) else (-np.inf, np.inf)
    return (low, high) if np.isfinite([low, high]).all() and low < high else None
