"""Counterfactual regrets of all trees in one pass of array operations, nothing collapsed.

For one agent and the policies of all, `DenseSweeps.advantages` runs

    down    the reach probability of each node, split into the agent's own choices and everybody else's
    up      the value of each node to the agent: v = v(SKIP) + pi(SPEAK) (v(SPEAK) - v(SKIP))

and gathers at each key k of the agent

    A(k) = sum over nodes of k of chance x others' reach x (v(SPEAK) - v(SKIP))    the advantage of speaking
    w(k) = sum over nodes of k of chance x own reach                               the weight of the average

With two actions A is all there is to know: the counterfactual regrets of a policy pi are -pi(SPEAK) A for SKIP
and (1 - pi(SPEAK)) A for SPEAK.

Rows are cut into blocks that fit the processor's cache; buffers are made once. The time is linear in the
number of nodes. Sums that are nothing but rounding are returned as 0 (`settled`): where gains and losses cancel, regret
matching must stay where it is, and would otherwise follow a noise of 1e-17 to one side or the other, differently for
each order of summation. The reach of others does not hang on the agent's choices, so A may be used at keys that
forget; what is promised for such keys is in `cfr`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracer_env.trainers.cfr.game import TreeGame

__all__ = ["Block", "Buffers", "DenseSweeps", "Sweeps", "settled"]

Array = NDArray[np.float64]

_BLOCK_LEAVES = 1 << 14
"""Leaves of a block: all its buffers together stay near one megabyte."""


_ROUNDING = 1e-13


def settled(advantage: Array, scale: float) -> Array:
    """Return the advantages with those set to 0 that are below rounding, payoffs being at most ``scale``."""
    advantage[np.abs(advantage) <= _ROUNDING * scale] = 0.0
    return advantage


class Sweeps(Protocol):
    """What a solver asks of a game: the advantages of one agent's keys under the policies of all."""

    @property
    def names(self) -> tuple[str, ...]:
        """The keys, those of one agent side by side."""
        ...

    @property
    def agents(self) -> tuple[slice, ...]:
        """Which keys are whose."""
        ...

    def advantages(self, agent: int, speak: Array) -> tuple[Array, Array]:
        """Return A and w of the agent's keys, shape (its keys,) each.

        ``speak`` (K + 1,) holds P(SPEAK) of all keys, and 0 at K.
        """
        ...


class Block:
    """Some rows of a game with the buffers of a sweep; keys of one agent's nodes lie in one array."""

    def __init__(self, game: TreeGame, ids: list[NDArray[np.intp]], share: Array, buffers: Buffers) -> None:
        self.depth, self.size, self.movers, self.buffers = game.depth, game.size, game.movers, buffers
        self.share = share  # (B,) the rows' share of chance
        rows = len(share)
        self.joined: dict[int, NDArray[np.intp]] = {}
        self.ids: list[NDArray[np.intp]] = [np.empty((0, 0), dtype=np.intp)] * self.depth
        for agent in set(self.movers):
            depths = [d for d in range(self.depth) if self.movers[d] == agent]
            joined = np.concatenate([ids[d] for d in depths], axis=0)
            self.joined[agent], start = joined, 0
            for d in depths:
                self.ids[d] = joined[start : start + (1 << d)]
                start += 1 << d
            assert joined.shape == (start, rows)

    def look_up(self, speak: Array, depth: int) -> None:
        """Fill the buffer of P(SPEAK) at a depth."""
        np.take(speak, self.ids[depth], out=self.buffers.speak[depth], mode="clip")

    def sweep(self, agent: int, payoff: Array) -> tuple[Array, Array]:
        """Return A and w (K + 1,) given filled buffers of P(SPEAK); ``payoff`` (2^D, B) includes chance."""
        buffers, mine = self.buffers, [mover == agent for mover in self.movers]
        first, last = mine.index(True), self.depth - 1 - mine[::-1].index(True)
        own, other = self._down(mine, last)
        products, weights = buffers.joined(agent, self.joined[agent].shape)
        value, start = payoff, len(products)
        for depth in range(self.depth - 1, first - 1, -1):
            skip, difference = value[0::2], buffers.difference[depth]
            np.subtract(value[1::2], skip, out=difference)
            if mine[depth]:
                start -= 1 << depth
                here, there = other[depth], products[start : start + (1 << depth)]
                np.copyto(there, difference) if here is None else np.multiply(here, difference, out=there)
                reached = own[depth]
                weights[start : start + (1 << depth)] = self.share if reached is None else reached
            if depth > first:
                value = buffers.value[depth]
                np.multiply(buffers.speak[depth], difference, out=value)
                value += skip
        flat = self.joined[agent].ravel()
        advantage = np.asarray(np.bincount(flat, products.ravel(), self.size + 1), np.float64)
        return advantage, np.asarray(np.bincount(flat, weights.ravel(), self.size + 1), np.float64)

    def _down(self, mine: list[bool], last: int) -> tuple[list[Array | None], list[Array | None]]:
        """Return own reach (times chance) and others' reach at each depth; None stands for chance, or for 1."""
        own: list[Array | None] = [None] * (last + 1)
        other: list[Array | None] = [None] * (last + 1)
        for depth in range(last):
            moved, kept = (own, other) if mine[depth] else (other, own)
            moved_to, kept_to = (self.buffers.own, self.buffers.other)[:: 1 if mine[depth] else -1]
            here, speak = moved[depth], self.buffers.speak[depth]
            start: Array | float = here if here is not None else self.share if mine[depth] else 1.0
            below = moved_to[depth + 1]
            np.multiply(start, speak, out=below[1::2])
            np.subtract(start, below[1::2], out=below[0::2])
            moved[depth + 1] = below
            passed = kept[depth]
            if passed is not None:
                below = kept_to[depth + 1]
                below[0::2] = passed
                below[1::2] = passed
                kept[depth + 1] = below
        return own, other


class Buffers:
    """The arrays that a sweep over B rows writes to; shared by all blocks of that size."""

    def __init__(self, depth: int, rows: int) -> None:
        def levels() -> list[Array]:
            return [np.empty((1 << d, rows)) for d in range(depth)]

        self.speak, self.own, self.other = levels(), levels(), levels()
        self.difference, self.value = levels(), levels()
        self._joined: dict[int, tuple[Array, Array]] = {}

    def joined(self, agent: int, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Return two arrays for one agent's nodes."""
        if agent not in self._joined:
            self._joined[agent] = np.empty(shape), np.empty(shape)
        return self._joined[agent]


class DenseSweeps:
    """Sweeps over all rows of a game, block by block."""

    def __init__(self, game: TreeGame) -> None:
        self.names, self.agents, self._movers = game.names, game.agents, game.movers
        self._scale = float(np.abs(game.payoffs).max())
        share = game.counts / game.counts.sum()
        parts = np.array_split(np.arange(game.rows), max(1, -(-game.rows * (1 << game.depth) // _BLOCK_LEAVES)))
        buffers = {size: Buffers(game.depth, size) for size in {len(part) for part in parts}}
        self._blocks, self._payoffs = [], []
        for part in parts:
            rows = slice(int(part[0]), int(part[-1]) + 1)
            self._blocks.append(Block(game, [ids[:, rows] for ids in game.ids], share[rows], buffers[len(part)]))
            self._payoffs.append(game.payoffs[:, :, rows] * share[rows])

    def advantages(self, agent: int, speak: Array) -> tuple[Array, Array]:
        keys = self.agents[agent]
        advantage, weight = np.zeros(len(speak)), np.zeros(len(speak))
        if agent in self._movers:
            for block, payoffs in zip(self._blocks, self._payoffs, strict=True):
                for depth in range(block.depth):
                    block.look_up(speak, depth)
                here, there = block.sweep(agent, payoffs[0 if len(payoffs) == 1 else agent])
                advantage += here
                weight += there
        return settled(advantage[keys], self._scale), weight[keys]
