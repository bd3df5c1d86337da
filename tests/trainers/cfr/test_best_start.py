"""The best of several starts, on a game in which the uniform one ends in the lesser equilibrium."""

from __future__ import annotations

import numpy as np
from tree_games import coordination

from tracer_env.trainers.cfr.best_start import best_of_starts
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trees.payoffs import team_payoffs


def test_more_starts_are_worth_more() -> None:
    trees = coordination()
    merged = merge(tree_game(trees, team_payoffs(trees), "time_only"))
    values = [float(merged.values(best_of_starts(merged, 20, starts)).mean()) for starts in (1, 6)]
    assert values == sorted(values)
    assert values[1] == 1.0
    begun = np.ones(merged.size + 1)
    begun[:-1], begun[-1] = 0.99, 0.0
    assert float(merged.values(best_of_starts(merged, 20, 2, 0, begun)).mean()) == 1.0
