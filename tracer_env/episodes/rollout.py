"""Many dialogues in step: turn by turn, with one batched speaker call a turn for all of them.

A job is one episode of one method. All jobs of a call advance together; at each turn everything that is to
be said, and everything that would have been said where it is wanted, goes to the speaker in one
batch. Choices are drawn from each episode's own noise, so the batch changes nothing but the speed.

What dialogues of one task and world have in common, because they chose alike so far, is one state, asked for once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tracer_env.episodes.consulting import Answers, ask_speakers, asks_anybody, decided
from tracer_env.episodes.failures import POLICIES, FailurePolicy
from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.errors import PartError
from tracer_env.interfaces import Controller, Information, Request, Scenario, Speaker
from tracer_env.parts.contracts import asked_under, key_of, probability
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.rewards import skip_value, speak_value
from tracer_env.rules import FREE, DialogueState, Rules, advance, final_answer, initial, legal_actions, under
from tracer_env.types import Action, Task, Utterance

__all__ = ["Counterfactuals", "Job", "everything", "nothing", "rollout"]

_SKIP, _SPEAK, _CHOICE = Action.SKIP, Action.SPEAK, int(Purpose.CHOICE)
_UNASKED = (0, 0)

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
    records: list[TurnRecord]
    failed: str = ""


@dataclass(slots=True)
class _Choice:
    """What one dialogue does at this turn, before anything is said."""

    running: _Running
    key: str
    chance: float
    action: Action
    asked: tuple[int, int]


@dataclass(slots=True)
class _Node:
    """Dialogues that are one so far: of one task and world, under the same rules, in which the same was chosen."""

    state: DialogueState
    stream: int
    here: list[_Running]
    mask: tuple[int, int] = (0, 0)
    choices: list[_Choice] = field(default_factory=list)
    spoken: bool = False  # whether one of them speaks
    unspoken: bool = False  # whether one of them keeps silent and could have spoken


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
    all_running, nodes = _begun(jobs, rules)
    asking = {id(job.controller) for job in _apart(jobs) if asks_anybody(job.controller, under(rules, job.controller))}
    while nodes:
        answers = _asked(nodes, asking, speaker, scenario, on_error) if asking else {}
        for node in nodes:
            _choose(node, information, on_error, answers)
        said = _say(nodes, speaker, scenario, counterfactuals, on_error)
        nodes = [after for node, one in zip(nodes, said, strict=True) for after in _moved(node, *one, on_error)]
        if watch is not None:
            watch([_transcript(running) for running in all_running])
    return [_transcript(running) for running in all_running]


def _begun(jobs: Sequence[Job], rules: Rules) -> tuple[list[_Running], list[_Node]]:
    """Return all jobs before their first turn, and the same by what they have in common."""
    nodes: dict[tuple[int, int, int], _Node] = {}
    made = []
    for job in jobs:
        own, noise = under(rules, job.controller), stream(job.seed, job.task.id, job.world)
        key = (id(job.task), id(own), noise)
        if key not in nodes:
            nodes[key] = _Node(initial(job.task, own), noise, [])
        running = _Running(job, nodes[key].state, [])
        nodes[key].here.append(running)
        made.append(running)
    return made, list(nodes.values())


def _apart(jobs: Sequence[Job]) -> list[Job]:
    """Return one job of each controller."""
    return list({id(job.controller): job for job in jobs}.values())


def _asked(
    nodes: Sequence[_Node], asking: set[int], speaker: Speaker, scenario: Scenario, on_error: FailurePolicy
) -> Answers:
    """Return what speakers answer to the controllers that ask, by the dialogue."""
    who = (
        (id(running), running.job.controller, node.state, node.stream)
        for node in nodes
        for running in node.here
        if id(running.job.controller) in asking
    )
    return ask_speakers(who, speaker, scenario, on_error)


def _choose(node: _Node, information: Information, on_error: FailurePolicy, answers: Answers) -> None:
    """Choose for all dialogues of a node; one whose controller failed is out."""
    state = node.state
    node.mask = mask = legal_actions(state)
    free, seat, keys = mask == FREE, state.seat, dict[int, str]()
    luck = uniform(node.stream, state.turn, _CHOICE) if free else 0.0
    for running in node.here:
        controller = running.job.controller
        try:
            tell = asked_under(controller, seat, information)
            key = keys.get(id(tell))
            if key is None:
                key = keys[id(tell)] = key_of(tell, state)
            answer = answers.get(id(running)) if answers else None
            if answer is not None:
                chance = decided(controller, state, answer)
            else:
                chance = probability(controller, state, key) if free else float(mask[1])
        except PartError as error:
            running.failed = on_error.reason(error)
            continue
        speaks = luck < chance if free else mask[1] == 1
        cost = (answer.prompt_tokens, answer.completion_tokens) if isinstance(answer, Utterance) else _UNASKED
        node.choices.append(_Choice(running, key, chance, _SPEAK if speaks else _SKIP, cost))
        node.spoken = node.spoken or speaks
        node.unspoken = node.unspoken or (free and not speaks)


def _say(
    nodes: Sequence[_Node],
    speaker: Speaker,
    scenario: Scenario,
    counterfactuals: Counterfactuals,
    on_error: FailurePolicy,
) -> list[tuple[Utterance | PartError | None, bool]]:
    """Return for each node what is said there, if anything, and whether it is shown to those who keep silent."""
    requests = [Request(node.state, node.state.seat, node.stream) for node in nodes]
    wanted = {place for place, node in enumerate(nodes) if node.spoken}
    unspoken = [place for place, node in enumerate(nodes) if node.unspoken]
    shown = set[int]()
    if unspoken:
        drawn = counterfactuals([requests[place] for place in sorted(wanted)], [requests[place] for place in unspoken])
        shown = {place for place, draw in zip(unspoken, drawn, strict=True) if draw}
    order = sorted(wanted | shown)
    said = dict(zip(order, on_error.ask(speaker, [requests[place] for place in order], scenario), strict=True))
    return [(said.get(place), place in shown) for place in range(len(nodes))]


def _moved(node: _Node, said: Utterance | PartError | None, shown: bool, on_error: FailurePolicy) -> Sequence[_Node]:
    """Play a turn, and return the nodes that go on: those who spoke, and those who did not."""
    before, after = node.state, dict[Action, _Node]()
    seat, pending = before.seat, before.pending
    words = None if isinstance(said, PartError) else said
    skipped = skip_value(pending)
    spoke = None if words is None else speak_value(seat.role, pending, words)
    for choice in node.choices:
        running, action = choice.running, choice.action
        speaks = action is _SPEAK
        if speaks and isinstance(said, PartError):
            running.failed = on_error.reason(said)
            continue
        there = after.get(action)
        if there is None:
            there = after[action] = _Node(advance(before, action, words if speaks else None), node.stream, [])
        drawn = speaks or shown
        state = running.state = there.state
        now = state.pending
        running.records.append(
            TurnRecord(  # by position: names cost a third more
                before.turn,
                seat.agent,
                seat.role,
                node.mask,
                choice.key,
                choice.chance,
                action,
                now.vote if now is not None else 0,
                skipped,
                spoke if drawn else None,
                words if speaks else None,
                words if drawn and not speaks else None,
                choice.asked,
            )
        )
        there.here.append(running)
    return [there for there in after.values() if not there.state.over]


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
