"""From trees to games: keys side by side, shapes checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tree_games import misleading, random_trees, trees_of

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trees.payoffs import role_payoffs, team_payoffs


def test_keys_of_an_agent_are_neighbours() -> None:
    trees = random_trees(Rules(num_agents=3, max_turns=5), 30, seed=0)
    game = tree_game(trees, team_payoffs(trees))
    for agent, keys in enumerate(game.agents):
        assert all(name.startswith(f"agent_{agent}/") for name in game.names[keys])
    assert game.movers == (1, 2, 0, 1)
    assert game.size == sum(keys.stop - keys.start for keys in game.agents)


def test_nodes_below_the_end_have_the_number_that_skips() -> None:
    trees = random_trees(Rules(max_turns=4, stop_when="kept"), 5, seed=0)
    game = tree_game(trees, team_payoffs(trees))
    assert (game.ids[2][0::2] == game.size).all()
    assert (game.ids[2][1::2] < game.size).all()


def test_ids_name_the_keys_of_the_trees() -> None:
    trees = misleading()
    game = tree_game(trees, role_payoffs(trees))
    assert [[game.names[k] for k in node] for node in game.ids[1][:, :1].tolist()] == [
        ["agent_0/proposer/vote_0/last"],
        ["agent_0/proposer/vote_minus_1/last"],
    ]
    assert game.payoff_of(1).tolist() == game.payoffs[1].tolist()
    assert game.counts.tolist() == [1.0, 1.0, 1.0]


def test_what_does_not_fit_is_refused() -> None:
    trees = misleading()
    game = tree_game(trees, team_payoffs(trees))
    with pytest.raises(ConfigError, match="payoffs must have shape"):
        tree_game(trees, np.zeros((1, 8, 3)))
    with pytest.raises(ConfigError, match="keys of depth 1"):
        replace(game, ids=(game.ids[0], game.ids[0]))
    short = trees_of([("C",)], Rules(max_turns=1))
    with pytest.raises(ConfigError, match="nothing to choose"):
        tree_game(short, team_payoffs(short))
