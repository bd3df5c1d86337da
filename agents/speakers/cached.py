"""A memory in front of any speaker: the same request is answered once.

What an utterance hangs on is its key: the task, the rules, the seat, the turn, everything said so far, the
votes, the stream and the candidate's number. Equal keys get the very same utterance, whichever method asks, so
two controllers that have made the same choices share the generation. That holds for any speaker, also for one
that would not repeat itself: an utterance that has been handed out never changes.

A request of which only some candidates are known is asked again in full, and the unknown ones are kept. What is not
sound (`contracts`) is not kept: it is raised, or stands in its place (`speak_each`), once all that is sound has been.
The memory belongs to this object: give it one speaker with fixed settings, and `forget` after its weights changed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from tracer_env.errors import PartError
from tracer_env.interfaces import Request, Speaker
from tracer_env.parts.contracts import heard
from tracer_env.parts.worlds import worlds_of
from tracer_env.types import Seat, Utterance

__all__ = ["CachedSpeaker", "request_key"]


def request_key(request: Request) -> Hashable:
    """Return what the utterances of a request are a function of, the candidate's number aside.

    Grades count: a simulated speaker reads them. Rules count whole, since a prompt may name the horizon.
    """
    state = request.state
    said = tuple(
        (turn.number, turn.seat, _content(turn.utterance)) for turn in state.turns if turn.utterance is not None
    )
    votes = tuple((proposal.turn, proposal.vote) for proposal in state.proposals)
    return (state.task, state.rules, request.seat, state.turn, said, votes, request.stream, request.question)


class CachedSpeaker:
    """Answers from memory what ``inner`` has said before; ``hits`` and ``misses`` count candidates."""

    def __init__(self, inner: Speaker) -> None:
        self.inner = inner
        self.hits = 0
        self.misses = 0
        self._known: dict[Hashable, tuple[Utterance, ...]] = {}

    def __repr__(self) -> str:
        return f"CachedSpeaker({self.inner!r}, hits={self.hits}, misses={self.misses})"

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def behind(self, seat: Seat) -> Speaker:
        """Return the speaker that answers: errors name it and not its memory."""
        return self.inner

    @property
    def worlds(self) -> int | None:
        """As many as the inner speaker has."""
        return worlds_of(self.inner)

    def worlds_under(self, seed: int) -> int | None:
        """As many as the inner speaker has under ``seed``."""
        return worlds_of(self.inner, seed)

    def forget(self) -> None:
        """Empty the memory; the counts stay."""
        self._known.clear()

    def knows(self, requests: Sequence[Request], besides: Sequence[Request] = ()) -> list[bool]:
        """Say for each request whether asking costs nothing: known already, or equal to one of ``besides``."""
        found = {request_key(request): request.candidates for request in sorted(besides, key=lambda r: r.candidates)}
        keys = [request_key(request) for request in requests]
        counts = [max(found.get(key, 0), len(self._known.get(key, ()))) for key in keys]
        return [count >= request.candidates for count, request in zip(counts, requests, strict=True)]

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Ask the inner speaker once for everything that is not known yet; raises the first error of its own."""
        said = self.speak_each(requests)
        for one in said:
            if isinstance(one, PartError):
                raise one
        return said  # type: ignore[return-value]  # no error is left in it

    def speak_each(self, requests: Sequence[Request]) -> list[Utterance | PartError]:
        """As `speak`, with the inner speaker's error in the place of each utterance that failed."""
        keys = [request_key(request) for request in requests]
        missing: dict[Hashable, Request] = {}
        for key, request in zip(keys, requests, strict=True):
            planned = missing[key].candidates if key in missing else len(self._known.get(key, ()))
            if request.candidates > planned:
                missing[key] = request
        failed = self._learn(missing)
        asked = sum(request.candidates for request in missing.values())
        self.misses += asked
        self.hits += sum(request.candidates for request in requests) - asked
        return [
            one
            for key, request in zip(keys, requests, strict=True)
            for one in (self._known.get(key, ()) + failed.get(key, ()))[: request.candidates]
        ]

    def _learn(self, missing: dict[Hashable, Request]) -> dict[Hashable, tuple[Utterance | PartError, ...]]:
        """Keep what the inner speaker says; return what it said beyond that where not all of it was sound."""
        if not missing:
            return {}
        failed: dict[Hashable, tuple[Utterance | PartError, ...]] = {}
        said = heard(self.inner, list(missing.values()))
        start = 0
        for key, request in missing.items():
            known = self._known.get(key, ())
            fresh = said[start + len(known) : start + request.candidates]
            sound = tuple([one for one in fresh if not isinstance(one, PartError)])
            if len(sound) == len(fresh):
                self._known[key] = known + sound
            else:
                failed[key] = tuple(fresh)
            start += request.candidates
        return failed


def _content(utterance: Utterance) -> Hashable:
    return (utterance.text, utterance.answer, utterance.grade, utterance.verdict)
