"""Sampled sweeps: unbiased, and they solve the hand-made games."""

from __future__ import annotations

import numpy as np
import pytest
from tree_games import coordination, misleading, one_decision, random_trees

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import collapsed, tree_game
from tracer_env.trainers.cfr.mccfr import ExternalSampling, OutcomeSampling
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.solver import TreeSolver, random_start
from tracer_env.trainers.cfr.sweeps import DenseSweeps
from tracer_env.trees.payoffs import role_payoffs, team_payoffs
from tracer_env.trees.tree import DialogueTrees

Sampling = type[ExternalSampling] | type[OutcomeSampling]
BOTH = [ExternalSampling, OutcomeSampling]


def solved(trees: DialogueTrees, sampling: Sampling, iterations: int, information: str = "vote_and_time") -> float:
    game = tree_game(trees, team_payoffs(trees), information)
    solver = TreeSolver(sampling(game, batch=8, seed=1), "cfr")
    solver.iterate(iterations)
    return float(merge(game).values(solver.average)[0])


@pytest.mark.parametrize("sampling", BOTH)
def test_estimates_are_unbiased(sampling: Sampling) -> None:
    trees = random_trees(Rules(num_agents=3, max_turns=5, stop_when="kept"), 12, seed=3)
    game = tree_game(trees, role_payoffs(trees))
    speak = random_start(game.size, 6)
    for agent in range(3):
        exact = np.array(DenseSweeps(game).advantages(agent, speak))
        for one in (game, collapsed(game)):
            sampler = sampling(one, batch=20_000, seed=4)
            drawn = np.array([sampler.advantages(agent, speak) for _ in range(20)])
            error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
            assert (np.abs(drawn.mean(axis=0) - exact) <= 5.0 * error + 1e-12).all()


@pytest.mark.parametrize("sampling", BOTH)
def test_hand_made_games_are_solved(sampling: Sampling) -> None:
    assert solved(one_decision(), sampling, 500) == pytest.approx(1.0, abs=0.01)
    assert solved(misleading(), sampling, 3000) == pytest.approx(1.0, abs=0.03)
    # either equilibrium of the coordination tree, as luck has it
    found = solved(coordination(), sampling, 3000, "time_only")
    assert min(abs(found - 1.0), abs(found - 2 / 3)) < 0.05


def test_one_decision_by_external_sampling_is_exact() -> None:
    # nothing is left to luck: one tree, no other agent. 1/2, 1, 1, 1
    game = tree_game(one_decision(), team_payoffs(one_decision()))
    solver = TreeSolver(ExternalSampling(game, batch=1, seed=0), "cfr")
    solver.iterate(4)
    assert solver.average.tolist() == [0.875, 0.0]


@pytest.mark.parametrize("sampling", BOTH)
def test_seeds_decide_everything(sampling: Sampling) -> None:
    trees = misleading()
    game = tree_game(trees, team_payoffs(trees))
    runs = []
    for seed in (1, 1, 2):
        solver = TreeSolver(sampling(game, batch=1, seed=seed))
        solver.iterate(40)
        runs.append(solver.average.tolist())
    assert runs[0] == runs[1] != runs[2]


def test_agents_without_a_turn_and_wishes_that_cannot_work() -> None:
    trees = random_trees(Rules(num_agents=4, max_turns=3), 3, seed=0)
    game = tree_game(trees, team_payoffs(trees))
    for sampling in BOTH:
        advantage, weight = sampling(game).advantages(0, random_start(game.size, 0))
        assert advantage.shape == weight.shape == (0,)
        with pytest.raises(ConfigError, match="batch"):
            sampling(game, batch=0)
    with pytest.raises(ConfigError, match="explore"):
        OutcomeSampling(game, explore=0.0)
