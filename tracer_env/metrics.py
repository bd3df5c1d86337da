"""Metrics: what a method's episodes come to. Pure functions over transcripts of one method.

`summarise` gives the row of a method, `compare_rows` the rows of several with paired differences against
a baseline, `details` (from `behaviour`) the finer tables. All means are over episodes; tokens are prompt
and completion together; a call is an utterance that was said. A rate without a case is None, never 0 and
never NaN.

How a ``timeout`` grade (the checker ran out of time, so nobody knows) enters:

- accuracy, accuracy by turn and the paired difference: as not correct;
- correction, corruption, preservation: a pair with a timeout at either end is left out;
- the reviewer's rates: a review of such a proposal is left out, and counted as ``unknown``;
- unparsable rate: in the denominator; timeout rate: what it counts; ``grades``: a class of its own.

Everywhere else "wrong" means wrong or unparsable. The draws of the bootstrap depend on the seed and the
number of tasks alone, so the order of the episodes changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from tracer_env.behaviour import changes, details, review_counts, share
from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.intervals import Interval, bootstrap_means, mcnemar_mid_p, wilson
from tracer_env.transcript import Transcript
from tracer_env.types import Action, Grade

__all__ = ["Row", "compare_rows", "details", "summarise"]


@dataclass(frozen=True, slots=True)
class Row:
    """One method on one scenario. Intervals are 95%; the last four are None for the baseline."""

    method: str
    scenario: str
    episodes: int
    accuracy: float
    accuracy_ci: Interval | None  # Wilson
    tokens_per_task: float
    tokens_per_task_ci: Interval | None  # bootstrap over tasks; None for a single task
    completion_tokens_per_task: float
    prompt_tokens_per_task: float
    calls_per_task: float
    calls_per_task_ci: Interval | None  # as tokens
    speak_rate: float | None  # over turns at which both actions were legal
    correction_rate: float | None  # P(final correct | first proposal wrong)
    corruption_rate: float | None  # P(final wrong | first proposal correct)
    preservation_rate: float | None  # 1 - corruption
    reviewer_tpr: float | None  # P(says RIGHT | pending correct), unparsable reviews in the denominator
    reviewer_tnr: float | None  # P(says WRONG | pending wrong), likewise
    unparsable_rate: float | None  # of proposals
    timeout_rate: float | None  # of proposals
    truncated_rate: float | None  # of utterances: cut at the token limit
    grades: Mapping[str, int]  # of final answers: correct, wrong, unparsable, timeout
    counterfactual_tokens_per_task: float  # drawn and never said; no part of tokens_per_task
    paired_difference: float | None = None  # accuracy less the baseline's, same tasks and worlds
    paired_difference_ci: Interval | None = None  # bootstrap over tasks
    p_value: float | None = None  # McNemar mid-p
    paired_episodes: int | None = None  # how many (task, world) both have

    def to_data(self) -> dict[str, Any]:
        """Return the row as JSON-ready data: intervals become lists, None stays null."""
        data = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Row:
        """Read what `to_data` wrote; raises DataError for missing or unknown keys."""
        known = {field.name for field in fields(cls)}
        if not isinstance(data, Mapping) or set(data) != known:
            odd = sorted(known ^ set(data)) if isinstance(data, Mapping) else type(data).__name__
            raise DataError(f"not a row of metrics (keys that differ: {odd}); compute the metrics again")
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in data.items()}
        return cls(**values)


def summarise(transcripts: Sequence[Transcript], seed: int) -> Row:
    """Return the row of one method; ``seed`` drives the bootstrap alone.

    Raises DataError without episodes, or when methods or scenarios are mixed.
    """
    method, scenario = _only(transcripts)
    said = [[turn.utterance for turn in t.turns if turn.utterance is not None] for t in transcripts]
    finals = Counter(t.final.grade for t in transcripts)
    proposed = Counter(turn.utterance.grade for t in transcripts for turn in t.proposals if turn.utterance)
    choices = [turn.action for t in transcripts for turn in t.turns if turn.free]
    prompts = [sum(u.prompt_tokens for u in episode) for episode in said]
    completions = [sum(u.completion_tokens for u in episode) for episode in said]
    calls = [len(episode) for episode in said]
    tokens = np.add(prompts, completions)
    tokens_ci, calls_ci = _by_task(transcripts, np.column_stack([tokens, calls]), seed)
    flips, reviews, n = changes(transcripts), review_counts(transcripts), len(transcripts)
    return Row(
        method=method,
        scenario=scenario,
        episodes=n,
        accuracy=finals[Grade.CORRECT] / n,
        accuracy_ci=wilson(finals[Grade.CORRECT], n),
        tokens_per_task=(sum(prompts) + sum(completions)) / n,
        tokens_per_task_ci=tokens_ci,
        completion_tokens_per_task=sum(completions) / n,
        prompt_tokens_per_task=sum(prompts) / n,
        calls_per_task=sum(calls) / n,
        calls_per_task_ci=calls_ci,
        speak_rate=share(choices.count(Action.SPEAK), len(choices)),
        correction_rate=flips.correction,
        corruption_rate=flips.corruption,
        preservation_rate=flips.preservation,
        reviewer_tpr=reviews.tpr,
        reviewer_tnr=reviews.tnr,
        unparsable_rate=share(proposed[Grade.UNPARSABLE], proposed.total()),
        timeout_rate=share(proposed[Grade.TIMEOUT], proposed.total()),
        truncated_rate=share(sum(u.finish == "length" for episode in said for u in episode), sum(calls)),
        grades={grade.name.lower(): finals[grade] for grade in _GRADES},
        counterfactual_tokens_per_task=sum(x.other.tokens for t in transcripts for x in t.turns if x.other) / n,
    )


def compare_rows(by_method: Mapping[str, Sequence[Transcript]], baseline: str, seed: int = 0) -> list[Row]:
    """Return a row for each method, in order, paired with ``baseline`` on (task id, world).

    Where the episodes differ the pairs are those that both have, and ``paired_episodes`` says how many.
    Raises ConfigError for an unknown baseline, DataError where a method has a task and world twice.
    """
    if baseline not in by_method:
        raise ConfigError(f"the baseline {baseline!r} is not among the methods{did_you_mean(baseline, by_method)}")
    reference = _by_pair(by_method[baseline])
    rows = []
    for method, transcripts in by_method.items():
        row = summarise(transcripts, seed)
        rows.append(row if method == baseline else _paired(row, _by_pair(transcripts), reference, seed))
    return rows


_GRADES = (Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE, Grade.TIMEOUT)


def _only(transcripts: Sequence[Transcript]) -> tuple[str, str]:
    found = {(t.method, t.task.scenario) for t in transcripts}
    if len(found) != 1:
        what = f"several methods or scenarios: {sorted(found)}" if found else "no episodes"
        raise DataError(f"a row summarises the episodes of one method on one scenario, got {what}")
    return found.pop()


def _by_task(transcripts: Sequence[Transcript], values: Any, seed: int) -> list[Interval | None]:
    """Bootstrap the column means of ``values`` (episodes, K), resampling tasks."""
    names = sorted({t.task.id for t in transcripts})
    place = {name: index for index, name in enumerate(names)}
    rows = np.array([place[t.task.id] for t in transcripts])
    totals = np.column_stack([np.bincount(rows, weights=column, minlength=len(names)) for column in values.T])
    return bootstrap_means(totals, np.bincount(rows, minlength=len(names)), seed)


def _by_pair(transcripts: Sequence[Transcript]) -> dict[tuple[str, int], Transcript]:
    pairs = {(t.task.id, t.world): t for t in transcripts}
    if len(pairs) != len(transcripts):
        (task, world), times = Counter((t.task.id, t.world) for t in transcripts).most_common(1)[0]
        method = transcripts[0].method
        raise DataError(f"{method} has task {task!r} in world {world} {times} times; episodes cannot be paired")
    return pairs


def _paired(
    row: Row, mine: Mapping[tuple[str, int], Transcript], theirs: Mapping[tuple[str, int], Transcript], seed: int
) -> Row:
    shared = [(transcript, theirs[pair]) for pair, transcript in mine.items() if pair in theirs]
    if not shared:
        return replace(row, paired_episodes=0)
    difference = np.array([[a.correct - b.correct] for a, b in shared])
    gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
    return replace(
        row,
        paired_difference=(gained - lost) / len(shared),
        paired_difference_ci=_by_task([a for a, _ in shared], difference, seed)[0],
        p_value=mcnemar_mid_p(gained, lost),
        paired_episodes=len(shared),
    )
