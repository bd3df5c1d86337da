"""The referee reads what was said: parses and grades proposals, parses verdicts of reviews.

A speaker returns plain text; `judge` returns the same utterance with what the text means filled in.
An utterance whose ``rule`` is ``given`` says what it means itself (the simulated speaker knows without
rendering a text) and passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracer_env.errors import SpeakerError
from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.rules import DialogueState
from tracer_env.types import Role, Seat, Utterance
from tracer_env.verification.reasoning import UNREAD
from tracer_env.verification.verdicts import read_verdict

__all__ = ["ask", "judge", "received"]


def judge(utterance: Utterance, state: DialogueState, seat: Seat, scenario: Scenario) -> Utterance:
    """Return ``utterance`` with answer, rule and grade (a proposal) or verdict (a review) filled in.

    A scenario whose reading hangs on the dialogue has ``reading(state) -> Scenario``, which is asked first; one that
    says which reasoning blocks are not read has ``unread``.
    Under ``final_answer="majority"`` an answer that the scenario calls equal to an earlier one of the
    dialogue takes that one's string, so that the rules can count answers without a verifier.
    """
    if utterance.rule == "given":
        return utterance
    if seat.role is Role.REVIEWER:
        return replace(utterance, verdict=read_verdict(utterance.text, getattr(scenario, "unread", UNREAD)))
    reading = getattr(scenario, "reading", None)
    if reading is not None:
        scenario = reading(state)
    found = scenario.extract(utterance.text)
    answer = found.answer
    if answer is not None and state.rules.final_answer == "majority":
        earlier = (p.utterance.answer for p in state.proposals)
        answer = next((e for e in earlier if e is not None and scenario.same(e, answer)), answer)
    grade = scenario.grade(utterance.text, state.task)
    return replace(utterance, answer=answer, rule=found.rule, grade=grade)


def ask(speaker: Speaker, requests: Sequence[Request], scenario: Scenario) -> list[Utterance]:
    """Call the speaker once for all requests and judge what it says; the list is flat, in request order.

    Raises SpeakerError when the speaker returns the wrong number of utterances or something else.
    """
    return received(speaker.speak(requests), requests, speaker, scenario) if requests else []


def received(
    spoken: list[Utterance], requests: Sequence[Request], speaker: Speaker, scenario: Scenario
) -> list[Utterance]:
    """Check what a speaker returned for ``requests`` and judge it; raises SpeakerError as `ask` does."""
    expected = [request for request in requests for _ in range(request.candidates)]
    if len(spoken) != len(expected) or not all(isinstance(u, Utterance) for u in spoken):
        raise SpeakerError(
            f"{type(speaker).__name__}.speak returned {len(spoken)} items for {len(expected)} candidates; "
            "it must return one Utterance each, in order"
        )
    return [judge(u, r.state, r.seat, scenario) for u, r in zip(spoken, expected, strict=True)]
