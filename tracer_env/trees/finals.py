"""How each node of a dialogue tree would be graded if the dialogue ended there, under each rule for the final answer.

`rules.final_answer` says it for one dialogue; these sweeps say it for all nodes of all trees, from grades, votes
and answer ids alone. So recorded trees can be read under another rule without asking anybody again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracer_env.rules import Rules
from tracer_env.trees.levels import TreeData
from tracer_env.trees.shape import spoken_nodes
from tracer_env.types import Grade, Role

__all__ = ["Standing", "ending_under", "finals"]


@dataclass(frozen=True)
class Standing:
    """The pending proposals of one depth, shape (R, 2^d) each; what `finals` reads of a level."""

    grade: NDArray[np.int8]
    vote: NDArray[np.int8]
    answer: NDArray[np.int32]


def finals(rules: Rules, levels: Sequence[Standing]) -> list[NDArray[np.int8]]:
    """Return for each depth the grade of the final answer of a dialogue that ended at a node, shape (R, 2^d)."""
    if rules.final_answer == "last":
        return [level.grade for level in levels]
    if rules.final_answer == "highest_vote":
        return _highest_vote(rules, levels)
    return _majority(rules, levels)


def ending_under(trees: TreeData, rules: Rules) -> TreeData:
    """Return the trees as they are under other ``rules`` for the final answer; the same object when there are none."""
    if rules is trees.rules:
        return trees
    standing = [Standing(level.grade, level.vote, level.answer) for level in trees.levels]
    graded = zip(trees.levels, finals(rules, standing), strict=True)
    levels = tuple(replace(level, final_correct=grade == Grade.CORRECT) for level, grade in graded)
    return replace(trees, rules=rules, levels=levels)


def _proposals(rules: Rules, depth: int) -> NDArray[np.bool_]:
    """Return which nodes of a depth were reached by a new proposal, shape (2^d,)."""
    if rules.seats[depth + 1].role is Role.PROPOSER:
        return spoken_nodes(rules, depth)
    return np.zeros(1 << depth, dtype=bool)


def _highest_vote(rules: Rules, levels: Sequence[Standing]) -> list[NDArray[np.int8]]:
    """Carry the best of the earlier proposals down: its vote (very low when there is none) and its grade."""
    nobody = -(1 << 14)
    best = np.full(levels[0].grade.shape, nobody, dtype=np.int16)
    good = np.full(best.shape, Grade.UNPARSABLE, dtype=np.int8)
    found = [levels[0].grade]
    for depth in range(1, len(levels)):
        above, here = levels[depth - 1], levels[depth]
        beats = (above.grade != Grade.UNPARSABLE) & (above.vote >= best)
        new = _proposals(rules, depth)
        passed = np.where(beats, above.vote, best), np.where(beats, above.grade, good)
        best = np.where(new, np.repeat(passed[0], 2, axis=1), np.repeat(best, 2, axis=1))
        good = np.where(new, np.repeat(passed[1], 2, axis=1), np.repeat(good, 2, axis=1))
        wins = (here.grade != Grade.UNPARSABLE) & (here.vote >= best)
        found.append(np.where(wins, here.grade, good))
    return found


def _majority(rules: Rules, levels: Sequence[Standing]) -> list[NDArray[np.int8]]:
    """Carry the grades and answers of the earlier proposals down, newest last, and count."""
    grades: list[NDArray[np.int8]] = []
    answers: list[NDArray[np.int32]] = []
    found = []
    for depth, here in enumerate(levels):
        if depth:
            grades, answers = [np.repeat(g, 2, axis=1) for g in grades], [np.repeat(a, 2, axis=1) for a in answers]
            if rules.seats[depth + 1].role is Role.PROPOSER:
                above, new = levels[depth - 1], _proposals(rules, depth)
                grades.append(np.where(new, np.repeat(above.grade, 2, axis=1), np.int8(Grade.UNPARSABLE)))
                answers.append(np.where(new, np.repeat(above.answer, 2, axis=1), np.int32(-1)))
        found.append(_most_frequent([*grades, here.grade], [*answers, here.answer]))
    return found


def _most_frequent(grades: list[NDArray[np.int8]], answers: list[NDArray[np.int32]]) -> NDArray[np.int8]:
    most = np.zeros(grades[-1].shape, dtype=np.int64)
    final = np.full(most.shape, Grade.UNPARSABLE, dtype=np.int8)
    valid = [grade != Grade.UNPARSABLE for grade in grades]
    for grade, answer, counts in zip(grades, answers, valid, strict=True):
        support = sum((answer == other) & there for other, there in zip(answers, valid, strict=True))
        wins = counts & (support >= most)
        most, final = np.where(wins, support, most), np.where(wins, grade, final)
    return final
