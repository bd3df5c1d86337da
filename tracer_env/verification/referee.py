"""The referee reads what was said: parses and grades proposals, parses verdicts of reviews.

A speaker returns plain text; `judge` returns the same utterance with what the text means filled in.
An utterance whose ``rule`` is ``given`` says what it means itself (the simulated speaker knows without
rendering a text) and passes through unchanged.

    ask         all requests at once; the first thing that is wrong is raised
    ask_each    all requests at once; what went wrong stands in the place of the utterance. When a batch fails as a
                whole, its halves are asked in its place, and so on, so one request that fails takes no other with it
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from tracer_env.errors import PartError, SpeakerError
from tracer_env.interfaces import Request, Scenario, Speaker
from tracer_env.parts.contracts import heard, spoken
from tracer_env.parts.task_contracts import grading, inside, reading, same
from tracer_env.rules import DialogueState
from tracer_env.types import Role, Seat, Utterance, Verdict
from tracer_env.verification.extraction import ANSWER_IS, STATED
from tracer_env.verification.quoting import own_words
from tracer_env.verification.reasoning import UNREAD, unread_of
from tracer_env.verification.reasoning import spoken as spoken_part
from tracer_env.verification.verdicts import read_verdict

__all__ = ["agreement", "ask", "ask_each", "judge", "received", "unread_by"]


def judge(utterance: Utterance, state: DialogueState, seat: Seat, scenario: Scenario) -> Utterance:
    """Return ``utterance`` with answer, rule and grade (a proposal) or verdict (a review) filled in.

    A scenario whose reading hangs on the dialogue has ``reading(state) -> Scenario``, which is asked first; one that
    says which reasoning blocks are not read has ``unread``.
    An answer that the scenario calls equal to an earlier one of the dialogue takes that one's string, so that rules and
    keys can count answers without a verifier.
    Raises ScenarioError for a reading or a grade that is none.
    """
    if utterance.rule == "given":
        return utterance
    if seat.role is Role.REVIEWER:
        verdict = read_verdict(utterance.text, unread_of(scenario))
        agrees = agreement(utterance.text, state, scenario)
        return replace(utterance, verdict=verdict, agrees=agrees, answer=None, rule="", grade=None)
    scenario = inside(scenario, state)
    found = reading(scenario, utterance.text, state)
    answer = found.answer
    if answer is not None:
        earlier = [p.utterance.answer for p in state.proposals if p.utterance.answer is not None]
        if answer not in earlier:
            answer = next((e for e in earlier if same(scenario, e, answer, state)), answer)
    grade = grading(scenario, utterance.text, state)
    return replace(utterance, answer=answer, rule=found.rule, grade=grade, verdict=Verdict.NONE, agrees=0)


def agreement(text: str, state: DialogueState, scenario: Scenario) -> int:
    """Return whether a review states the pending answer as its own (1), another one (-1), or none (0).

    Its own answer is what it marks as an answer, or the right side of the equation that it ends with: a number that is
    only mentioned is no answer, nor is one that it repeats from the proposal (`quoting`).
    Raises ScenarioError for a reading that is none.
    """
    pending = state.pending
    if pending is None or pending.utterance.answer is None:
        return 0
    scenario, said = inside(scenario, state), spoken_part(text, unread_of(scenario))
    if said is None:
        return 0
    text = own_words(said)
    found = reading(scenario, text, state)
    if found.answer is None or (found.rule not in _MARKED and not _CONCLUDES.search(text)):
        return 0
    return 1 if same(scenario, pending.utterance.answer, found.answer, state) else -1


_MARKED = STATED | ANSWER_IS | {"a_colon"}
_CONCLUDES = re.compile(r"=\s?[^\s=]{1,40}\s*\Z")


def ask(speaker: Speaker, requests: Sequence[Request], scenario: Scenario) -> list[Utterance]:
    """Call the speaker once for all requests and judge what it says; the list is flat, in request order.

    Raises SpeakerError when the speaker raised, or returned the wrong number of utterances or something else. What
    it raised over many requests is looked for once, among halves of them, so that the error names the one.
    """
    if not requests:
        return []
    requests = _reading_out(requests, scenario)
    try:
        said = spoken(speaker, requests)
    except SpeakerError as error:
        if error.narrow or error.__cause__ is None:
            raise
        found = _narrowed(speaker, requests)
        if found is None:
            raise
        raise found from found.__cause__
    return _judged(said, requests, scenario)


def ask_each(speaker: Speaker, requests: Sequence[Request], scenario: Scenario) -> list[Utterance | PartError]:
    """Return what `ask` does for requests of one candidate each, with an error for each that failed."""
    if not requests:
        return []
    requests = _reading_out(requests, scenario)
    try:
        said = heard(speaker, requests)
    except PartError as error:
        if len(requests) == 1:
            return [error]
        half = len(requests) // 2
        return ask_each(speaker, requests[:half], scenario) + ask_each(speaker, requests[half:], scenario)
    return [_judged_or_failed(one, request, scenario) for one, request in zip(said, requests, strict=True)]


def received(
    given: list[Utterance], requests: Sequence[Request], speaker: Speaker, scenario: Scenario
) -> list[Utterance]:
    """Check what a speaker returned for ``requests`` and judge it; raises SpeakerError as `ask` does."""
    said: list[Utterance] = []
    for one in heard(speaker, requests, given):
        if isinstance(one, PartError):
            raise one
        said.append(one)
    return _judged(said, requests, scenario)


def unread_by(scenario: Scenario) -> tuple[str, ...] | None:
    """Return which reasoning blocks a scenario leaves out, None where these are the usual ones; see `Request`."""
    names = unread_of(scenario)
    return None if names == UNREAD else names


def _reading_out(requests: Sequence[Request], scenario: Scenario) -> Sequence[Request]:
    """Tell speakers which reasoning blocks the scenario leaves out, where these are not the usual ones."""
    names = unread_by(scenario)
    return requests if names is None else [request._replace(unread=names) for request in requests]


def _judged(said: Sequence[Utterance], requests: Sequence[Request], scenario: Scenario) -> list[Utterance]:
    asked = (request for request in requests for _ in range(request.candidates))
    return [judge(one, request.state, request.seat, scenario) for one, request in zip(said, asked, strict=True)]


def _judged_or_failed(said: Utterance | PartError, request: Request, scenario: Scenario) -> Utterance | PartError:
    if isinstance(said, PartError):
        return said
    try:
        return judge(said, request.state, request.seat, scenario)
    except PartError as error:
        return error


def _narrowed(speaker: Speaker, requests: Sequence[Request]) -> SpeakerError | None:
    """Return the error of the first request that fails without the others; None where each works by itself."""
    while len(requests) > 1:
        half = len(requests) // 2
        for part in (requests[:half], requests[half:]):
            try:
                heard(speaker, part)
            except SpeakerError as error:
                if error.narrow:
                    return error
                requests = part
                break
        else:
            return None
    return None
