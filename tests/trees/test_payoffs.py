"""Leaf payoffs against the rewards of the rules, path by path."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from moves import GRADES, utterance
from tree_games import COORDINATION, MISLEADING, misleading, random_trees

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.rewards import RoleCredit, Team
from tracer_env.rules import Rules, advance, initial
from tracer_env.trees.payoffs import one_step_values, path_tokens, payoffs_named, role_payoffs, team_payoffs
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade, Role, Task, Utterance, Verdict

ALL_RULES = [
    Rules(max_turns=4),
    Rules(num_agents=3, max_turns=5),
    Rules(max_turns=5, stop_when="kept"),
    Rules(num_agents=1, max_turns=4, final_answer="highest_vote"),
]


def said(trees: DialogueTrees, row: int, depth: int, node: int) -> Utterance:
    level = trees.levels[depth]
    if trees.rules.seats[depth + 1].role is Role.PROPOSER:
        letter = {grade: name for name, grade in GRADES.items()}[Grade(level.grade[row, node])]
        found = utterance(letter, int(level.prompt_tokens[row, node]), int(level.completion_tokens[row, node]))
        assert found is not None
        return found
    return Utterance(
        "review",
        int(level.prompt_tokens[row, node]),
        int(level.completion_tokens[row, node]),
        verdict=Verdict(level.verdict[row, node]),
    )


@pytest.mark.parametrize("rules", ALL_RULES)
def test_payoffs_are_the_rewards_summed_along_each_path(rules: Rules) -> None:
    trees = random_trees(rules, 6, seed=3)
    team, role, tokens = team_payoffs(trees, price=0.01), role_payoffs(trees), path_tokens(trees)
    for row, path in product(range(trees.rows), product((0, 1), repeat=trees.depth)):
        state, node, earned, spent = initial(Task("t", "", ""), rules), 0, np.zeros(rules.num_agents), 0
        correct = 0.0
        for depth, action in enumerate((1, *path)):
            node = 2 * node + action if depth else 0
            if state.over:
                continue
            spoken = said(trees, row, depth, node) if action else None
            after = advance(state, action, spoken)
            earned += RoleCredit()(state, after)
            correct += Team()(state, after)[0]
            spent += spoken.tokens if spoken else 0
            state = after
        assert role[:, node, row] == pytest.approx(earned)
        assert tokens[node, row] == spent
        assert team[0, node, row] == pytest.approx(correct - 0.01 * spent)


def test_one_step_values_of_the_misleading_tree() -> None:
    trees = misleading()
    review, answer = one_step_values(trees, 0), one_step_values(trees, 1)
    assert review.skip.tolist() == [[1, 1, -1]]
    assert review.speak.tolist() == [[-1, -1, 1]]
    assert answer.skip.tolist() == [[1, 1, -1], [1, 1, -1]]
    assert answer.speak.tolist() == [[1, 1, -1], [1, 1, 1]]
    assert review.known.all()
    assert len(COORDINATION) == len(MISLEADING) == 3


def test_timeouts_are_worth_nothing_and_unknown() -> None:
    trees = random_trees(Rules(max_turns=3), 40, seed=1)
    values = one_step_values(trees, 1)
    timed_out = trees.levels[2].grade[:, 1::2].T == Grade.TIMEOUT
    assert timed_out.any()
    assert (values.speak[timed_out] == 0).all()
    assert (values.known == ~timed_out).all()


def test_names_and_prices_are_checked() -> None:
    trees = misleading()
    assert payoffs_named(trees, "team").tolist() == [[[1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]]
    assert payoffs_named(trees, "role").shape == (2, 4, 3)
    with pytest.raises(UnknownNameError, match="did you mean 'team'"):
        payoffs_named(trees, "teams")
    with pytest.raises(ConfigError, match="price"):
        team_payoffs(trees, -1.0)
