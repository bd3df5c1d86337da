"""Credits on the tree where one-step values mislead, and the table that shows it."""

from __future__ import annotations

import numpy as np
import pytest
from tree_games import misleading, random_trees

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.credit import (
    OneStep,
    OneStepSweeps,
    RoleSums,
    Tree,
    credit_named,
    credit_table,
    policies,
)
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.solver import TreeSolver
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.types import Grade

REVIEW, REFRESH, STALE = (
    "agent_1/reviewer/vote_0/last",
    "agent_0/proposer/vote_minus_1/last",
    "agent_0/proposer/vote_0/last",
)


def test_one_step_learns_to_be_silent_where_speaking_is_worth_a_third() -> None:
    trees = misleading()
    merged = merge(tree_game(trees, team_payoffs(trees)))
    credit = OneStep()
    solver = TreeSolver(credit.sweeps(trees, merged), "cfr", updates=credit.updates)
    solver.iterate(10)
    policy = dict(zip(merged.names, solver.average.tolist(), strict=False))
    # the reviewer speaks 1/2, then never; the proposer's key is seen while it does, under the first policy 1/2
    assert policy == {REVIEW: pytest.approx(0.05), REFRESH: pytest.approx(0.5), STALE: pytest.approx(0.5)}
    assert merged.values(solver.average)[0] == pytest.approx(2 / 3 + 0.05 * 0.5 / 3)


def test_table_shows_where_one_step_values_mislead() -> None:
    rows = {row["key"]: row for row in credit_table(misleading(), {REVIEW: 0.25, REFRESH: 1.0, STALE: 0.5})}
    assert rows[REVIEW] == {
        "key": REVIEW,
        "reach": 1.0,
        "one_step": pytest.approx(-1 / 3),  # half of (-2 - 2 + 2) / 3
        "exact": pytest.approx(1 / 3),
        "difference": pytest.approx(-2 / 3),
        "same_sign": False,
    }
    assert rows[REFRESH] == {
        "key": REFRESH,
        "reach": pytest.approx(0.25),
        "one_step": pytest.approx(1 / 3),
        "exact": pytest.approx(1 / 3),
        "difference": pytest.approx(0.0),
        "same_sign": True,
    }
    assert rows[STALE]["one_step"] == rows[STALE]["exact"] == 0.0
    assert rows[STALE]["reach"] == pytest.approx(0.75)


def test_keys_that_play_does_not_reach_have_no_figures() -> None:
    rows = {row["key"]: row for row in credit_table(misleading(), {REVIEW: 0.0, REFRESH: 1.0, STALE: 0.5})}
    assert rows[REFRESH] == {
        "key": REFRESH,
        "reach": 0.0,
        "one_step": None,
        "exact": None,
        "difference": None,
        "same_sign": None,
    }


def test_a_trained_table_is_a_policy() -> None:
    table = RegretMatching()
    table.update(REVIEW, (1.0, 0.0))
    table.update(REVIEW, (1.0, 0.0))
    assert table.average_policy(REVIEW)[1] == 0.25
    by_table = credit_table(misleading(), table)
    assert by_table == credit_table(misleading(), {REVIEW: 0.25, REFRESH: 0.5, STALE: 0.5})


def test_last_proposer_is_told_the_truth() -> None:
    trees = random_trees(Rules(max_turns=5), 60, seed=7)
    for level in trees.levels:
        level.grade[level.grade == Grade.TIMEOUT] = Grade.WRONG
    rows = credit_table(trees, {})
    last = [row for row in rows if "proposer" in row["key"] and row["key"].endswith("/last")]
    assert len(last) >= 5
    for row in last:
        assert row["one_step"] == pytest.approx(row["exact"], abs=1e-12)


def test_timeouts_are_left_out() -> None:
    trees = random_trees(Rules(max_turns=2), 50, seed=1)
    trees.levels[0].grade[:10] = Grade.TIMEOUT
    merged = merge(tree_game(trees, team_payoffs(trees)))
    _, weight = OneStepSweeps(trees, merged).advantages(1, np.full(merged.size + 1, 0.5))
    assert weight.sum() == pytest.approx(0.8)


def test_names_settings_and_payoffs() -> None:
    trees = misleading()
    assert credit_named("team") == Tree()
    assert credit_named("team_minus_tokens:price=0.001") == Tree(0.001)
    assert credit_named("team_minus_tokens").name == "team_minus_tokens:price=0.0001"
    assert credit_named("role") == RoleSums()
    assert credit_named(OneStep()) == OneStep()
    assert RoleSums().payoffs(trees).shape == (2, 4, 3)
    assert OneStep().payoffs(trees).tolist() == Tree().payoffs(trees).tolist()
    with pytest.raises(UnknownNameError, match="did you mean 'team'"):
        credit_named("teem")
    for wrong in ("team_minus_tokens:price=-1", "team_minus_tokens:cost=1", "team_minus_tokens:price=x", "role:a=1"):
        with pytest.raises(ConfigError):
            credit_named(wrong)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        policies((REVIEW,), {REVIEW: 1.5})
