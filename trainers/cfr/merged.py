"""Trees merged by what anybody can tell apart: exact, and small whatever the number of tasks.

A policy reads keys. So two nodes, of one tree or of two, that are reached by the same sequence of (key, action)
and have the same key are reached with the same probability under every policy of every agent. Their
subtrees may be summed once and for all: a *merged node* is such a class, with the share of chance it stands for, and
a merged leaf pays the sum of what its members pay. Values, counterfactual regrets, best responses and optima on
the merged trees are those of all trees, up to the rounding of sums in another order.

How small: at T = 5 and ``vote_and_time`` a few hundred merged leaves stand for a hundred thousand trees, random
payoffs included, since payoffs add up linearly. Merging identical trees, or trees with equal keys at all nodes,
are special cases. What it costs is one linear pass.

A sweep here does what `sweeps` does, through index arrays: the children of a merged node's action are
neighbours, so a segment sum goes up and a gather goes down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracer_env.trainers.cfr.game import TreeGame
from tracer_env.trainers.cfr.sweeps import settled

__all__ = ["MergedTrees", "merge"]

Array = NDArray[np.float64]
Places = NDArray[np.intp]

_TABLE = 1 << 24


@dataclass(frozen=True)
class MergedTrees:
    """The merged nodes of all depths; n_d of them at depth d. Slot a n_d + i is action a at node i."""

    names: tuple[str, ...]  # (K,) of the keys
    agents: tuple[slice, ...]  # (N,) which keys are whose
    movers: tuple[int, ...]  # (D,) the agent that moves at each depth
    keys: tuple[Places, ...]  # (n_d,) for d = 0..D-1, K where nothing is left to choose
    parents: tuple[Places, ...]  # (n_d+1,) for d = 0..D-1, the slot above each node, ascending
    starts: tuple[Places, ...]  # (2 n_d,) for d = 0..D-1, the first child of each slot
    shares: tuple[Array, ...]  # (n_d,) for d = 0..D, the share of chance of each node
    payoffs: Array  # (P, n_D) what the leaves pay, times chance
    places: tuple[NDArray[np.int32], ...]  # (2^d, R) for d = 0..D, the merged node of each node
    scale: float  # no payoff is larger

    @property
    def size(self) -> int:
        """K: how many keys there are."""
        return len(self.names)

    @property
    def depth(self) -> int:
        """D: how many choices a path has."""
        return len(self.movers)

    @property
    def nodes(self) -> int:
        """All merged nodes, leaves included."""
        return sum(len(shares) for shares in self.shares)

    def payoff_of(self, agent: int) -> Array:
        """Return what the merged leaves pay an agent, times chance, shape (n_D,)."""
        paid: Array = self.payoffs[0 if len(self.payoffs) == 1 else agent]
        return paid

    def fold(self, values: NDArray[np.floating | np.integer | np.bool_], depth: int, share: Array) -> Array:
        """Return the sums of ``values`` (2^d, R) times the rows' ``share`` (R,) over each merged node, (n_d,)."""
        weighted = np.multiply(values, share, dtype=np.float64).ravel()
        return _gathered(self.places[depth].ravel(), weighted, len(self.shares[depth]))

    def up(self, below: Array, depth: int) -> Array:
        """Return the sums of the children's values (n_d+1, ...) by action, shape (2, n_d, ...)."""
        summed: Array = np.add.reduceat(below, self.starts[depth], axis=0)
        return summed.reshape(2, -1, *below.shape[1:])

    def down(self, here: Array, speak: Array, depth: int) -> Array:
        """Return the children's reach (n_d+1, ...) from that of the nodes (n_d, ...) and their P(SPEAK)."""
        spoken = here * speak
        slots = np.concatenate([here - spoken, spoken])
        return slots[self.parents[depth]]

    def values(self, speak: Array) -> Array:
        """Return the expected payoffs (P, ...) of policies ``speak`` (K + 1, ...), which must be 0 at K."""
        totals = []
        for paid in self.payoffs:
            value = paid.reshape(-1, *(1,) * (speak.ndim - 1))
            for depth in range(self.depth - 1, -1, -1):
                pair = self.up(value, depth)
                value = pair[0] + speak[self.keys[depth]] * (pair[1] - pair[0])
            totals.append(value.sum(axis=0))
        return np.array(totals)

    def advantages(self, agent: int, speak: Array) -> tuple[Array, Array]:
        """Return A and w of the agent's keys, shape (its keys,) each (see `sweeps`)."""
        mine = [mover == agent for mover in self.movers]
        advantage, weight = np.zeros(self.size + 1), np.zeros(self.size + 1)
        if any(mine):
            first, last = mine.index(True), self.depth - 1 - mine[::-1].index(True)
            chances = [speak[keys] for keys in self.keys]
            own, other = self._reaches(chances, mine, last)
            value = self.payoff_of(agent)
            for depth in range(self.depth - 1, first - 1, -1):
                skip, spoken = self.up(value, depth)
                difference = spoken - skip
                if mine[depth]:
                    keys = self.keys[depth]
                    advantage += np.bincount(keys, other[depth] * difference, self.size + 1)
                    weight += np.bincount(keys, own[depth] * self.shares[depth], self.size + 1)
                value = skip + chances[depth] * difference
        here = self.agents[agent]
        return settled(advantage[here], self.scale), weight[here]

    def _reaches(self, chances: list[Array], mine: list[bool], last: int) -> tuple[list[Array], list[Array]]:
        """Return the agent's own reach and the others', chance left out, down to depth ``last``."""
        own, other = [np.ones(len(self.keys[0]))], [np.ones(len(self.keys[0]))]
        for depth in range(last):
            moved, kept = (own, other) if mine[depth] else (other, own)
            moved.append(self.down(moved[depth], chances[depth], depth))
            kept.append(np.concatenate([kept[depth], kept[depth]])[self.parents[depth]])
        return own, other

    def reach(self, speak: Array) -> list[Array]:
        """Return the probability of each merged node under the policies of all and chance, depth by depth."""
        reached = [np.ones(len(self.keys[0]))]
        for depth in range(self.depth - 1):
            reached.append(self.down(reached[depth], speak[self.keys[depth]], depth))
        return [here * share for here, share in zip(reached, self.shares, strict=False)]


def merge(game: TreeGame) -> MergedTrees:
    """Return the merged trees of a game."""
    share, width = game.counts / game.counts.sum(), game.size + 1
    keys: list[Places] = []
    parents: list[Places] = []
    starts: list[Places] = []
    codes, places, shares = game.ids[0].astype(np.int64), [], []
    for depth in range(game.depth + 1):
        found, place = _numbered(codes, width * (2 * len(keys[-1]) if keys else 1))
        places.append(place)
        shares.append(_gathered(place.ravel(), np.broadcast_to(share, place.shape).ravel(), len(found)))
        slots = found // width if depth < game.depth else found
        if depth:
            parents.append(slots)
            starts.append(np.searchsorted(slots, np.arange(2 * len(keys[-1]))))
        if depth == game.depth:
            break
        keys.append(found % width if depth else found)
        codes = np.empty((2 << depth, game.rows), dtype=np.int64)
        codes[0::2], codes[1::2] = place, place + np.int64(len(found))
        if depth + 1 < game.depth:
            codes *= width
            codes += game.ids[depth + 1]
    leaves = places[-1].ravel()
    paid = np.array([_gathered(leaves, (payoff * share).ravel(), len(shares[-1])) for payoff in game.payoffs])
    return MergedTrees(
        game.names,
        game.agents,
        game.movers,
        tuple(keys),
        tuple(parents),
        tuple(starts),
        tuple(shares),
        paid,
        tuple(places),
        float(np.abs(game.payoffs).max()),
    )


def _gathered(numbers: NDArray[np.int32], weights: Array, size: int) -> Array:
    return np.asarray(np.bincount(numbers, weights, size), np.float64)


def _numbered(codes: NDArray[np.int64], limit: int) -> tuple[Places, NDArray[np.int32]]:
    """Return the distinct codes, ascending, and the place of each code among them."""
    if limit > _TABLE:
        found, inverse = np.unique(codes, return_inverse=True)
        return found.astype(np.intp), inverse.reshape(codes.shape).astype(np.int32)
    present = np.zeros(limit, dtype=bool)
    present[codes.ravel()] = True
    rank = np.cumsum(present, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(present), rank[codes]
