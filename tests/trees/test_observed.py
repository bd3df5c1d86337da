"""At each node of trees the numbers are those of the dialogue that leads there."""

from __future__ import annotations

import numpy as np
import pytest
from tree_games import Proposers, random_trees, telling

from tracer_env.observed import OBSERVED, observed
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.trees.observed import observed_at
from tracer_env.trees.shape import spoken_nodes
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS, Grade, Role, Signals, Utterance, Verdict


def along(trees: DialogueTrees, row: int, depth: int, node: int) -> DialogueState:
    """Return the dialogue that leads to a node."""
    state = initial(trees.tasks[row], trees.rules)
    for above in range(depth + 1):
        at = node >> (depth - above)
        if not spoken_nodes(trees.rules, above)[at]:
            state = advance(state, 0)
            continue
        level = trees.levels[above]
        signals = [float(getattr(level, name)[row, at]) for name in SIGNALS]
        proposal = state.seat.role is Role.PROPOSER
        said = Utterance(
            "",
            completion_tokens=int(level.completion_tokens[row, at]),
            grade=Grade(int(level.grade[row, at])) if proposal else None,
            verdict=Verdict.NONE if proposal else Verdict(int(level.verdict[row, at])),
            agrees=int(level.agrees[row, at]),
            signals=Signals(*(None if np.isnan(one) else one for one in signals)),
        )
        state = advance(state, 1, said)
    return state


@pytest.mark.parametrize(
    "rules", [Rules(), Rules(num_agents=3, max_turns=4, stop_when="kept"), Rules(max_turns=4, schedule=Proposers())]
)
def test_nodes_and_dialogues_observe_the_same(rules: Rules) -> None:
    trees = telling(random_trees(rules, 6, seed=2), seed=5)
    compared = 0
    for depth in range(trees.depth):
        seen = observed_at(trees, depth)
        assert seen.shape == (6, 1 << depth, len(OBSERVED))
        for row in range(6):
            for node in np.flatnonzero(~trees.over(depth)):
                np.testing.assert_array_equal(seen[row, node], observed(along(trees, row, depth, int(node))))
                compared += 1
    assert compared >= 30
