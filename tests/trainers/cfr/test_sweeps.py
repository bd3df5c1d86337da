"""Sweeps over all trees: against a walk through every tree, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from tree_games import random_trees

from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import TreeGame, tree_game
from tracer_env.trainers.cfr.solver import random_start
from tracer_env.trainers.cfr.sweeps import DenseSweeps
from tracer_env.trees.payoffs import role_payoffs


def walked(game: TreeGame, agent: int, speak: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return A and w by recursion, as the textbook has it."""
    advantage, weight = np.zeros(game.size + 1), np.zeros(game.size + 1)

    def value(row: int, depth: int, node: int, own: float, other: float) -> float:
        if depth == game.depth:
            return float(game.payoff_of(agent)[node, row])
        key, mine = game.ids[depth][node, row], game.movers[depth] == agent
        chances = (1.0 - speak[key], speak[key])
        below = [
            value(row, depth + 1, 2 * node + a, own * (c if mine else 1.0), other * (1.0 if mine else c))
            for a, c in enumerate(chances)
        ]
        if mine:
            advantage[key] += other * (below[1] - below[0]) / game.rows
            weight[key] += own / game.rows
        return chances[0] * below[0] + chances[1] * below[1]

    for row in range(game.rows):
        value(row, 0, 0, 1.0, 1.0)
    return advantage[game.agents[agent]], weight[game.agents[agent]]


@pytest.mark.parametrize("rules", [Rules(max_turns=5), Rules(num_agents=3, max_turns=5, stop_when="kept")])
@pytest.mark.parametrize("information", ["vote_and_time", "vote_only"])
def test_a_sweep_is_a_walk_through_every_tree(rules: Rules, information: str) -> None:
    trees = random_trees(rules, 7, seed=4)
    game = tree_game(trees, role_payoffs(trees), information)
    speak = random_start(game.size, 1)
    for agent in range(rules.num_agents):
        assert np.array(DenseSweeps(game).advantages(agent, speak)) == pytest.approx(
            np.array(walked(game, agent, speak)), abs=1e-13
        )


def test_an_agent_that_never_moves_has_no_keys() -> None:
    trees = random_trees(Rules(num_agents=4, max_turns=3), 3, seed=0)
    game = tree_game(trees, role_payoffs(trees))
    advantage, weight = DenseSweeps(game).advantages(0, random_start(game.size, 0))
    assert advantage.shape == weight.shape == (0,)


def test_blocks_do_not_change_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = random_trees(Rules(max_turns=4), 37, seed=1)
    game = tree_game(trees, role_payoffs(trees))
    speak = random_start(game.size, 0)
    whole = DenseSweeps(game).advantages(0, speak)
    monkeypatch.setattr("tracer_env.trainers.cfr.sweeps._BLOCK_LEAVES", 40)
    parts = DenseSweeps(game).advantages(0, speak)
    assert np.array(parts) == pytest.approx(np.array(whole), abs=1e-14)
