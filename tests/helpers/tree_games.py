"""Dialogue trees written by hand: a row is one text a depth, one letter a node, the letters those of `moves`.

    ("W", ".-", ".W.C")    a wrong proposal; a review that says WRONG; refreshing repeats the wrong answer where
                           the review was skipped, and mends it where it was spoken

Even nodes are reached by SKIP and carry a dot. Below the end of a dialogue letters are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from moves import GRADES, VERDICTS

from tracer_env.rules import Rules
from tracer_env.trees.finals import Standing, finals
from tracer_env.trees.levels import Level
from tracer_env.trees.shape import over_nodes
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS, Grade, Role, Seat, Task, Turn

Row = tuple[str, ...]


class Proposers:
    """A schedule in which everybody proposes, in turns."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % num_agents, Role.PROPOSER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return turns

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return 7


# One decision: agent_1 keeps a wrong answer or writes a correct one.
ONE_DECISION = [("W", ".C")]
# Two agents that should do the same: both SKIP is right on two tasks of three, both SPEAK on all, else never.
COORDINATION = [("C", ".W", ".W.C"), ("C", ".W", ".W.C"), ("W", ".W", ".W.C")]
# The reviewer's WRONG is false on two tasks of three; but told WRONG the proposer gets all three right.
MISLEADING = [("C", ".-", ".C.C"), ("C", ".-", ".C.C"), ("W", ".-", ".W.C")]
# One agent that forgets its first choice and is right only if it speaks once, then skips.
ABSENT_MINDED = [("W", ".C", ".W.W")]


def one_decision() -> DialogueTrees:
    return trees_of(ONE_DECISION, Rules(max_turns=2, schedule=Proposers()))


def coordination() -> DialogueTrees:
    """Solve it on the key ``time_only``: agent_0 does not see what agent_1 did."""
    return trees_of(COORDINATION, Rules(max_turns=3, schedule=Proposers()))


def misleading() -> DialogueTrees:
    return trees_of(MISLEADING, Rules(max_turns=3))


def absent_minded() -> DialogueTrees:
    """Solve it on the key ``vote_only``."""
    return trees_of(ABSENT_MINDED, Rules(num_agents=1, max_turns=3, schedule=Proposers()))


def random_trees(rules: Rules, rows: int, seed: int) -> DialogueTrees:
    """Return trees of random letters, one to five tokens an utterance."""
    luck = np.random.default_rng(seed)
    letters = []
    for _ in range(rows):
        row = [str(luck.choice(list("CCWWI")))]
        for depth in range(1, rules.max_turns):
            said = "CCWWIT" if rules.seats[depth + 1].role is Role.PROPOSER else "+-0"
            row.append("".join("." + str(luck.choice(list(said))) for _ in range(1 << (depth - 1))))
        letters.append(tuple(row))
    return trees_of(letters, rules, luck)


def trees_of(rows: Sequence[Row], rules: Rules, luck: np.random.Generator | None = None) -> DialogueTrees:
    """Return the trees of these rows; utterances cost nothing unless ``luck`` draws it."""
    levels: list[Level] = []
    for depth in range(rules.max_turns):
        level = _blank(len(rows), depth)
        for place, row in enumerate(rows):
            for node, letter in enumerate(row[depth]):
                silent = depth > 0 and (node % 2 == 0 or bool(over_nodes(rules, depth - 1)[node >> 1]))
                _write(level, levels[-1] if depth else None, place, node, "." if silent else letter)
                if luck is not None and not silent:
                    level.prompt_tokens[place, node] = luck.integers(1, 4)
                    level.completion_tokens[place, node] = luck.integers(0, 3)
        levels.append(level)
    standing = [Standing(level.grade, level.vote, level.answer) for level in levels]
    for level, grade in zip(levels, finals(rules, standing), strict=True):
        level.final_correct[:] = grade == Grade.CORRECT
    tasks = tuple(Task(f"t{place}", "", "") for place in range(len(rows)))
    return DialogueTrees(rules, tasks, 1, 0, tuple(levels), split="train")


def _write(level: Level, above: Level | None, row: int, node: int, letter: str) -> None:
    if above is not None:
        for name in ("grade", "vote", "answer"):
            getattr(level, name)[row, node] = getattr(above, name)[row, node >> 1]
    if letter in GRADES:
        grade = GRADES[letter]
        level.grade[row, node], level.vote[row, node] = grade, 0
        level.answer[row, node] = {Grade.CORRECT: 0, Grade.UNPARSABLE: -1}.get(grade, 1)
    elif letter in VERDICTS:
        level.verdict[row, node] = VERDICTS[letter]
        level.vote[row, node] += VERDICTS[letter]


def _blank(rows: int, depth: int) -> Level:
    def zeros(kind: type[np.generic]) -> np.ndarray:
        return np.zeros((rows, 1 << depth), dtype=kind)

    return Level(
        grade=zeros(np.int8),
        vote=zeros(np.int8),
        answer=zeros(np.int32),
        final_correct=zeros(np.bool_),
        verdict=zeros(np.int8),
        prompt_tokens=zeros(np.int32),
        completion_tokens=zeros(np.int32),
        utterance=np.full((rows, 1 << depth), -1, dtype=np.int32),
    )


def telling(trees: DialogueTrees, seed: int) -> DialogueTrees:
    """Give each utterance signals, some of them untold."""
    luck, levels = np.random.default_rng(seed), []
    for level in trees.levels:
        arrays, shape = dict(vars(level)), level.grade.shape
        for name in SIGNALS:
            told = luck.normal(size=shape).astype(np.float32)
            arrays[name] = np.where(luck.random(shape) < 0.2, np.float32(np.nan), told)
        arrays["agrees"] = luck.integers(-1, 2, shape).astype(np.int8)
        levels.append(Level(**arrays))
    return replace(trees, levels=tuple(levels))
