"""Episodes played once more by the rules: what is true of all that are played, and what is noticed of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from samples import mended

from tracer_env.agents.controllers.baselines import Random
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.compositions import information_named
from tracer_env.episodes.retelling import retell
from tracer_env.episodes.transcript import Transcript
from tracer_env.information import KEYS
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.runs.playing import evaluate
from tracer_env.types import Action


def played(rules: Rules, information: str = "vote_and_time", limit: int = 12) -> list[Transcript]:
    blocks = evaluate(
        {"m": Random(p=0.6)},
        make_scenario("arithmetic", limit=limit),
        SimulatedSpeaker(),
        rules,
        seed=4,
        information=information,
        worlds=2,
    )
    return [told for block in blocks for told in block]


@pytest.mark.parametrize("information", list(KEYS))
@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(num_agents=3, max_turns=8, final_answer="highest_vote"),
        Rules(max_turns=7, stop_when="kept", final_answer="majority"),
    ],
)
def test_whatever_is_played_is_told_alike(rules: Rules, information: str) -> None:
    key = information_named(information)
    assert {retell(told, rules, key) for told in played(rules, information)} == {""}


TOLD = next(told for told in played(Rules()) if told.turns[1].free and told.turns[1].action is Action.SPEAK)


def turned(number: int, **values: Any) -> Transcript:
    turns = list(TOLD.turns)
    turns[number - 1] = replace(turns[number - 1], **values)
    return replace(TOLD, turns=tuple(turns))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (replace(TOLD, max_turns=6), "max_turns is 6, and the run's rules say 5"),
        (replace(TOLD, turns=TOLD.turns[:4]), "it ends at turn 4, before its end"),
        (replace(TOLD, turns=(*TOLD.turns, TOLD.turns[-1])), "it goes on after its end at turn 5"),
        (replace(TOLD, final_turn=TOLD.final_turn - 2 or 3), "and the rules take turn"),
        (replace(TOLD, seed=5), ""),
        (turned(2, agent=0), "turn 2: agent_0 as reviewer sits where agent_1 (reviewer) belongs"),
        (turned(2, mask=(0, 1)), r"turn 2: mask is [0, 1], and the rules say [1, 1]"),
        (turned(2, key="k"), "turn 2: key is 'k', and the seat saw 'agent_1/reviewer/vote_0/not_last'"),
        (turned(2, speak_probability=0.0), "SPEAK is not what the seed and a probability of 0.0 come to"),
        (turned(2, skip_value=0.25), "turn 2: its values are 0.25 and"),
        (turned(2, speak_value=None), "its values are"),
    ],
)
def test_what_departs_is_told(told: Transcript, message: str) -> None:
    assert message in retell(told, Rules(), information_named("vote_and_time"))


def test_what_the_seats_saw_is_not_asked_where_it_cannot_be_known() -> None:
    assert retell(turned(2, key="k"), Rules(), None) == ""
    assert "SPEAK is not what the seed" in retell(turned(2, speak_probability=0.0), Rules(), None)


def test_another_seed_makes_other_choices() -> None:
    """One choice may come out alike by chance; a run's do not."""
    key = information_named("vote_and_time")
    assert sum(retell(replace(told, seed=5), Rules(), key) != "" for told in played(Rules())) > 10
    assert retell(replace(mended(), seed=1), Rules(), key).startswith("turn 1: key is")
