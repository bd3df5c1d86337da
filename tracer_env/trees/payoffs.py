"""What the leaves of dialogue trees pay, and what the paper's one-step values are at their nodes.

A reward that is earned on the way can be moved down to the leaves, since a leaf knows its whole path. So
every reward becomes one array of leaf payoffs, feature-major, shape (P, 2^D, R): P is 1 when all agents are
paid alike, else one slice an agent. The nodes of one depth lie side by side over all trees, which is the layout
that the solvers sweep.

    team    1.0 for a correct final answer, less a price for each token on the path
    role    the sum of the acting agents' one-step values along the path, to each agent its own

Turn 1 is no choice, but it is paid for too: a policy's value is that of the whole dialogue. Nothing is
earned below the end of a dialogue. Values follow `rewards`, grade by grade.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.trees.levels import TreeData
from tracer_env.types import Grade, Role

__all__ = [
    "PAYOFFS",
    "OneStepValues",
    "one_step_values",
    "path_tokens",
    "payoffs_named",
    "role_payoffs",
    "team_payoffs",
]

PAYOFFS = ("team", "role")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OneStepValues:
    """The paper's values of both actions at the nodes of one depth."""

    skip: NDArray[np.int8]  # (2^d, R)
    speak: NDArray[np.int8]  # (2^d, R)
    known: NDArray[np.bool_]  # (2^d, R) False where a value needs a grade that timed out


def team_payoffs(trees: TreeData, price: float = 0.0) -> Array:
    """Return 1.0 for each correct leaf less ``price`` for each token spent, shape (1, 2^D, R)."""
    if not 0.0 <= price < float("inf"):
        raise ConfigError(f"the price per token must be a number of at least 0, got {price!r}")
    correct = trees.levels[-1].final_correct.T.astype(np.float64, order="C")
    if price:
        correct -= price * path_tokens(trees)
    return correct[None]


def path_tokens(trees: TreeData) -> Array:
    """Return the tokens, prompt and completion, spent on the way to each leaf, shape (2^D, R)."""
    spent = np.zeros((1, trees.rows))
    for depth, level in enumerate(trees.levels):
        here = (level.prompt_tokens + level.completion_tokens).T.astype(np.float64, order="C")
        if depth:
            spent = np.repeat(spent, 2, axis=0)
            here[np.repeat(trees.over(depth - 1), 2)] = 0.0
        spent += here
    return spent


def role_payoffs(trees: TreeData) -> Array:
    """Return the sum of each agent's one-step values on the way to each leaf, shape (N, 2^D, R)."""
    seats = trees.rules.seats
    earned = np.zeros((trees.rules.num_agents, 1, trees.rows))
    earned[seats[1].agent, 0] = _proposal_values(trees.levels[0].grade.T)[0]
    for depth in range(trees.depth):
        earned = np.repeat(earned, 2, axis=1)
        values, live = one_step_values(trees, depth), ~trees.over(depth)[:, None]
        mine = earned[seats[depth + 2].agent]
        mine[0::2] += values.skip * live
        mine[1::2] += values.speak * live
    return earned


def one_step_values(trees: TreeData, depth: int) -> OneStepValues:
    """Return the paper's values of both actions at the nodes of a depth (see `rewards`)."""
    above, below = trees.levels[depth], trees.levels[depth + 1]
    pending = above.grade.T
    skip = _proposal_values(pending)
    if trees.rules.seats[depth + 2].role is Role.PROPOSER:
        drawn = below.grade[:, 1::2].T
        return OneStepValues(skip, _proposal_values(drawn), (pending != Grade.TIMEOUT) & (drawn != Grade.TIMEOUT))
    verdict = below.verdict[:, 1::2].T
    speak = np.where(pending == Grade.CORRECT, verdict, -verdict).astype(np.int8)
    return OneStepValues(skip, np.where(pending == Grade.TIMEOUT, np.int8(0), speak), pending != Grade.TIMEOUT)


def payoffs_named(trees: TreeData, credit: str) -> Array:
    """Return the leaf payoffs of that name; raises UnknownNameError for another."""
    if credit not in PAYOFFS:
        raise UnknownNameError("credit", credit, PAYOFFS)
    return team_payoffs(trees) if credit == "team" else role_payoffs(trees)


_VALUE_OF_GRADE = np.array([-1, 1, -1, 0], dtype=np.int8)  # by `Grade`: wrong, correct, unparsable, timeout


def _proposal_values(grade: NDArray[np.int8]) -> NDArray[np.int8]:
    values: NDArray[np.int8] = _VALUE_OF_GRADE[grade]
    return np.ascontiguousarray(values)
