"""Dialogue trees as a game: who moves where on what key, and what the leaves pay.

A `TreeGame` is what solvers need of `DialogueTrees`, feature-major: the nodes of one depth lie side by side over
all rows, shape (2^d, R), so that a sweep over a depth is one pass over contiguous memory. Chance picks a row;
row r stands for ``counts[r]`` equal trees.

Keys are numbered so that those of one agent are neighbours: ``agents[a]`` is a slice. Number K stands for "nothing
to choose": its policy is SKIP, and the SKIP child of a dialogue that is over repeats it, so sweeps need no case
for it. Turns of which it is known how they are played (`with_fixed`) have keys of their own, one a probability.

Two trees are *identical* when keys and payoffs agree at all nodes; `collapsed` keeps one of each and counts it.
Payoffs that are drawn at random leave nothing to collapse. `merged` goes further, and loses nothing either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.trees.tree import DialogueTrees

__all__ = ["TreeGame", "collapsed", "key_patterns", "tree_game", "with_fixed"]

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


def tree_game(trees: DialogueTrees, payoffs: Array, information: str | Information = "vote_and_time") -> TreeGame:
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


def with_fixed(game: TreeGame, chances: Sequence[Array | None]) -> tuple[TreeGame, Array]:
    """Return the game in which some turns are played as given, and P(SPEAK) of its keys: NaN where it is to be chosen.

    ``chances`` holds P(SPEAK) at the nodes (R, 2^d) of each depth d whose turn is settled, None at the others. Keys of
    settled turns are named ``fixed/`` and the probability; keys that are left at no node are gone.
    """
    if all(chance is None for chance in chances):
        return game, np.full(game.size, np.nan)
    agents = [agent for agent, keys in enumerate(game.agents) for _ in range(keys.start, keys.stop)]
    known = [(agent, name, np.nan) for agent, name in zip(agents, game.names, strict=True)]
    numbered: dict[tuple[int, float], int] = {}
    ids = [np.where(level == game.size, -1, level) for level in game.ids]
    for depth, chance in enumerate(chances):
        if chance is None:
            continue
        live = ids[depth] >= 0
        found, place = np.unique(chance.T[live], return_inverse=True)
        codes = np.empty(len(found), dtype=np.intp)
        for index, speak in enumerate(found.tolist()):
            mover = game.movers[depth]
            if (mover, speak) not in numbered:
                numbered[mover, speak] = len(known)
                known.append((mover, f"agent_{mover}/fixed/{speak!r}", speak))
            codes[index] = numbered[mover, speak]
        ids[depth][live] = codes[place]
    return _renumbered(game, ids, known)


def _renumbered(
    game: TreeGame, ids: list[NDArray[np.intp]], known: list[tuple[int, str, float]]
) -> tuple[TreeGame, Array]:
    """Return the game with keys ``known`` as (agent, name, P(SPEAK)), agent by agent; -1: nothing to choose."""
    players = np.array([agent for agent, _, _ in known])
    left = np.unique(np.concatenate([level.ravel() for level in ids]))
    left = left[left >= 0]
    order = left[np.argsort(players[left], kind="stable")]
    number = np.full(len(known) + 1, len(order), dtype=np.intp)  # the last entry answers to -1
    number[order] = np.arange(len(order))
    bounds = np.searchsorted(players[order], np.arange(len(game.agents) + 1))
    changed = replace(
        game,
        names=tuple(known[place][1] for place in order),
        agents=tuple(slice(int(a), int(b)) for a, b in pairwise(bounds)),
        ids=tuple(number[level] for level in ids),
    )
    return changed, np.array([known[place][2] for place in order])


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
