"""Many dialogues in step: turn by turn, with one batched speaker call a turn for all of them.

A job is one episode of one method. All jobs of a call advance together; at each turn everything that is to
be said, and everything that would have been said where it is wanted, goes to the speaker in one
batch. Choices are drawn from each episode's own noise, so the batch changes nothing but the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracer_env.episodes.failures import POLICIES, FailurePolicy
from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.errors import PartError
from tracer_env.interfaces import Controller, Information, Request, Scenario, Speaker
from tracer_env.parts.contracts import asked_under, key_of, probability
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.rewards import skip_value, speak_value
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial, legal_actions, under
from tracer_env.types import Action, Task, Utterance

__all__ = ["Counterfactuals", "Job", "everything", "nothing", "rollout"]

Counterfactuals = Callable[[Sequence[Request], Sequence[Request]], Sequence[bool]]
"""(spoken, unspoken) -> which of the requests that a SKIP leaves unspoken are drawn all the same."""


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to be played. ``controller`` gives P(SPEAK); ``seed`` and ``world`` fix the noise."""

    episode: int
    method: str
    controller: Controller
    task: Task
    world: int
    seed: int


@dataclass(slots=True)
class _Running:
    """A job on its way; updated in place."""

    job: Job
    state: DialogueState
    stream: int
    records: list[TurnRecord]
    failed: str = ""


@dataclass(slots=True)
class _Choice:
    """What one dialogue does at this turn, before anything is said."""

    running: _Running
    key: str
    mask: tuple[int, int]
    chance: float
    action: Action


def everything(spoken: Sequence[Request], unspoken: Sequence[Request]) -> list[bool]:
    """Draw every utterance that a SKIP leaves unspoken: both branches are really valued."""
    return [True] * len(unspoken)


def nothing(spoken: Sequence[Request], unspoken: Sequence[Request]) -> list[bool]:
    """Draw only what is said."""
    return [False] * len(unspoken)


def rollout(
    jobs: Sequence[Job],
    speaker: Speaker,
    scenario: Scenario,
    rules: Rules,
    information: Information,
    counterfactuals: Counterfactuals = nothing,
    watch: Callable[[list[Transcript]], None] | None = None,
    on_error: FailurePolicy = POLICIES["stop"],
) -> list[Transcript]:
    """Play all jobs and return their transcripts in the same order.

    A controller with a key of its own is asked under that one, which is also what the record shows.
    One that names a final answer of its own ends its dialogues by that one (`rules.under`).
    ``watch`` is given the transcripts as far as they go after each turn; ``on_error`` says what becomes of a dialogue
    in which a part failed. Raises PartError as that says.
    """
    all_running = [
        _Running(job, initial(job.task, under(rules, job.controller)), stream(job.seed, job.task.id, job.world), [])
        for job in jobs
    ]
    active = all_running
    while active:
        made = [_chosen(running, information, on_error) for running in active]
        choices = [choice for choice in made if choice is not None]
        said = _say(choices, speaker, scenario, counterfactuals, on_error)
        for choice, utterance in zip(choices, said, strict=True):
            if not isinstance(utterance, PartError):
                _move(choice, utterance)
            elif choice.action is Action.SPEAK:
                choice.running.failed = on_error.reason(utterance)
            else:  # what was to be shown only
                _move(choice, None)
        active = [running for running in active if not running.state.over and not running.failed]
        if watch is not None:
            watch([_transcript(running) for running in all_running])
    return [_transcript(running) for running in all_running]


def _chosen(running: _Running, information: Information, on_error: FailurePolicy) -> _Choice | None:
    """Return what a dialogue does, None where its controller failed."""
    try:
        return _choose(running, information)
    except PartError as error:
        running.failed = on_error.reason(error)
        return None


def _choose(running: _Running, information: Information) -> _Choice:
    state = running.state
    tell = asked_under(running.job.controller, state.seat, information)
    mask, key = legal_actions(state), key_of(tell, state)
    if mask == (1, 1):
        chance = probability(running.job.controller, state, key)
        action = Action.SPEAK if uniform(running.stream, state.turn, Purpose.CHOICE) < chance else Action.SKIP
    else:
        action = Action(mask[1])
        chance = float(mask[1])
    return _Choice(running, key, mask, chance, action)


def _say(
    choices: Sequence[_Choice],
    speaker: Speaker,
    scenario: Scenario,
    counterfactuals: Counterfactuals,
    on_error: FailurePolicy,
) -> list[Utterance | PartError | None]:
    requests = [Request(c.running.state, c.running.state.seat, c.running.stream) for c in choices]
    unspoken = [i for i, c in enumerate(choices) if c.action is Action.SKIP and c.mask == (1, 1)]
    wanted = {i for i, c in enumerate(choices) if c.action is Action.SPEAK}
    if unspoken:
        drawn = counterfactuals([requests[i] for i in sorted(wanted)], [requests[i] for i in unspoken])
        wanted.update(i for i, draw in zip(unspoken, drawn, strict=True) if draw)
    order = sorted(wanted)
    said = dict(zip(order, on_error.ask(speaker, [requests[i] for i in order], scenario), strict=True))
    return [said.get(i) for i in range(len(choices))]


def _move(choice: _Choice, utterance: Utterance | None) -> None:
    running, before = choice.running, choice.running.state
    spoken = utterance if choice.action is Action.SPEAK else None
    running.state = after = advance(before, choice.action, spoken)
    seat, pending = before.seat, before.pending
    running.records.append(
        TurnRecord(
            turn=before.turn,
            agent=seat.agent,
            role=seat.role,
            mask=choice.mask,
            key=choice.key,
            speak_probability=float(choice.chance),
            action=choice.action,
            vote=after.pending.vote if after.pending else 0,
            skip_value=skip_value(pending),
            speak_value=None if utterance is None else speak_value(seat.role, pending, utterance),
            utterance=spoken,
            other=None if spoken is not None else utterance,
        )
    )


def _transcript(running: _Running) -> Transcript:
    job, answer = running.job, None if running.failed else final_answer(running.state)
    return Transcript(
        episode=job.episode,
        method=job.method,
        task=job.task,
        world=job.world,
        seed=job.seed,
        turns=tuple(running.records),
        final_turn=answer.turn if answer else 0,
        max_turns=running.state.rules.max_turns,
        failed=running.failed,
    )
