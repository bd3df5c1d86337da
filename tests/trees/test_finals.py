"""The sweeps over final answers against the rule for one dialogue."""

from __future__ import annotations

import numpy as np
import pytest
from forest import HashSpeaker
from hypothesis import given
from hypothesis import strategies as st
from moves import Script

from tracer_env.rules import FINAL_ANSWERS, Rules
from tracer_env.trees.finals import Standing, finals
from tracer_env.trees.growth import expand
from tracer_env.types import Grade, Task

SUM = Task("sum-1", "What is 6 times 7?", "42")


def standing(trees):
    return [Standing(level.grade, level.vote, level.answer) for level in trees.levels]


@given(
    st.lists(st.sampled_from("CWIT"), min_size=7, max_size=7),
    st.lists(st.sampled_from("+-0"), min_size=7, max_size=7),
    st.sampled_from(["horizon", "kept"]),
)
def test_every_node_is_graded_as_the_rules_say(proposals, reviews, stop_when):
    for rule in FINAL_ANSWERS:
        rules = Rules(max_turns=7, final_answer=rule, stop_when=stop_when)
        trees = expand([SUM], Script("".join(proposals), "".join(reviews)), rules)
        for level, grade in zip(trees.levels, finals(rules, standing(trees)), strict=True):
            np.testing.assert_array_equal(level.final_correct, grade == Grade.CORRECT)


@pytest.mark.parametrize("rule", FINAL_ANSWERS)
def test_recorded_trees_are_read_under_another_rule(rule):
    """Trees grown under one rule hold all that another one needs."""
    tasks = [Task(f"sum-{i}", f"What is {i} plus {i}?", str(2 * i)) for i in range(20)]
    grown = expand(tasks, HashSpeaker(), Rules(max_turns=7))
    wanted = expand(tasks, HashSpeaker(), Rules(max_turns=7, final_answer=rule))
    for level, grade in zip(wanted.levels, finals(wanted.rules, standing(grown)), strict=True):
        np.testing.assert_array_equal(level.final_correct, grade == Grade.CORRECT)


def test_by_hand():
    trees = expand([SUM], Script("C?W", "+"), Rules(max_turns=3))
    voted = finals(Rules(max_turns=3, final_answer="highest_vote"), standing(trees))
    assert voted[-1].tolist() == [[Grade.CORRECT, Grade.WRONG, Grade.CORRECT, Grade.CORRECT]]
    counted = finals(Rules(max_turns=3, final_answer="majority"), standing(trees))
    assert counted[-1].tolist() == [[Grade.CORRECT, Grade.WRONG, Grade.CORRECT, Grade.WRONG]]
