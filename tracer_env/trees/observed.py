"""What the acting seat may know at every node of dialogue trees: `observed`, all nodes at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.observed import OBSERVED
from tracer_env.trees.levels import Level, TreeData
from tracer_env.types import Grade, Role

__all__ = ["observed_at", "pending_signals"]

Array = NDArray[np.float64]
_OF_PROPOSALS = ("logprob_sum", "logprob_mean", "logprob_min", "length", "completion_tokens")
_OF_REVIEWS = ("margin", "agrees")


def observed_at(trees: TreeData, depth: int) -> NDArray[np.float32]:
    """Return the numbers of `observed` at the nodes of a depth below D, shape (R, 2^d, len(OBSERVED))."""
    rules, level, turn, told = trees.rules, trees.levels[depth], depth + 2, pending_signals(trees, depth)
    turns, proposer = rules.max_turns, rules.seats[turn].role is Role.PROPOSER
    known = {
        **told,
        "turn": turn / turns,
        "turns_left": (turns + 1 - turn) / turns,
        "is_proposer": float(proposer),
        "is_reviewer": float(not proposer),
        "last_proposal_turn": float(rules.proposal_turns_left[turn] <= 1),
        "has_pending": 1.0,
        "pending_invalid": level.grade == Grade.UNPARSABLE,
        "vote": level.vote / np.float64(turns),
        "reviews": told["reviews"] / turns,
        "proposals": told["proposals"] / turns,
    }
    here = np.empty((*level.grade.shape, len(OBSERVED)), dtype=np.float32)
    for place, name in enumerate(OBSERVED):
        here[..., place] = known[name]
    return here


def pending_signals(trees: TreeData, depth: int) -> dict[str, Array]:
    """Return what was told of the pending proposal and its newest review at a depth, by name, (R, 2^d) each.

    Besides the signals: its ``completion_tokens``,
    how many ``reviews`` it had, their ``last_verdict``, and how many ``proposals`` there were.
    """
    first = trees.levels[0]
    here = {name: _said(first, name) for name in _OF_PROPOSALS}
    here |= {"margin": np.full(first.grade.shape, np.nan), "proposals": np.ones(first.grade.shape)}
    here |= {name: np.zeros(first.grade.shape) for name in ("agrees", "reviews", "last_verdict")}
    for below in range(1, depth + 1):
        level = trees.levels[below]
        here = {name: np.repeat(array, 2, axis=1) for name, array in here.items()}
        if trees.rules.seats[below + 1].role is Role.PROPOSER:
            new: dict[str, Any] = {name: _said(level, name)[:, 1::2] for name in _OF_PROPOSALS}
            new |= {"margin": np.nan, "agrees": 0.0, "reviews": 0.0, "last_verdict": 0.0}
            new["proposals"] = here["proposals"][:, 1::2] + 1.0
        else:
            new = {name: _said(level, name)[:, 1::2] for name in _OF_REVIEWS}
            new |= {"reviews": here["reviews"][:, 1::2] + 1.0, "last_verdict": level.verdict[:, 1::2]}
        for name, values in new.items():
            here[name][:, 1::2] = values
    return here


def _said(level: Level, name: str) -> Array:
    """Return what an utterance tells by a name, at the nodes that it leads to."""
    told: Array = np.log1p(level.completion_tokens) if name == "length" else getattr(level, name).astype(np.float64)
    return told
