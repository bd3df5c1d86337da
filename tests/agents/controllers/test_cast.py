"""A cast of controllers: each seat asks its own."""

from __future__ import annotations

import pytest
from moves import play

from tracer_env.agents.controllers.baselines import Always, Never, Random
from tracer_env.agents.controllers.cast import CastController, most_specific
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.types import Role, Seat

P, R = Role.PROPOSER, Role.REVIEWER


@pytest.mark.parametrize(
    ("seat", "names", "name"),
    [
        (Seat(0, P), ["proposer", "agent_0", "agent_0/proposer"], "agent_0/proposer"),
        (Seat(0, P), ["proposer", "agent_0"], "agent_0"),
        (Seat(0, P), ["proposer", "agent_1", "agent_0/reviewer"], "proposer"),
        (Seat(1, R), ["proposer", "agent_0"], None),
        (Seat(11, R), ["agent_1", "agent_11"], "agent_11"),
    ],
)
def test_the_most_specific_name_wins(seat: Seat, names: list[str], name: str | None) -> None:
    assert most_specific(names, seat) == name


def test_each_seat_asks_its_own() -> None:
    cast = CastController({"proposer": Never(), "reviewer": Random(0.25), "agent_2": Always()})
    rules = Rules(num_agents=3)
    assert cast.speak_probability(play("C", rules), "") == 0.25  # agent_1 reviews
    assert cast.speak_probability(play("C.", rules), "") == 1.0  # agent_2 proposes
    assert cast.speak_probability(play("C..", rules), "") == 0.25  # agent_0 reviews
    assert cast.speak_probability(play("C...", rules), "") == 0.0  # agent_1 proposes
    assert cast.part(Seat(2, R)) == Always()


def test_the_key_is_handed_on() -> None:
    class Keeps:
        def speak_probability(self, state, key: str) -> float:
            return {"a": 0.1, "b": 0.9}[key]

    cast = CastController({"reviewer": Keeps()})
    assert [cast.speak_probability(play("C"), key) for key in "ab"] == [0.1, 0.9]


@pytest.mark.parametrize("name", ["propser", "agent_x", "agent_0/judge", "agent_", "0", "agent_-1", ""])
def test_names_of_no_seat_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="names no seat"):
        CastController({name: Never()})


def test_a_seat_without_a_controller_is_refused() -> None:
    cast = CastController({"proposer": Never(), "agent_1": Never()})
    cast.check(Rules(num_agents=2))
    cast.check(Rules(num_agents=3, max_turns=3))  # agent_0 reviews at turn 4 only
    with pytest.raises(
        ConfigError, match=r"no controller for agent_0 \(reviewer\); parts are given for: proposer, agent_1"
    ):
        cast.check(Rules(num_agents=3))
    with pytest.raises(ConfigError, match=r"no controller for agent_0 \(reviewer\)"):
        cast.part(Seat(0, R))


def test_the_parts_are_a_copy() -> None:
    parts = {"proposer": Never(), "reviewer": Never()}
    cast = CastController(parts)
    parts.clear()
    assert set(cast.parts) == {"proposer", "reviewer"}
