"""Forced skips: games solved by hand, a tree by hand, and what Shapley values promise."""

from __future__ import annotations

import numpy as np
import pytest
from moves import Script

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trees.evaluation import evaluate_policy
from tracer_env.trees.forced import coalitions, shapley
from tracer_env.trees.growth import expand
from tracer_env.types import Task

SUM = Task("sum-1", "What is 6 times 7?", "42")


def test_the_glove_game() -> None:
    # one left glove (player 0), two right ones: a pair is worth 1
    values = np.array([float(s & 1 and s & 6 != 0) for s in range(8)])
    assert shapley(values) == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_a_game_of_two_by_hand() -> None:
    # v(0) = 1, v(1) = 3, v(both) = 10: player 0 brings 1 or 7, player 1 brings 3 or 9
    assert shapley(np.array([0.0, 1.0, 3.0, 10.0])) == pytest.approx([4.0, 6.0])


@pytest.mark.parametrize("players", [1, 2, 3, 5])
def test_efficiency_symmetry_and_the_null_player(players: int) -> None:
    values = np.random.default_rng(players).random((1 << players, 4))
    found = shapley(values)
    assert found.shape == (players, 4)
    assert found.sum(axis=0) == pytest.approx(values[-1] - values[0])
    by_size = np.array([float(s.bit_count() ** 2) for s in range(1 << players)])
    assert shapley(by_size) == pytest.approx(np.full(players, float(players)))
    null = np.array([values[s & ~1] for s in range(1 << players)])
    assert not np.any(shapley(null)[0])


def test_a_game_has_so_many_values() -> None:
    with pytest.raises(ValueError, match=r"2\^N values, got 3"):
        shapley(np.zeros(3))


def _tree(rules: Rules = Rules(max_turns=3)):  # noqa: B008 (frozen)
    """Wrong at first; a review says WRONG; a second proposal is right. Every utterance costs 10 tokens."""
    return expand([SUM], Script("W?C", "-"), rules)


def test_a_tree_by_hand_whose_proposer_speaks_anyway() -> None:
    game = coalitions(_tree(), [np.array([[1.0]]), np.array([[1.0, 1.0]])], "roles")
    assert game.players == ("proposer", "reviewer")
    assert game.accuracy.tolist() == [[0.0], [1.0], [0.0], [1.0]]
    assert game.tokens.tolist() == [[10.0], [20.0], [20.0], [30.0]]
    assert shapley(game.value())[:, 0].tolist() == [1.0, 0.0]  # the reviewer rides free
    assert shapley(game.value(0.01))[:, 0] == pytest.approx([0.9, -0.1])  # and costs its words


def test_a_tree_by_hand_whose_proposer_waits_for_a_review() -> None:
    trees = _tree()
    game = coalitions(trees, [np.array([[1.0]]), np.array([[0.0, 1.0]])], "agents")
    assert game.players == ("agent_0", "agent_1")
    assert game.accuracy.tolist() == [[0.0], [0.0], [0.0], [1.0]]
    assert shapley(game.value())[:, 0].tolist() == [0.5, 0.5]
    assert [game.without(player) for player in (0, 1)] == [2, 1]


@pytest.mark.parametrize("method", ["until_approved", "always", "majority_voting", "oracle"])
@pytest.mark.parametrize("kind", ["agents", "roles"])
def test_everybody_is_the_policy_and_nobody_is_never(method: str, kind: str) -> None:
    rules = Rules(num_agents=3, max_turns=4)
    trees = expand(list(Arithmetic(limit=20)), "simulated", rules, worlds=2)
    game = coalitions(trees, method, kind)
    whole = evaluate_policy(trees, method)
    assert game.accuracy[-1] == pytest.approx(whole.by_task("accuracy"))
    assert game.tokens[-1] == pytest.approx(whole.by_task("tokens_per_task"))
    assert game.accuracy[0] == pytest.approx(evaluate_policy(trees, "never").by_task("accuracy"))
    assert shapley(game.value(1e-4)).sum(axis=0) == pytest.approx(game.value(1e-4)[-1] - game.value(1e-4)[0])


def test_more_agents_than_can_be_enumerated_are_refused() -> None:
    trees = expand(list(Arithmetic(limit=1)), "simulated", Rules(num_agents=11, max_turns=12))
    with pytest.raises(ConfigError, match="at most 10 agents"):
        coalitions(trees, "always")
    assert len(coalitions(trees, "always", "roles").players) == 2


def test_other_players_are_refused() -> None:
    with pytest.raises(ConfigError, match="one of agents, roles"):
        coalitions(_tree(), "always", "seats")
