"""Playing a comparison: every method on every task, with the same noise and the same utterances.

`evaluate` yields the transcripts in blocks of whole tasks; `play_missing` appends to a run's file what is not there
yet. What a model says to the same prompt with the same seed is generated once and shared, so differences between
methods are differences between choices.

Episodes stand in the file task by task, and method by method inside a task; a killed run is continued at
the first task that is not complete. How many dialogues run at once changes nothing in a file of simulated speakers, and
of language models the last digits of their log-probabilities alone (sums of floats in another order).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice

from tracer_env.episodes.mending import recover
from tracer_env.episodes.promise import Ledger, Promise
from tracer_env.episodes.transcript import Transcript
from tracer_env.executors.lanes import Lanes
from tracer_env.executors.seam import Executor, InProcess
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.seams import costs_nothing, waiting_parts
from tracer_env.parts.worlds import check_worlds
from tracer_env.rules import Rules
from tracer_env.runs.blocks import Playing
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.survey import Survey
from tracer_env.terminal.progress import Reporter

__all__ = ["evaluate", "play_missing"]

_ROUNDS = 3  # how often what is missing is played, while somebody takes episodes out
_PATIENCE = 0.2  # seconds of free play that may wait to be written: as much as a kill costs to be played again


def evaluate(
    methods: Mapping[str, Controller],
    scenario: Scenario,
    speaker: Speaker,
    rules: Rules,
    seed: int = 0,
    information: str = "vote_and_time",
    worlds: int = 1,
    batch_size: int = 64,
    counterfactuals: str = "auto",
    done: Collection[int] = (),
    on_error: str = "stop",
    executor: Executor | None = None,
) -> Iterator[list[Transcript]]:
    """Play all methods on all tasks and worlds; yield the transcripts in blocks of whole tasks.

    ``batch_size`` is how many dialogues run at once; the episodes numbered ``done`` are skipped. For the values of
    ``counterfactuals`` and ``on_error`` see `EvaluationConfig`. ``executor`` plays the blocks, this process if there is
    none; they come in their order all the same. Dialogues that wait for a server wait each for itself (`lanes`).
    Raises ScenarioError for a task that is none, ConfigError for worlds that the speaker does not have.
    """
    check_worlds(speaker, worlds, seed)
    doing, total = executor or InProcess(), len(scenario) * worlds
    if not doing.apart and waiting_parts(speaker):
        doing = Lanes(speaker)
    work = Playing(methods, scenario, speaker, rules, seed, information, counterfactuals, on_error, apart=doing.apart)
    at_once = doing.size(max(1, batch_size // len(methods)), total - len(done), costs_nothing(speaker))
    waiting = (episode for episode in range(total) if episode not in done)
    with closing(iter(doing.run(work, iter(lambda: list(islice(waiting, at_once)), [])))) as blocks:
        yield from blocks


def play_missing(
    folder: RunFolder,
    promise: Promise,
    methods: Mapping[str, Controller],
    tasks: Scenario,
    speaker: Speaker,
    tell: Reporter,
    executor: Executor | None = None,
) -> Survey | None:
    """Play what is not there yet, and once more what somebody took out of the file meanwhile.

    Returns what was found in the episodes while they were read and written, None where the file holds others.
    """
    total = promise.tasks * promise.worlds
    for _ in range(_ROUNDS):
        found = Survey(Ledger(promise))
        done = recover(folder.episodes, promise, watch=found.add)
        if len(done) == total:
            return found
        whole = found.size == (folder.episodes.stat().st_size if found.size else 0)  # else some were dropped
        tell.start("playing", total, len(done))
        _play_rest(folder, done, methods, tasks, speaker, tell, found if whole else None, executor)
        if whole and found.is_of(folder.episodes):
            return found
    return None


def _play_rest(
    folder: RunFolder,
    done: set[int],
    methods: Mapping[str, Controller],
    tasks: Scenario,
    speaker: Speaker,
    tell: Reporter,
    found: Survey | None,
    executor: Executor | None,
) -> None:
    config, reached = folder.config, len(done)
    blocks = evaluate(
        methods,
        tasks,
        speaker,
        config.rules,
        config.seed,
        config.information,
        config.evaluation.worlds,
        config.evaluation.batch_size,
        config.evaluation.counterfactuals,
        done,
        config.evaluation.on_error,
        executor,
    )
    pen = _Pen(folder, _PATIENCE if costs_nothing(speaker) else 0.0)
    try:
        for block in blocks:
            lines = folder.lines(block)
            pen.take(lines)
            if found is not None:
                for told, line in zip(block, lines, strict=True):
                    found.add(told, line)
            reached += len(block) // len(methods)
            tell.reach(reached, _running_accuracy(block))
    finally:
        pen.write()


class _Pen:
    """Appends lines to a folder's episodes, all that came within some seconds at once: a disk is slow to be sure."""

    def __init__(self, folder: RunFolder, patience: float) -> None:
        self._folder, self._patience = folder, patience
        self._lines: list[bytes] = []
        self._due = 0.0  # the first are written at once

    def take(self, lines: Sequence[bytes]) -> None:
        """Take the lines of a block, to be written now or soon."""
        self._lines += lines
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write what is there; what a full disk does not take is not tried again."""
        lines, self._lines = self._lines, []
        if lines:
            self._folder.append_lines(lines)
        self._due = time.monotonic() + self._patience


def _running_accuracy(block: Sequence[Transcript]) -> str:
    return f"right {sum(t.correct for t in block) / len(block):.0%} of the last {len(block)}"
