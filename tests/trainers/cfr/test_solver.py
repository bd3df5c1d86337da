"""CFR on games solved by hand, and beside OpenSpiel's solver on the same game."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from tree_games import absent_minded, coordination, misleading, one_decision, random_trees

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import MergedTrees, merge
from tracer_env.trainers.cfr.optima import gap
from tracer_env.trainers.cfr.solver import TreeSolver, random_start
from tracer_env.trainers.cfr.sweeps import DenseSweeps
from tracer_env.trees.efg import to_openspiel
from tracer_env.trees.payoffs import role_payoffs, team_payoffs
from tracer_env.trees.tree import DialogueTrees


def merged_team(trees: DialogueTrees, information: str = "vote_and_time") -> MergedTrees:
    return merge(tree_game(trees, team_payoffs(trees), information))


# After four iterations the policy was 1/2, 1, 1, 1; hedge: 1/2, then the sigmoids of test_regret_updates.
ONE_DECISION = {
    "cfr": (0.5 + 1 + 1 + 1) / 4,
    "cfr_plus": (1 * 0.5 + 2 + 3 + 4) / 10,
    "dcfr": (1 * 0.5 + 4 + 9 + 16) / 30,
    "predictive_rm_plus": (1 * 0.5 + 4 + 9 + 16) / 30,
    "hedge": (0.5 + 0.913317 + 0.965451 + 0.983352) / 4,
}


@pytest.mark.parametrize("rule", sorted(ONE_DECISION))
def test_one_decision(rule: str) -> None:
    merged = merged_team(one_decision())
    solver = TreeSolver(merged, rule)
    solver.iterate(4)
    assert merged.names == ("agent_1/proposer/vote_0/last",)
    assert solver.average.tolist() == pytest.approx([ONE_DECISION[rule], 0.0], abs=1e-6)
    assert merged.values(solver.average).tolist() == pytest.approx([ONE_DECISION[rule]], abs=1e-6)
    assert rule == "hedge" or solver.average_regret() == 0.125  # half a point, once in four


@pytest.mark.parametrize("rule", sorted(ONE_DECISION))
def test_coordination_goes_from_uniform_to_the_better_equilibrium(rule: str) -> None:
    merged = merged_team(coordination(), "time_only")
    solver = TreeSolver(merged, rule)
    solver.iterate(1)
    # agent_0 moves first and gains 1/2 (1) - 1/2 (2/3) = 1/6 by speaking, so agent_1 meets one who speaks
    assert (solver.speak[:2] > 0.5).all()
    solver.iterate(1999)
    assert merged.values(solver.average)[0] == pytest.approx(1.0, abs=0.01)
    assert solver.speak[:2] == pytest.approx([1.0, 1.0], abs=1e-3)


@pytest.mark.parametrize("rule", ["cfr", "cfr_plus", "dcfr", "predictive_rm_plus"])
def test_coordination_stays_in_the_worse_equilibrium_where_it_starts_there(rule: str) -> None:
    merged = merged_team(coordination(), "time_only")
    solver = TreeSolver(merged, rule, start=np.array([0.1, 0.1, 0.0]))
    solver.iterate(50)
    assert solver.speak.tolist() == [0.0, 0.0, 0.0]
    assert solver.average[:2].max() <= 0.1 / 50
    assert merged.values(solver.speak)[0] == pytest.approx(2 / 3)
    assert gap(merged, solver.speak).total == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_misleading_tree_is_mended_by_exact_values(updates: str) -> None:
    merged = merged_team(misleading())
    solver = TreeSolver(merged, "cfr", updates=updates)
    solver.iterate(10)
    policy = dict(zip(merged.names, solver.average.tolist(), strict=False))
    # both speak from the second iteration on; nothing hangs on the proposer's other key
    assert policy == {
        "agent_0/proposer/vote_minus_1/last": pytest.approx(0.95),
        "agent_0/proposer/vote_0/last": pytest.approx(0.5),
        "agent_1/reviewer/vote_0/last": pytest.approx(0.95),
    }
    assert merged.values(solver.average)[0] == pytest.approx(2 / 3 + 0.95 * 0.95 / 3)


def test_keys_that_return_on_a_path_mislead_cfr() -> None:
    # With p = P(SPEAK) the value is p (1 - p), best at 1/2. The regrets are not those of p: at the second node, where
    # own reach does not count, SPEAK loses 1; at the first it gains 1 - p. So A = -p, and the table learns to skip.
    merged = merged_team(absent_minded(), "vote_only")
    assert merged.values(np.array([0.5, 0.0]))[0] == 0.25
    solver = TreeSolver(merged, "cfr")
    solver.iterate(20)
    assert solver.speak.tolist() == [0.0, 0.0]
    assert merged.values(solver.speak)[0] == 0.0
    assert gap(merged, solver.speak).total == 0.0  # over deterministic policies; the bound says what is missing
    assert gap(merged, solver.speak).bound == 1.0


RULES = [
    (Rules(max_turns=5), "vote_and_time"),
    (Rules(max_turns=5), "history"),
    (Rules(num_agents=3, max_turns=4), "vote_only"),
    (Rules(max_turns=5, stop_when="kept"), "vote_and_time"),
    (Rules(max_turns=4), "time_only"),
]  # not one agent alone: OpenSpiel does not visit what no player reaches, so its regrets are others there


@pytest.mark.parametrize(("rules", "information"), RULES)
@pytest.mark.parametrize(("rule", "name"), [("cfr", "CFRSolver"), ("cfr_plus", "CFRPlusSolver")])
@pytest.mark.parametrize("credit", ["team", "role", "random"])
def test_openspiel_agrees(rules: Rules, information: str, rule: str, name: str, credit: str) -> None:
    pyspiel = pytest.importorskip("pyspiel")
    trees = random_trees(rules, 32, seed=6)  # 1/32 is exact: where gains and losses cancel, they do so in both
    luck = np.random.default_rng(1).normal(size=(rules.num_agents, 1 << trees.depth, trees.rows))
    payoffs = {"team": team_payoffs(trees), "role": role_payoffs(trees), "random": luck}[credit]
    theirs = to_openspiel(trees, payoffs, information)
    game = tree_game(trees, payoffs, information)
    solver = getattr(pyspiel, name)(theirs)
    ours = [TreeSolver(DenseSweeps(game), rule), TreeSolver(merge(game), rule)]
    for _ in range(30):
        solver.evaluate_and_update_policy()
    expected = pyspiel.expected_returns(theirs.new_initial_state(), solver.average_policy(), -1, True)
    for mine in ours:
        mine.iterate(30)
        values = np.broadcast_to(merge(game).values(mine.average), (rules.num_agents,))
        assert values.tolist() == pytest.approx(expected, abs=1e-6)
    assert len(solver.tabular_average_policy().policy_table()) == game.size


def test_regret_bounds_what_each_agent_could_gain_against_the_mixture() -> None:
    """Perfect recall, general-sum, three agents: the uniform mixture of joint policies is nearly a CCE."""
    trees = random_trees(Rules(num_agents=3, max_turns=4), 3, seed=2)
    payoffs = np.random.default_rng(3).random((3, 8, 3))
    merged = merge(tree_game(trees, payoffs, "history"))
    solver, joint = TreeSolver(merged, "cfr", updates="simultaneous"), []
    for _ in range(300):
        joint.append(solver.speak)
        solver.iterate()
    mixture = np.stack(joint, axis=1)
    values = merged.values(mixture).mean(axis=1)
    for agent, keys in enumerate(merged.agents):
        bound = float(solver.regrets()[keys].sum()) / 300
        size = keys.stop - keys.start
        assert size <= 12
        best = -np.inf
        for choice in product((0.0, 1.0), repeat=size):
            other = mixture.copy()
            other[keys] = np.array(choice)[:, None]
            best = max(best, float(merged.values(other)[agent].mean()))
        assert best - values[agent] <= bound + 1e-12
        assert bound < 0.05


def test_equal_runs_are_equal_and_wishes_are_checked() -> None:
    merged = merged_team(misleading())
    assert random_start(3, 5).tolist() == random_start(3, 5).tolist()
    with pytest.raises(ConfigError, match="did you mean 'alternating'"):
        TreeSolver(merged, updates="alternate")
    with pytest.raises(ConfigError, match="start must hold 4"):
        TreeSolver(merged, start=np.zeros(2))
    assert TreeSolver(merged).average_regret() == 0.0
