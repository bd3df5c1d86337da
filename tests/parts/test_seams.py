"""What parts may offer: asked of ours, of those that offer nothing, and of those that mean something else by a name."""

from __future__ import annotations

from typing import Any

import pytest

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError
from tracer_env.information import vote_only
from tracer_env.parts.casting import make_controller, make_speaker
from tracer_env.parts.seams import at_seat, check_plays, costs_nothing, own_key, parts_of, trees_of
from tracer_env.rules import Rules


class Bare:
    """A part that offers nothing besides, but for a name that means something else."""

    parts = 3

    def speak_probability(self, state: Any, key: str) -> float:
        return 0.5


def test_casts_and_others() -> None:
    cast, rules = CastController({"proposer": Always(), "reviewer": Never()}), Rules()
    assert set(parts_of(cast)) == {"proposer", "reviewer"}
    assert isinstance(at_seat(cast, rules.seats[2]), Never)
    bare = Bare()
    assert parts_of(bare) == {}
    assert at_seat(bare, rules.seats[2]) is bare
    assert own_key(bare) is None
    assert make_controller(bare, rules) is bare


def test_a_key_of_its_own() -> None:
    table: Any = make_controller("regret_matching:information=vote_only")
    assert own_key(table) is vote_only


def test_speakers_that_are_particular_free_or_recorded() -> None:
    recorded = make_speaker("recorded")
    check_plays(recorded, Rules())
    with pytest.raises(ConfigError):
        check_plays(recorded, Rules(max_turns=9))
    check_plays(SimulatedSpeaker(), Rules(max_turns=9))
    assert trees_of(recorded).rules == Rules()
    assert trees_of(SimulatedSpeaker()) is None
    assert costs_nothing(recorded)
    assert costs_nothing(SimulatedSpeaker())
    assert not costs_nothing(Bare())
