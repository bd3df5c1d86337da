"""Playing a comparison: every method on every task, with the same noise and the same utterances.

`evaluate` yields the transcripts in blocks of whole tasks; `play_missing` appends to a run's file what is not there
yet. What a model says to the same prompt with the same seed is generated once and shared, so differences between
methods are differences between choices.

Episodes stand in the file task by task, and method by method inside a task; a killed run is continued at
the first task that is not complete. How many dialogues run at once changes nothing in a file of simulated speakers, and
of language models the last digits of their log-probabilities alone (sums of floats in another order).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

from tracer_env.compositions import information_named
from tracer_env.episodes.failures import POLICIES
from tracer_env.episodes.mending import recover
from tracer_env.episodes.promise import Ledger, Promise
from tracer_env.episodes.rollout import Counterfactuals, Job, everything, nothing, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.seams import costs_nothing
from tracer_env.parts.task_contracts import task_at
from tracer_env.parts.worlds import check_worlds, played_in
from tracer_env.registry import OURS, build
from tracer_env.rules import Rules
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.survey import Survey
from tracer_env.terminal.progress import Reporter

__all__ = ["evaluate", "play_missing"]

_ROUNDS = 3  # how often what is missing is played, while somebody takes episodes out


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
) -> Iterator[list[Transcript]]:
    """Play all methods on all tasks and worlds; yield the transcripts in blocks of whole tasks.

    ``batch_size`` is how many dialogues run at once; the episodes numbered ``done`` are skipped. For the values of
    ``counterfactuals`` and ``on_error`` see `EvaluationConfig`. Raises ScenarioError for a task that is
    none, ConfigError for worlds that the speaker does not have.
    """
    check_worlds(speaker, worlds, seed)
    key, count = information_named(information), len(scenario)
    free = costs_nothing(speaker)
    wanted = ("all" if free else "shared") if counterfactuals == "auto" else counterfactuals
    at_once = max(1, batch_size // len(methods))
    waiting = (episode for episode in range(count * worlds) if episode not in done)
    while episodes := list(islice(waiting, at_once)):
        jobs = [
            Job(episode, name, controller, task_at(scenario, number), world, seed)
            for episode, (world, number) in ((episode, played_in(episode, count)) for episode in episodes)
            for name, controller in methods.items()
        ]
        shared = speaker
        which: Counterfactuals = everything if wanted == "all" else nothing
        if not free:
            cached = build("speaker", OURS["cached_speaker"], speaker)
            shared = cached
            which = _shared(cached.knows) if wanted == "shared" else which
        yield rollout(jobs, shared, scenario, rules, key, which, on_error=POLICIES[on_error])


def _shared(knows: Callable[..., list[bool]]) -> Counterfactuals:
    """Draw what costs nothing: requests that another method makes too, or made before."""
    return lambda spoken, unspoken: knows(unspoken, spoken)


def play_missing(
    folder: RunFolder,
    promise: Promise,
    methods: Mapping[str, Controller],
    tasks: Scenario,
    speaker: Speaker,
    tell: Reporter,
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
        _play_rest(folder, done, methods, tasks, speaker, tell, found if whole else None)
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
    )
    for block in blocks:
        lines = folder.append(block)
        if found is not None:
            for told, line in zip(block, lines, strict=True):
                found.add(told, line)
        reached += len(block) // len(methods)
        tell.reach(reached, _running_accuracy(block))


def _running_accuracy(block: Sequence[Transcript]) -> str:
    return f"right {sum(t.correct for t in block) / len(block):.0%} of the last {len(block)}"
