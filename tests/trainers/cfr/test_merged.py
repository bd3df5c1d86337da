"""Merged, collapsed and plain trees agree; how far they shrink, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tree_games import coordination, misleading, random_trees

from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import collapsed, key_patterns, tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.solver import random_start
from tracer_env.trainers.cfr.sweeps import DenseSweeps
from tracer_env.trees.evaluation import evaluate_policy
from tracer_env.trees.payoffs import role_payoffs, team_payoffs

GAMES = [
    (Rules(max_turns=5), "vote_and_time"),
    (Rules(max_turns=5, stop_when="kept"), "history"),
    (Rules(num_agents=3, max_turns=5), "vote_only"),
    (Rules(num_agents=1, max_turns=4, stop_when="kept"), "time_only"),
    (Rules(num_agents=4, max_turns=3), "history"),
    (Rules(max_turns=2), "vote_and_time"),
]


@pytest.mark.parametrize(("rules", "information"), GAMES)
@pytest.mark.parametrize("paid", ["team", "role", "random"])
def test_all_sweeps_agree(rules: Rules, information: str, paid: str) -> None:
    trees = random_trees(rules, 40, seed=5)
    luck = np.random.default_rng(8)
    payoffs = {
        "team": team_payoffs(trees, 0.01),
        "role": role_payoffs(trees),
        "random": luck.normal(size=(rules.num_agents, 1 << trees.depth, trees.rows)),
    }[paid]
    game = tree_game(trees, payoffs, information)
    merged, speak = merge(game), random_start(game.size, 2)
    for agent in range(rules.num_agents):
        plain, weight = DenseSweeps(game).advantages(agent, speak)
        for sweeps in (DenseSweeps(collapsed(game)), merged, merge(collapsed(game))):
            found, share = sweeps.advantages(agent, speak)
            assert found == pytest.approx(plain, abs=1e-13)
            assert share == pytest.approx(weight, abs=1e-13)


def test_advantages_of_the_coordination_tree_by_hand() -> None:
    trees = coordination()
    game = tree_game(trees, team_payoffs(trees), "time_only")
    speak = np.array([0.5, 0.25, 0.0])  # agent_0, agent_1, nothing
    assert game.names == ("agent_0/proposer/last", "agent_1/proposer/not_last")
    for sweeps in (DenseSweeps(game), merge(game)):
        # agent_0: 3/4 (0 - 2/3) + 1/4 (1 - 0); it has two nodes a tree
        advantage, weight = sweeps.advantages(0, speak)
        assert (advantage[0], weight[0]) == (pytest.approx(-0.25), pytest.approx(2.0))
        # agent_1: 1/2 (1) - 1/2 (2/3)
        advantage, weight = sweeps.advantages(1, speak)
        assert (advantage[0], weight[0]) == (pytest.approx(1 / 6), pytest.approx(1.0))


def test_how_far_trees_shrink() -> None:
    trees = misleading()
    game = tree_game(trees, team_payoffs(trees))
    assert game.nodes == 21
    assert collapsed(game).rows == 2
    assert collapsed(game).counts.tolist() in ([2.0, 1.0], [1.0, 2.0])
    assert key_patterns(game) == 1
    assert merge(game).nodes == 7
    assert merge(game).payoffs[0] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 1.0])


def test_random_payoffs_collapse_nothing_but_merge_all_the_same() -> None:
    trees = random_trees(Rules(max_turns=5), 500, seed=2)
    game = tree_game(trees, np.random.default_rng(0).random((1, 16, 500)))
    assert collapsed(game).rows == 500
    assert key_patterns(game) > 100
    assert merge(game).nodes < 700
    assert game.nodes == 15_500


@pytest.mark.parametrize(("rules", "information"), GAMES)
def test_values_are_those_of_exact_evaluation(rules: Rules, information: str) -> None:
    trees = random_trees(rules, 30, seed=9)
    merged = merge(tree_game(trees, team_payoffs(trees), information))
    speak = random_start(merged.size, 4)
    policy = dict(zip(merged.names, speak.tolist(), strict=False))
    assert merged.values(speak)[0] == pytest.approx(evaluate_policy(trees, policy, information).accuracy)
    both = merged.values(np.stack([speak, random_start(merged.size, 5)], axis=1))
    assert both.shape == (1, 2)
    assert both[0, 0] == pytest.approx(merged.values(speak)[0])


def test_many_keys_are_numbered_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = random_trees(Rules(max_turns=5), 20, seed=3)
    game = tree_game(trees, team_payoffs(trees), "history")
    expected = merge(game)
    monkeypatch.setattr("tracer_env.trainers.cfr.merged._TABLE", 1)
    found = merge(game)
    for here, there in zip(found.parents, expected.parents, strict=True):
        assert here.tolist() == there.tolist()
    assert found.payoffs == pytest.approx(expected.payoffs)
