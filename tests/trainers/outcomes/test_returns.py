"""Tables of action values, taught by playing: steps by hand, casts, windows, seeds."""

from __future__ import annotations

import pytest
from moves import TASK, Script

from tracer_env.agents.controllers.action_values import ActionValues, Step
from tracer_env.agents.controllers.bandits import EpsilonGreedy
from tracer_env.agents.controllers.baselines import Always
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.information import time_only, vote_and_time
from tracer_env.interfaces import Controller
from tracer_env.parts.casting import make_controller, make_scenario
from tracer_env.rules import Rules
from tracer_env.trainers.outcomes.returns import steps_of, train_on_returns

RULES = Rules()


def played(controller: Controller) -> Transcript:
    """W at turn 1, C at turns 3 and 5; 10 tokens an utterance."""
    job = Job(0, "m", controller, TASK, 0, 0)
    return rollout([job], Script("W.C.C", ".-.-."), make_scenario([TASK]), RULES, time_only)[0]


def test_the_steps_of_a_dialogue_by_hand() -> None:
    table = EpsilonGreedy(price=0.01)
    found = list(steps_of(played(Always()), RULES, table, table))
    keys = [f"agent_{turn % 2}/{('proposer', 'reviewer')[turn % 2]}" for turn in (1, 2, 3, 4)]
    assert [step.key.rpartition("/")[0] for step in found] == keys
    assert [step.action for step in found] == [1, 1, 1, 1]
    assert [step.reward for step in found] == pytest.approx([-0.1, -0.1, -0.1, 0.9])  # turn 1 is nobody's choice


def test_in_a_cast_a_table_has_the_steps_of_its_own_seats() -> None:
    table = EpsilonGreedy(price=0.01)
    cast = CastController({"proposer": Always(), "reviewer": table})
    found = list(steps_of(played(Always()), RULES, cast, table))
    assert [step.reward for step in found] == pytest.approx([-0.2, 0.8])  # what the other seat spends is the team's


@pytest.mark.parametrize("name", ["epsilon_greedy", "ucb", "thompson", "q_learning"])
def test_it_learns_what_is_better(name: str) -> None:
    """The second proposal is right: the proposer of turn 3 must write, and with a price nobody else should speak."""
    table = make_controller(f"{name}:price=0.01")
    assert isinstance(table, ActionValues)
    turns = Script("W.C.C", ".-.-.")
    course = train_on_returns(table, make_scenario([TASK]), turns, RULES, 400, information="history")
    assert course["turns"] == 2000
    assert table.lessons.among([TASK]) == 1
    again = rollout([Job(0, "m", table, TASK, 0, 0)], turns, make_scenario([TASK]), RULES, vote_and_time)[0]
    assert again.correct
    assert [int(turn.action) for turn in again.turns] in ([1, 0, 1, 0, 0], [1, 0, 0, 0, 1])


@pytest.mark.parametrize("batch", [1, 7])
def test_a_window_plays_what_was_known_at_its_beginning(batch: int) -> None:
    tasks = make_scenario("arithmetic", split="train", limit=20)
    tables = [EpsilonGreedy(price=1e-4) for _ in range(2)]
    for table in tables:
        train_on_returns(table, tasks, SimulatedSpeaker(), RULES, 60, seed=3, update_every=batch)
    assert tables[0].to_json() == tables[1].to_json()
    other = EpsilonGreedy(price=1e-4)
    train_on_returns(other, tasks, SimulatedSpeaker(), RULES, 60, seed=4, update_every=batch)
    assert other.to_json() != tables[0].to_json()


def test_what_has_learned_already_is_left_alone() -> None:
    done, new = EpsilonGreedy(), EpsilonGreedy()
    done.learn([Step("k", 1, 1.0)])
    before = done.to_json()
    tasks = make_scenario("arithmetic", split="train", limit=5)
    cast = CastController({"proposer": done, "reviewer": new})
    train_on_returns(cast, tasks, SimulatedSpeaker(), RULES, 20)
    assert done.to_json() == before
    assert set(new.rows)
    assert all("reviewer" in key for key in new.rows)
