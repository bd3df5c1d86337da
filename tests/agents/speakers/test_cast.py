from __future__ import annotations

from collections.abc import Sequence

import pytest
from moves import play

from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.errors import ConfigError, SpeakerError
from tracer_env.interfaces import Request
from tracer_env.rules import Rules
from tracer_env.types import Role, Seat, Utterance


class Voice:
    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[int] = []

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.calls.append(len(requests))
        return [Utterance(f"{self.name}{r.stream}.{c}") for r in requests for c in range(r.candidates)]


A, B, C = Seat(0, Role.PROPOSER), Seat(1, Role.REVIEWER), Seat(1, Role.PROPOSER)


def ask(letters: str, stream: int, candidates: int = 1) -> Request:
    state = play(letters)
    return Request(state, state.seat, stream, candidates)


def test_each_part_is_called_once_and_the_order_is_kept() -> None:
    proposer, reviewer = Voice("p"), Voice("r")
    cast = CastSpeaker({"proposer": proposer, "reviewer": reviewer}, Rules())
    said = cast.speak([ask("W", 1), ask("", 2, 2), ask("C", 3), ask("C-", 4)])
    assert [u.text for u in said] == ["r1.0", "p2.0", "p2.1", "r3.0", "p4.0"]
    assert (proposer.calls, reviewer.calls) == ([2], [2])


def test_the_most_specific_key_wins() -> None:
    role, agent, both = Voice("role"), Voice("agent"), Voice("both")
    cast = CastSpeaker({"proposer": role, "agent_1": agent, "agent_1/proposer": both})
    assert (cast.part(A), cast.part(B), cast.part(C)) == (role, agent, both)


def test_one_object_under_two_keys_is_one_part() -> None:
    voice = Voice("v")
    CastSpeaker({"proposer": voice, "reviewer": voice}).speak([ask("", 1), ask("W", 2)])
    assert voice.calls == [2]


def test_a_seat_that_no_part_covers_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"no part of the cast speaks for agent_1 \(reviewer\): it has proposer; add"):
        CastSpeaker({"proposer": Voice("p")}, Rules())
    with pytest.raises(ConfigError, match="no part"):
        CastSpeaker({"agent_0": Voice("p"), "agent_1": Voice("r")}).check(Rules(num_agents=3))


def test_a_part_without_a_turn_is_refused() -> None:
    parts = {"proposer": Voice("p"), "reviewer": Voice("r"), "agent_4": Voice("x")}
    with pytest.raises(ConfigError, match="'agent_4' of the cast has no turn"):
        CastSpeaker(parts, Rules())


@pytest.mark.parametrize("key", ["", "/", "proposr", "agent_", "agent_01", "agent_1/", "/proposer", "agent_1proposer"])
def test_keys_are_roles_and_agents(key: str) -> None:
    with pytest.raises(ConfigError, match=r"named by role, agent_N or agent_N/role"):
        CastSpeaker({key: Voice("v")})


def test_parts_must_be_speakers_and_keep_their_promise() -> None:
    with pytest.raises(ConfigError, match="must be a speaker with a speak"):
        CastSpeaker({"proposer": print})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="at least one part"):
        CastSpeaker({})

    class Mute(Voice):
        def speak(self, requests: Sequence[Request]) -> list[Utterance]:
            return []

    with pytest.raises(SpeakerError, match="returned 0 items for 1 candidates"):
        CastSpeaker({"proposer": Mute("m")}).speak([ask("", 1)])
