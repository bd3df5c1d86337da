"""Dialogue trees as a game: who moves where on what key, and what the leaves pay.

A `TreeGame` is what solvers need of `DialogueTrees`, feature-major: the nodes of one depth lie side by side over
all rows, shape (2^d, R), so that a sweep over a depth is one pass over contiguous memory. Chance picks a row;
row r stands for ``counts[r]`` equal trees.

Keys are numbered so that those of one agent are neighbours: ``agents[a]`` is a slice. Number K stands for "nothing
to choose": its policy is SKIP, and the SKIP child of a dialogue that is over repeats it, so sweeps need no case
for it.

Two trees are *identical* when keys and payoffs agree at all nodes; `collapsed` keeps one of each and counts it.
Payoffs that are drawn at random leave nothing to collapse. `merged_trees` goes further, and loses nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.tree import DialogueTrees

__all__ = ["TreeGame", "collapsed", "key_patterns", "tree_game"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TreeGame:
    """Trees of depth D with N agents and K keys; treat the arrays as read-only."""

    names: tuple[str, ...]  # (K,) of the keys
    agents: tuple[slice, ...]  # (N,) which keys are whose
    movers: tuple[int, ...]  # (D,) the agent that moves at each depth
    ids: tuple[NDArray[np.intp], ...]  # (2^d, R) for d = 0..D-1; K where nothing is left to choose
    payoffs: Array  # (P, 2^D, R), P = 1 when all agents are paid alike, else N
    counts: Array  # (R,) how many trees each row stands for

    def __post_init__(self) -> None:
        rows = len(self.counts)
        for depth, ids in enumerate(self.ids):
            if ids.shape != (1 << depth, rows):
                raise ConfigError(f"keys of depth {depth} have shape {ids.shape}, not {(1 << depth, rows)}")
        if self.payoffs.shape[1:] != (1 << self.depth, rows) or len(self.payoffs) not in (1, len(self.agents)):
            wanted = f"(1 or {len(self.agents)}, {1 << self.depth}, {rows})"
            raise ConfigError(f"payoffs must have shape {wanted}, got {self.payoffs.shape}")

    @property
    def size(self) -> int:
        """K: how many keys there are."""
        return len(self.names)

    @property
    def depth(self) -> int:
        """D: how many choices a path has."""
        return len(self.movers)

    @property
    def rows(self) -> int:
        """R: how many rows are kept, each standing for one tree or several."""
        return len(self.counts)

    @property
    def nodes(self) -> int:
        """All nodes of the rows that are kept, leaves included."""
        return self.rows * ((2 << self.depth) - 1)

    def payoff_of(self, agent: int) -> Array:
        """Return what the leaves pay an agent, shape (2^D, R)."""
        paid: Array = self.payoffs[0 if len(self.payoffs) == 1 else agent]
        return paid


def tree_game(trees: DialogueTrees, payoffs: Array, information: str = "vote_and_time") -> TreeGame:
    """Return the game on ``trees`` under a key; raises ConfigError when there is nothing to choose."""
    if trees.depth < 1:
        raise ConfigError("dialogues of one turn leave nothing to choose; rules.max_turns must be at least 2")
    table = trees.keys(information)
    order = np.argsort(table.player, kind="stable")
    size = len(order)
    number = np.empty(size + 1, dtype=np.intp)  # the last entry answers to id -1
    number[order], number[size] = np.arange(size), size
    bounds = np.searchsorted(table.player[order], np.arange(trees.rules.num_agents + 1))
    return TreeGame(
        names=tuple(table.names[place] for place in order),
        agents=tuple(slice(int(a), int(b)) for a, b in pairwise(bounds)),
        movers=tuple(trees.rules.seats[depth + 2].agent for depth in range(trees.depth)),
        ids=tuple(np.ascontiguousarray(number[ids].T) for ids in table.ids),
        payoffs=payoffs,
        counts=np.ones(trees.rows),
    )


def collapsed(game: TreeGame) -> TreeGame:
    """Return the game with identical trees kept once and counted."""
    first, inverse = _distinct(np.concatenate([_bytes(game.ids), _bytes(tuple(game.payoffs))], axis=1))
    return replace(
        game,
        ids=tuple(np.ascontiguousarray(ids[:, first]) for ids in game.ids),
        payoffs=np.ascontiguousarray(game.payoffs[:, :, first]),
        counts=np.asarray(np.bincount(inverse, game.counts, len(first)), np.float64),
    )


def key_patterns(game: TreeGame) -> int:
    """Return how many rows differ in the key of some node, whatever the leaves pay."""
    return len(_distinct(_bytes(game.ids))[0])


def _bytes(parts: tuple[NDArray[np.generic], ...]) -> NDArray[np.uint8]:
    """Return the columns of the parts as bytes, one row each; ids are narrowed, since K is small."""
    columns = np.concatenate(parts, axis=0)
    if columns.dtype == np.intp:
        columns = columns.astype(np.uint16 if columns.max(initial=0) < 1 << 16 else np.int32)
    columns = np.ascontiguousarray(columns.T + np.zeros((), columns.dtype))  # -0.0 becomes 0.0
    return columns.view(np.uint8).reshape(len(columns), -1)


def _distinct(rows: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    return first, inverse
