from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest
from moves import play

from tracer_env.agents.speakers.cached import CachedSpeaker, request_key
from tracer_env.errors import SpeakerError
from tracer_env.interfaces import Request
from tracer_env.rules import Rules
from tracer_env.types import Utterance


class Counter:
    """Never says the same twice."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.numbers = count()

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.calls.append(len(requests))
        return [Utterance(str(next(self.numbers))) for r in requests for _ in range(r.candidates)]


def ask(letters: str = "", stream: int = 1, candidates: int = 1, rules: Rules | None = None) -> Request:
    state = play(letters, rules)
    return Request(state, state.seat, stream, candidates)


def texts(speaker: CachedSpeaker, *requests: Request) -> list[str]:
    return [u.text for u in speaker.speak(requests)]


def test_a_request_is_answered_once() -> None:
    inner = Counter()
    speaker = CachedSpeaker(inner)
    assert texts(speaker, ask(), ask("W")) == ["0", "1"]
    assert texts(speaker, ask("W"), ask(), ask("C")) == ["1", "0", "2"]
    assert inner.calls == [2, 1]
    assert (speaker.hits, speaker.misses, len(speaker)) == (2, 3, 3)


def test_twins_in_one_batch_are_generated_once() -> None:
    speaker = CachedSpeaker(Counter())
    assert texts(speaker, ask(), ask(candidates=3), ask(), ask(stream=2)) == ["0", "0", "1", "2", "0", "3"]
    assert (speaker.hits, speaker.misses) == (2, 4)


def test_what_was_handed_out_never_changes() -> None:
    speaker = CachedSpeaker(Counter())
    assert texts(speaker, ask(candidates=2)) == ["0", "1"]
    assert texts(speaker, ask(candidates=4)) == ["0", "1", "4", "5"]
    assert texts(speaker, ask(candidates=3)) == ["0", "1", "4"]


def test_nothing_unknown_means_no_call() -> None:
    inner = Counter()
    speaker = CachedSpeaker(inner)
    assert speaker.speak([]) == []
    texts(speaker, ask())
    texts(speaker, ask())
    assert inner.calls == [1]
    speaker.forget()
    assert texts(speaker, ask()) == ["1"]


def test_it_tells_what_would_cost_nothing() -> None:
    speaker = CachedSpeaker(Counter())
    texts(speaker, ask("W", candidates=2))
    asked = [ask("W"), ask("W", candidates=3), ask("C"), ask("W-"), ask("W-", candidates=2)]
    assert speaker.knows(asked) == [True, False, False, False, False]
    assert speaker.knows(asked, [ask("W-", candidates=2), ask("W-")]) == [True, False, False, True, True]


@pytest.mark.parametrize(
    "other",
    [
        ask("W", stream=2),
        ask("C"),
        ask("W-."),
        ask("W.W"),
        ask("W", rules=Rules(max_turns=7)),
        ask("W", rules=Rules(num_agents=3)),
    ],
)
def test_different_contexts_have_different_keys(other: Request) -> None:
    assert request_key(other) != request_key(ask("W"))


def test_votes_and_silence_are_part_of_the_context() -> None:
    keys = {request_key(ask(letters)) for letters in ("W-C", "W+C", "W.C", "W0C", "W..", "W-.", "W+.", "W0.")}
    assert len(keys) == 8
    assert request_key(ask("W-C")) == request_key(ask("W-C"))


def test_a_speaker_that_returns_too_few_is_named() -> None:
    class Mute:
        def speak(self, requests: Sequence[Request]) -> list[Utterance]:
            return []

    with pytest.raises(SpeakerError, match=r"Mute.speak returned 0 items for 1 candidates"):
        CachedSpeaker(Mute()).speak([ask()])
