"""The arrays of dialogue trees: their keys are those of the dialogues, their shapes are checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from forest import SUMS, HashSpeaker, ProposeProposeReview
from moves import Script

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import KEYS
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.scenarios.base import TaskList
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Task
from tracer_env.verification.referee import ask

SUM = Task("sum-1", "What is 6 times 7?", "42")


def states(trees: DialogueTrees, speaker: object, row: int) -> list[dict[int, DialogueState]]:
    """Return the states at all live nodes of a row, depth by depth."""
    task, world = trees.tasks[row % len(trees.tasks)], row // len(trees.tasks)
    noise, scenario = stream(trees.seed, task.id, world), TaskList(list(trees.tasks))

    def say(state: DialogueState) -> DialogueState:
        return advance(state, 1, ask(speaker, [Request(state, state.seat, noise)], scenario)[0])  # type: ignore[arg-type]

    levels = [{0: say(initial(task, trees.rules))}]
    for _ in range(trees.depth):
        below = {}
        for node, state in levels[-1].items():
            if not state.over:
                below[2 * node], below[2 * node + 1] = advance(state, 0), say(state)
        levels.append(below)
    return levels


@pytest.mark.parametrize("information", KEYS)
@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(stop_when="kept", max_turns=6),
        Rules(num_agents=3, max_turns=7),
        Rules(schedule=ProposeProposeReview(), max_turns=6, num_agents=3, stop_when="kept"),
    ],
)
def test_each_nodes_key_is_the_dialogues(rules, information):
    trees = expand(SUMS[:4], HashSpeaker(), rules, seed=2, worlds=2)
    keys = trees.keys(information)
    assert keys.information == information
    seen = set()
    for row in range(trees.rows):
        for depth, found in enumerate(states(trees, HashSpeaker(), row)[: trees.depth]):
            for node in range(1 << depth):
                number, state = int(keys.ids[depth][row, node]), found.get(node)
                assert (number < 0) == (state is None or state.over)
                if state is not None and not state.over:
                    assert keys.names[number] == KEYS[information](state)
                    assert keys.player[number] == state.seat.agent
                    seen.add(number)
    assert seen == set(range(len(keys.names)))
    assert trees.keys(information) is keys


def test_an_unknown_key():
    with pytest.raises(UnknownNameError, match="vote_and_time"):
        expand([SUM], Script("C")).keys("vote_and_tim")


def test_counts():
    trees = expand(SUMS, "simulated", worlds=3)
    assert (trees.rows, trees.depth, trees.nodes) == (24, 4, 24 * 31)
    assert trees.over(4).all()
    assert not trees.over(3).any()


def test_what_is_no_set_of_trees():
    trees = expand(SUMS, "simulated")
    with pytest.raises(ConfigError, match="at least one task"):
        replace(trees, tasks=())
    with pytest.raises(ConfigError, match="5 turns make 5 levels, got 4"):
        replace(trees, levels=trees.levels[:-1])
    with pytest.raises(ConfigError, match=r"level 0: grade has shape \(8, 1\), not \(16, 1\)"):
        replace(trees, worlds=2)
    wide = replace(trees.levels[1], vote=np.zeros((8, 3), dtype=np.int8))
    with pytest.raises(ConfigError, match="level 1: vote has shape"):
        replace(trees, levels=(trees.levels[0], wide, *trees.levels[2:]))


def test_a_part_holds_some_tasks_and_worlds():
    trees = expand(SUMS, "simulated", worlds=3)
    some = trees.part(tasks=[6, 1])
    assert [task.id for task in some.tasks] == ["sum-6", "sum-1"]
    assert some.worlds == 3
    for depth, level in enumerate(some.levels):
        rows = [6, 1, 14, 9, 22, 17]
        np.testing.assert_array_equal(level.completion_tokens, trees.levels[depth].completion_tokens[rows])
    assert some.texts is trees.texts
    later = trees.part(worlds=range(1, 3))
    assert (later.rows, later.worlds, later.texts) == (16, 2, None)
    np.testing.assert_array_equal(later.levels[2].grade, trees.levels[2].grade[8:])
    for wrong in ([], [0, 0], [8], [-1]):
        with pytest.raises(ConfigError, match="a part has at least one task"):
            trees.part(tasks=wrong)


def test_trees_are_told_apart_by_identity_and_print_in_one_line():
    trees = expand(SUMS, "simulated")
    assert len({trees, trees, expand(SUMS, "simulated")}) == 2
    assert repr(trees) == "DialogueTrees(tasks=8, worlds=1, max_turns=5, seed=0, speaker='simulated', texts=128)"
