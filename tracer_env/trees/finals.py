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
    if rules.final_answer == "majority_of_agents":
        return _majority_of_agents(rules, levels)
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


def _majority_of_agents(rules: Rules, levels: Sequence[Standing]) -> list[NDArray[np.int8]]:
    """Carry down what each agent held before the pending proposal, and count what each holds with it."""
    agents = sorted({seat.agent for seat in rules.seats[1:]})
    shape = levels[0].grade.shape
    held = {agent: _Held.nothing(shape) for agent in agents}
    owner = np.full(1, rules.seats[1].agent)  # who made the pending proposal, by node
    made = np.ones(1, dtype=np.int64)  # at which turn
    found = []
    for depth, here in enumerate(levels):
        if depth:
            owner, made = np.repeat(owner, 2), np.repeat(made, 2)
            held = {agent: one.repeated() for agent, one in held.items()}
            if rules.seats[depth + 1].role is Role.PROPOSER:
                new, above = _proposals(rules, depth), levels[depth - 1]
                before = _Held(np.repeat(above.grade, 2, axis=1), np.repeat(above.answer, 2, axis=1), made)
                held = {agent: one.taking(before, new & (owner == agent)) for agent, one in held.items()}
                owner, made = np.where(new, rules.seats[depth + 1].agent, owner), np.where(new, depth + 1, made)
        pending = _Held(here.grade, here.answer, made)
        found.append(_held_by_most([one.taking(pending, owner == agent) for agent, one in held.items()]))
    return found


@dataclass(frozen=True)
class _Held:
    """The newest answer of an agent at each node: grade, answer, and the turn it was given at, shape (R, 2^d) each."""

    grade: NDArray[np.int8]
    answer: NDArray[np.int32]
    turn: NDArray[np.int64]

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> _Held:
        """Return that nothing was said yet."""
        blank = np.full(shape, Grade.UNPARSABLE, dtype=np.int8)
        return cls(blank, np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=np.int64))

    def repeated(self) -> _Held:
        """Return the same one depth further down."""
        return _Held(
            np.repeat(self.grade, 2, axis=1), np.repeat(self.answer, 2, axis=1), np.repeat(self.turn, 2, axis=1)
        )

    def taking(self, other: _Held, where: NDArray[np.bool_]) -> _Held:
        """Return ``other`` at the nodes ``where``, if it is an answer at all."""
        new = where & (other.grade != Grade.UNPARSABLE)
        return _Held(
            np.where(new, other.grade, self.grade),
            np.where(new, other.answer, self.answer),
            np.where(new, other.turn, self.turn),
        )


def _held_by_most(held: list[_Held]) -> NDArray[np.int8]:
    """Return the grade of the answer that most hold, of the newest where as many hold another."""
    valid = [one.grade != Grade.UNPARSABLE for one in held]
    most = np.full(held[0].grade.shape, -1, dtype=np.int64)
    final = np.full(most.shape, Grade.UNPARSABLE, dtype=np.int8)
    for one, counts in zip(held, valid, strict=True):
        support = sum((one.answer == other.answer) & there for other, there in zip(held, valid, strict=True))
        rank = np.where(counts, support * (1 << 16) + one.turn, -1)
        wins = rank > most
        most, final = np.where(wins, rank, most), np.where(wins, one.grade, final)
    return final
