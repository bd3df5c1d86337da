"""Training of tables: windows, resumption, and the regret that has to fall."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pytest
from moves import Script

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, RegretMatchingPlus
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.trainers.regret.trainer import (
    ControllerTraining,
    DialoguePlayer,
    average_regret,
    loglog_slope,
    policy_table,
    tables,
    thinned,
    train_controller,
)
from tracer_env.types import Role, Seat, Task, Turn

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), difficulty=i / 10) for i in range(9)]
SCENARIO = make_scenario(TASKS)


def train(controller, episodes: int, speaker=None, rules: Rules | None = None, **settings) -> ControllerTraining:
    return train_controller(controller, SCENARIO, speaker or SimulatedSpeaker(), rules or Rules(), episodes, **settings)


# -- small sums ----------------------------------------------------------------------------------


def test_one_window_by_hand() -> None:
    """W is proposed, the reviewer would say WRONG, every new proposal is correct; one episode, uniform policies.

    Whatever is chosen, v(SKIP) and v(SPEAK) are valued at each turn: the reviewer's are -1 and +1 while W stands.
    """
    table = RegretMatching()
    run = train(table, 1, Script("W.C.C", "-"), Rules(max_turns=2), update_every=1)
    row = table.rows["agent_1/reviewer/vote_0/last"]
    assert (row.cumulative_regret, row.strategy, row.visits) == ([-1.0, 1.0], [0.5, 0.5], 1)
    assert list(table.rows) == ["agent_1/reviewer/vote_0/last"]  # turn 1 is no choice
    assert (run.episodes, run.turns, run.curve) == (1, 2, [(1, 1.0)])
    assert run.tokens + run.counterfactual_tokens == 2 * 10  # both branches are drawn, spoken or not


def test_policies_are_frozen_inside_a_window() -> None:
    """Four episodes under the uniform policy, then one under the policy that they taught."""
    table = RegretMatching()
    train(table, 5, Script("W", "-"), Rules(max_turns=2), update_every=4)
    row = table.rows["agent_1/reviewer/vote_0/last"]
    assert row.cumulative_regret == [4 * -1.0 + -2.0, 4 * 1.0 + 0.0]  # under P(SPEAK) = 1: r = (-1 - 1, 1 - 1)
    assert row.strategy == [4 * 0.5, 4 * 0.5 + 1.0]


def test_the_last_window_may_be_short() -> None:
    seen: list[int] = []
    train(RegretMatching(), 70, update_every=32, after_window=lambda run: seen.append(run.episodes))
    assert seen == [32, 64, 70]


def test_a_timeout_teaches_nothing() -> None:
    table = RegretMatching()
    run = train(table, 20, Script("T", "+-"))
    assert table.rows == {}
    assert (run.turns, run.curve[-1][1]) == (100, 0.0)


def test_a_timeout_spoils_only_what_needs_it() -> None:
    """Turn 1 correct, turn 3 would time out, turn 5 is correct: turn 3's choice is never learned from."""
    table = RegretMatching()
    train(table, 40, Script("C.T.C", "+"))
    times = {key.rpartition("/")[2]: row for key, row in table.rows.items() if "proposer" in key}
    assert "not_last" not in times
    assert sum(row.visits for key, row in table.rows.items() if key.endswith("reviewer/vote_0/not_last")) == 40
    later = sum(row.visits for key, row in table.rows.items() if key.endswith("/last"))
    assert 0 < later < 80  # where turn 3 kept, turns 4 and 5 are learned from; after a timeout, turn 5 and 4 are not


# -- both players, resumption --------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RegretMatching, RegretMatchingPlus])
@pytest.mark.parametrize("information", ["vote_and_time", "history"])
def test_resuming_equals_never_having_stopped(kind: type[RegretMatching], information: str) -> None:
    whole = kind()
    unbroken = train(whole, 320, information=information, seed=4)
    stopped = kind()
    first = train(stopped, 128, information=information, seed=4)
    revived = kind()
    revived.load_state_dict(json.loads(stopped.to_json()))
    first.controller = revived
    second = train(revived, 320, information=information, seed=4, resume=first)
    assert revived.to_json() == whole.to_json()
    assert second.curve == unbroken.curve
    assert (second.turns, second.tokens, second.counterfactual_tokens) == (
        unbroken.turns,
        unbroken.tokens,
        unbroken.counterfactual_tokens,
    )


def test_seeds_matter_and_repeat() -> None:
    def learned(seed: int) -> str:
        table = RegretMatching()
        train(table, 64, seed=seed)
        return table.to_json()

    assert learned(1) == learned(1)
    assert learned(1) != learned(2)


def test_the_table_knows_what_it_was_trained_under() -> None:
    table = RegretMatching()
    train(table, 32, rules=Rules(max_turns=7), information="vote_only")
    assert (table.rules, table.information) == (Rules(max_turns=7), "vote_only")
    with pytest.raises(ConfigError, match="max_turns 7 not 5"):
        table.check(Rules())


@dataclass(frozen=True)
class ReviewFirst:
    """A schedule that begins with a review, at which nothing can be said."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % num_agents, Role.REVIEWER if turn % 2 else Role.PROPOSER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return turns


def test_a_schedule_that_begins_with_a_review_is_trained_as_it_is_played() -> None:
    table, slow, rules = RegretMatching(), RegretMatching(), Rules(schedule=ReviewFirst())
    train(table, 32, rules=rules)
    for learner, sums in DialoguePlayer(slow, SCENARIO, SimulatedSpeaker(), rules, 0, "vote_and_time").play(0, 32):
        for key, (skip, speak, visits) in sums.items():
            learner.accumulate(key, (skip, speak), 0.5, visits)
    assert table.rows == slow.rows
    assert sum(row.visits for row in table.rows.values()) == 3 * 32  # turns 1 and 2 are no choices


# -- casts ---------------------------------------------------------------------------------------


def test_only_the_tabular_part_of_a_cast_learns() -> None:
    table = RegretMatching()
    run = train(CastController({"proposer": Never(), "reviewer": table}), 64)
    assert {key.split("/")[1] for key in table.rows} == {"reviewer"}
    assert sum(row.visits for row in table.rows.values()) == 2 * 64
    assert run.turns == 5 * 64
    keys = set(table.rows)
    assert not any("minus_2" in key for key in keys if "not_last" in key)


def test_a_cast_of_two_tables_learns_what_one_table_learns() -> None:
    """Keys start with the role, so a table for each role and one table for both hold the same rows."""
    one, proposer, reviewer = RegretMatching(), RegretMatching(), RegretMatching()
    cast = CastController({"proposer": proposer, "reviewer": reviewer})
    train(one, 96, seed=2)
    train(cast, 96, seed=2)
    assert {**proposer.rows, **reviewer.rows} == one.rows
    assert average_regret(cast) == pytest.approx(one.average_regret(), rel=1e-12)
    assert tables(cast) == [proposer, reviewer]


def test_other_parts_play_as_they_are() -> None:
    """Beside a proposer that always speaks, the vote at turn 4 starts at 0 for every reviewer."""
    table = RegretMatching()
    train(CastController({"proposer": Always(), "reviewer": table}), 64)
    assert {key.split("/")[2] for key in table.rows} <= {"vote_0", "invalid_pending"}


@pytest.mark.parametrize("controller", [Always(), CastController({"proposer": Never(), "reviewer": Always()})])
def test_what_has_no_table_cannot_be_trained(controller) -> None:
    with pytest.raises(ConfigError, match="keeps no table, so there is nothing to train"):
        train(controller, 10)


@pytest.mark.parametrize("settings", [{"episodes": 0}, {"episodes": 5, "update_every": 0}])
def test_impossible_lengths_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="must be at least 1, got 0"):
        train(RegretMatching(), **settings)


# -- what has to hold ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "limit"), [(RegretMatching, 0.005), (RegretMatchingPlus, 0.01)])
@pytest.mark.parametrize("seed", [0, 1])
def test_average_regret_falls(kind: type[RegretMatching], limit: float, seed: int) -> None:
    """Simulated `balanced`, 5 turns, 2 agents, 10,000 episodes of the arithmetic train split."""
    table = kind()
    scenario = make_scenario("arithmetic", split="train", seed=seed)
    run = train_controller(table, scenario, SimulatedSpeaker("balanced"), Rules(), 10_000, seed=seed)
    assert run.curve[-1] == (10_000, table.average_regret())
    assert table.average_regret() < limit
    slope = run.slope(100)
    assert slope is not None
    assert slope <= -0.5
    by_rows = sum(entry["average_regret"] * entry["visits"] for entry in policy_table(table))
    assert by_rows / sum(entry["visits"] for entry in policy_table(table)) == pytest.approx(table.average_regret())


# -- the curve -----------------------------------------------------------------------------------


def test_the_slope_of_known_curves() -> None:
    curve = [(n, 3.0 / math.sqrt(n)) for n in range(1, 5000)]
    assert loglog_slope(curve, 100) == pytest.approx(-0.5)
    assert loglog_slope([(n, 2.0 / n) for n in range(1, 5000)], 1) == pytest.approx(-1.0)
    assert loglog_slope([(10, 1.0), (1000, 1.0), (2000, 1.0)], 100) == pytest.approx(0.0)
    assert loglog_slope([(200, 0.5)], 100) is None
    assert loglog_slope([(200, 0.0), (300, 0.0)], 100) is None
    assert loglog_slope([], 100) is None


def test_thinning_keeps_the_ends() -> None:
    curve = [(n, 1.0 / n) for n in range(1, 1001)]
    few = thinned(curve, 20)
    assert few[0] == curve[0]
    assert few[-1] == curve[-1]
    assert 10 < len(few) <= 20
    assert thinned(curve[:5], 20) == curve[:5]


def test_a_run_as_plain_data() -> None:
    run = train(RegretMatching(), 200)
    data = json.loads(json.dumps(run.to_data()))
    assert set(data) == {
        *("episodes", "average_regret", "turns", "tokens", "counterfactual_tokens", "average_regret_curve"),
        "policy_table",
    }
    assert data["average_regret"]["first"] == run.curve[0][1]
    assert data["average_regret"]["last"] == run.curve[-1][1] == data["average_regret_curve"][-1][1]
    assert set(data["policy_table"][0]) == {"key", "visits", "speak_average", "speak_current", "average_regret"}
    assert json.loads(json.dumps(ControllerTraining(RegretMatching()).to_data()))["average_regret"] == {
        "first": None,
        "last": None,
        "slope": None,
    }


def test_tokens_are_counted_apart() -> None:
    """The dialogue player: what is said and what is only drawn, 10 tokens each; a table that learned to skip."""
    table = RegretMatching("history")
    run = train(table, 8, Script("C", "-"), information="history", update_every=4)
    assert run.tokens + run.counterfactual_tokens == 8 * 5 * 10
    assert run.counterfactual_tokens > run.tokens
    player = DialoguePlayer(table, SCENARIO, Script("C", "-"), Rules(), 0, "history")
    player.play(100, 4)
    assert player.turns == 20
    assert player.tokens + player.counterfactual_tokens == 200
