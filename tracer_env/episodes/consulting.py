"""Controllers that ask a speaker whether to speak (`seams.Consulting`): asked all at once, turn by turn.

What is answered is no part of the dialogue and no referee reads it; what it cost is kept with the turn.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracer_env.episodes.failures import FailurePolicy
from tracer_env.errors import PartError
from tracer_env.interfaces import Controller, Request, Scenario, Speaker
from tracer_env.parts.seams import consulting
from tracer_env.rules import FREE, DialogueState, Rules, legal_actions
from tracer_env.types import Utterance
from tracer_env.verification.referee import unread_by

__all__ = ["Answers", "ask_speakers", "asks_anybody", "decided"]

Answers = dict[int, Utterance | PartError]
"""What was answered, or the error of it, by the number of who asked."""


def asks_anybody(controller: Controller, rules: Rules) -> bool:
    """Return whether a controller asks a speaker at one of the seats."""
    return any(consulting(controller, seat) is not None for seat in dict.fromkeys(rules.seats[1:]))


def ask_speakers(
    asking: Iterable[tuple[int, Controller, DialogueState, int]],
    speaker: Speaker,
    scenario: Scenario,
    on_error: FailurePolicy,
) -> Answers:
    """Return the answers for those of (number, controller, state, stream) that ask before a real choice.

    Each speaker is called once for all of them.
    """
    calls: dict[int, tuple[Speaker, list[int], list[Request]]] = {}
    for number, controller, state, noise in asking:
        part = consulting(controller, state.seat)
        if part is None or legal_actions(state) != FREE:
            continue
        voice = speaker if part.asks is None else part.asks
        _, numbers, requests = calls.setdefault(id(voice), (voice, [], []))
        numbers.append(number)
        requests.append(Request(state, state.seat, noise, 1, unread_by(scenario), part.question(state)))
    found: Answers = {}
    for voice, numbers, requests in calls.values():
        found |= zip(numbers, on_error.hear(voice, requests), strict=True)
    return found


def decided(controller: Controller, state: DialogueState, answer: Utterance | PartError) -> float:
    """Return P(SPEAK) by an answer; raises the error that stands in its place."""
    if isinstance(answer, PartError):
        raise answer
    part = consulting(controller, state.seat)
    assert part is not None
    return float(part.decided(answer.text))
