"""Best responses and optima: hand-made games, and every deterministic policy tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from tree_games import absent_minded, coordination, misleading, one_decision, random_trees

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import MergedTrees, merge
from tracer_env.trainers.cfr.optima import best_response, clairvoyant_value, gap, joint_optimum, may_repeat
from tracer_env.trainers.cfr.solver import random_start, uniform
from tracer_env.trees.payoffs import role_payoffs, team_payoffs
from tracer_env.trees.tree import DialogueTrees


def team(trees: DialogueTrees, information: str = "vote_and_time") -> MergedTrees:
    return merge(tree_game(trees, team_payoffs(trees), information))


def tried(merged: MergedTrees, speak: np.ndarray, agents: tuple[int, ...]) -> float:
    """Return the best value over all deterministic policies of a coalition, one by one."""
    own = np.concatenate([np.arange(merged.size)[merged.agents[agent]] for agent in agents])
    choices = np.array(list(product((0.0, 1.0), repeat=len(own)))).T
    policies = np.repeat(speak[:, None], choices.shape[1], axis=1)
    policies[own] = choices
    values = merged.values(policies)
    rows = [0] if len(values) == 1 else list(agents)
    return float(values[rows].mean(axis=0).max())


def test_one_decision() -> None:
    merged = team(one_decision())
    best = joint_optimum(merged)
    assert (best.value, best.bound, best.exact, best.how) == (1.0, 1.0, True, "recall")
    assert best.speak.tolist() == [1.0, 0.0]
    assert gap(merged, uniform(1)).gains == (0.0, 0.5)
    assert clairvoyant_value(tree_game(one_decision(), team_payoffs(one_decision()))) == 1.0


def test_coordination_has_two_equilibria_and_one_optimum() -> None:
    merged = team(coordination(), "time_only")
    both_skip, both_speak = np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0])
    assert merged.values(both_skip)[0] == pytest.approx(2 / 3)
    assert merged.values(both_speak)[0] == pytest.approx(1.0)
    assert gap(merged, both_skip).total == gap(merged, both_speak).total == 0.0
    # one agent alone, the other at 1/2: speaking 1/2, skipping 1/3
    assert merged.values(uniform(2))[0] == pytest.approx(5 / 12)
    assert gap(merged, uniform(2)).gains == pytest.approx((1 / 12, 1 / 12))
    best = joint_optimum(merged)
    assert (best.value, best.exact) == (pytest.approx(1.0), True)
    assert best.speak.tolist() == [1.0, 1.0, 0.0]


def test_misleading_tree() -> None:
    merged = team(misleading())
    assert joint_optimum(merged).value == pytest.approx(1.0)
    # what the paper's one-step values come to after ten iterations (test_tree_credit): 1/20 and 1/2
    order = {"agent_0/proposer/vote_0/last": 0.5, "agent_0/proposer/vote_minus_1/last": 0.5}
    speak = np.array([*(order.get(name, 0.05) for name in merged.names), 0.0])
    found = gap(merged, speak)
    assert found.gains == pytest.approx((0.05 * 0.5 / 3, 0.95 * 0.5 / 3))
    assert found.total == pytest.approx(1 / 6)
    assert best_response(merged, speak, (1,)).value == pytest.approx(2 / 3 + 1 / 6)


def test_forgetting_what_one_did_leaves_a_bound() -> None:
    merged = team(absent_minded(), "vote_only")
    best = joint_optimum(merged)
    assert may_repeat(merged)
    assert (best.value, best.bound, best.how) == (0.0, 1.0, "enumerate")
    assert merged.values(np.array([0.5, 0.0]))[0] == 0.25


GAMES = [
    (Rules(max_turns=4), "vote_and_time"),
    (Rules(max_turns=4), "time_only"),
    (Rules(max_turns=5), "time_only"),
    (Rules(num_agents=3, max_turns=5), "vote_only"),
    (Rules(num_agents=1, max_turns=5, stop_when="kept"), "time_only"),
    (Rules(max_turns=5, stop_when="kept"), "vote_only"),
]


@pytest.mark.parametrize(("rules", "information"), GAMES)
@pytest.mark.parametrize("credit", ["team", "role"])
def test_nothing_deterministic_is_better(rules: Rules, information: str, credit: str) -> None:
    trees = random_trees(rules, 20, seed=11)
    payoffs = team_payoffs(trees, 0.02) if credit == "team" else role_payoffs(trees)
    merged = merge(tree_game(trees, payoffs, information))
    speak = random_start(merged.size, 3)
    everybody = tuple(range(rules.num_agents))
    for agents in {(0,), everybody[-1:], everybody}:
        own = sum(merged.agents[agent].stop - merged.agents[agent].start for agent in agents)
        if not 0 < own <= 12:
            continue
        best = best_response(merged, speak, agents)
        assert best.value == pytest.approx(tried(merged, speak, agents), abs=1e-12)
        assert best.bound >= best.value - 1e-12
        assert best.exact
        paid = merged.values(best.speak)
        assert paid[[0] if len(paid) == 1 else list(agents)].mean() == pytest.approx(best.value)


def test_perfect_recall_is_solved_in_one_pass_and_bounds_the_rest() -> None:
    trees = random_trees(Rules(max_turns=5), 60, seed=2)
    full, forgetful = team(trees, "history"), team(trees, "vote_and_time")
    best = joint_optimum(full)
    assert (best.how, best.exact) == ("recall", True)
    assert full.values(best.speak)[0] == pytest.approx(best.value)
    assert joint_optimum(forgetful).value <= joint_optimum(forgetful).bound <= best.value + 1e-12
    assert best.value <= clairvoyant_value(tree_game(trees, team_payoffs(trees)))
    assert gap(full, best.speak).total == pytest.approx(0.0, abs=1e-12)


def test_climbing_is_a_lower_bound_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = random_trees(Rules(max_turns=5), 40, seed=8)
    merged = team(trees)
    exact = joint_optimum(merged)
    assert exact.how == "enumerate"
    monkeypatch.setattr("tracer_env.trainers.cfr.optima._MOST_TRIED", -1)
    climbed = joint_optimum(merged)
    assert climbed.how == "ascent"
    assert climbed.value <= exact.value + 1e-12
    assert climbed.value == pytest.approx(exact.value, abs=0.02)
    assert climbed.bound == pytest.approx(exact.bound)
    assert not climbed.exact


def test_how_many_policies_are_tried_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    merged = team(random_trees(Rules(max_turns=5), 40, seed=8), "time_only")
    whole = joint_optimum(merged)
    monkeypatch.setattr("tracer_env.trainers.cfr.optima._CELLS", 1)
    parts = joint_optimum(merged)
    assert parts.value == pytest.approx(whole.value, abs=1e-14)
    assert parts.speak.tolist() == whole.speak.tolist()


def test_clairvoyant_stops_where_dialogues_stop() -> None:
    trees = random_trees(Rules(max_turns=5, stop_when="kept"), 9, seed=1)
    luck = np.random.default_rng(0).random((1, 16, 9))
    over = [trees.over(depth) for depth in range(4)]

    def best(row: int, depth: int, node: int) -> float:
        if depth == 4:
            return float(luck[0, node, row])
        below = [best(row, depth + 1, 2 * node + a) for a in (0, 1)]
        return below[0] if over[depth][node] else max(below)

    expected = np.mean([best(row, 0, 0) for row in range(9)])
    assert clairvoyant_value(tree_game(trees, luck)) == pytest.approx(expected)


def test_coalitions_are_checked() -> None:
    merged = team(misleading())
    for wrong in ((), (2,), (-1,)):
        with pytest.raises(ConfigError, match="coalition"):
            best_response(merged, uniform(merged.size), wrong)
    lonely = team(random_trees(Rules(num_agents=4, max_turns=3), 3, seed=0))
    assert best_response(lonely, uniform(lonely.size), (0,)).exact
