"""Retelling: an episode played once more by the rules, with what its speakers said, to see whether it is one.

All that a run decides from its settings is computed anew and compared: whose turn it is, what the seat could do, the
information state it saw, the choice that its noise and its probability come to (which hangs on seed, task and world),
both values, the end, and which proposal is the answer. What speakers tell of their words must make sense (`signals`),
and a review must state what its text says, unless its speaker said itself what it means: a ``reader`` reads it again.

How likely SPEAK was is compared with what a ``controller`` says that the run has kept; for others it is taken as it
stands, as is what was said and how it was graded: only the speakers, the scenario and these controllers know better.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tracer_env.episodes.transcript import Transcript, TurnRecord
from tracer_env.interfaces import Controller, Information
from tracer_env.parts.contracts import asked_under
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.rewards import skip_value, speak_value
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial, legal_actions
from tracer_env.signals import contradiction
from tracer_env.types import Action, Role, Seat

__all__ = ["Reader", "retell"]

_LAST_DIGITS = 1e-9  # sums of another processor


Reader = Callable[[str, DialogueState], int | None]
"""What a review states (`referee.agreement`), read from its text; None where that cannot be known."""


def retell(
    told: Transcript,
    rules: Rules,
    information: Information | None,
    controller: Controller | None = None,
    reader: Reader | None = None,
) -> str:
    """Return where an episode departs from the rules, in words; an empty text when it follows them.

    A ``controller`` that answers NaN does not know; ``information`` None: what the seats saw cannot be known.
    """
    if told.max_turns != rules.max_turns:
        return f"max_turns is {told.max_turns}, and the run's rules say {rules.max_turns}"
    state, noise = initial(told.task, rules), stream(told.seed, told.task.id, told.world)
    for turn in told.turns:
        if state.over:
            return f"it goes on after its end at turn {state.turn - 1}"
        tell = information
        if information is not None and controller is not None:
            tell = asked_under(controller, state.seat, information)
        wrong = _senseless(turn, state, reader)
        wrong = wrong or _departs(turn, state, noise, tell) or _other_chance(turn, state, controller)
        if wrong:
            return f"turn {turn.turn}: {wrong}"
        state = advance(state, turn.action, turn.utterance)
    if told.failed:
        return f"it failed, and it is over at turn {state.turn - 1}" if state.over else ""
    if not state.over:
        return f"it ends at turn {state.turn - 1}, before its end"
    answer = final_answer(state)
    last = answer.turn if answer is not None else 0
    return "" if told.final_turn == last else f"final_turn is {told.final_turn}, and the rules take turn {last}"


def _departs(turn: TurnRecord, state: DialogueState, noise: int, information: Information | None) -> str:
    if Seat(turn.agent, turn.role) != state.seat:
        return f"agent_{turn.agent} as {turn.role.name.lower()} sits where {state.seat} belongs"
    if turn.mask != legal_actions(state):
        return f"mask is {list(turn.mask)}, and the rules say {list(legal_actions(state))}"
    if information is not None and turn.key != information(state):
        return f"key is {turn.key!r}, and the seat saw {information(state)!r}"
    if turn.free:
        speaks = uniform(noise, state.turn, Purpose.CHOICE) < turn.speak_probability
        if speaks is not (turn.action is Action.SPEAK):
            return f"{turn.action.name} is not what the seed and a probability of {turn.speak_probability} come to"
    pending, drawn = state.pending, turn.utterance or turn.other
    values = (skip_value(pending), None if drawn is None else speak_value(turn.role, pending, drawn))
    if (turn.skip_value, turn.speak_value) != values:
        return f"its values are {turn.skip_value} and {turn.speak_value}; the grades come to {values}"
    return ""


def _other_chance(turn: TurnRecord, state: DialogueState, controller: Controller | None) -> str:
    if controller is None or not turn.free:
        return ""
    chance = float(controller.speak_probability(state, turn.key))
    if math.isnan(chance) or abs(chance - turn.speak_probability) <= _LAST_DIGITS:
        return ""
    return f"P(SPEAK) is {turn.speak_probability}, and the controller that the run has kept says {chance}"


def _senseless(turn: TurnRecord, state: DialogueState, reader: Reader | None) -> str:
    """Return what was told of the words of a turn that cannot be so."""
    for said in (turn.utterance, turn.other):
        if said is None:
            continue
        if wrong := contradiction(said.signals):
            return wrong
        if reader is not None and turn.role is Role.REVIEWER and said.rule != "given":
            agrees = reader(said.text, state)
            if agrees is not None and agrees != said.agrees:
                return f"agrees is {said.agrees}, and its text read again says {agrees}"
    return ""
