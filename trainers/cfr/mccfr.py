"""Monte Carlo CFR (Lanctot et al. 2009): advantages estimated from a few trees, or a few paths, an iteration.

Both samplers answer `Sweeps.advantages`, so that `cfr.TreeSolver` and every rule run on them unchanged. The
estimates of A and w are unbiased (tested against the exact sweep), and their noise is the price of the speed:

    external   ``batch`` trees are drawn; at nodes of the other agents one action is drawn from their policies,
               at the agent's own nodes both are followed
    outcome    ``batch`` trees are drawn, and in each one path: others act by their policies, the agent speaks
               with probability (1 - explore) pi(SPEAK) + explore / 2; what a path paid counts in inverse proportion
               to how likely the agent was to take it

The sampled agent's average is weighted by its own reach: over the drawn trees for external sampling, by own reach
over the path's probability for outcome sampling (which never sees what the others never do). With perfect recall
the average regret goes to zero with high probability, at O(1 / sqrt(iterations)) with a constant that grows with
the noise; keys that forget, and the joint optimum, are promised nothing, as in `cfr`. Full trees are in memory
here, so that external sampling is for very many rows, and outcome sampling is the method to compare with where
trees cannot be grown at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.trainers.cfr.game import TreeGame
from tracer_env.trainers.cfr.sweeps import Block, Buffers

__all__ = ["ExternalSampling", "OutcomeSampling"]

Array = NDArray[np.float64]


class _Drawn:
    """Draws rows in proportion to what they stand for."""

    def __init__(self, game: TreeGame, batch: int, seed: int) -> None:
        if isinstance(batch, bool) or batch < 1:
            raise ConfigError(f"batch must be at least 1, got {batch!r}")
        self.game, self.names, self.agents, self.batch = game, game.names, game.agents, batch
        self.luck = np.random.default_rng(seed)
        self._ladder = np.cumsum(game.counts)

    def rows(self) -> NDArray[np.intp]:
        """Return ``batch`` rows."""
        height = self.luck.random(self.batch) * self._ladder[-1]
        found: NDArray[np.intp] = np.searchsorted(self._ladder, height, side="right")
        return np.clip(found, 0, len(self._ladder) - 1)


class ExternalSampling(_Drawn):
    """Sweeps over drawn trees, the others' choices drawn at each node."""

    def __init__(self, game: TreeGame, batch: int = 64, seed: int = 0) -> None:
        super().__init__(game, batch, seed)
        self._buffers = Buffers(game.depth, batch)
        self._share = np.full(batch, 1.0 / batch)

    def advantages(self, agent: int, speak: Array) -> tuple[Array, Array]:
        game, rows, keys = self.game, self.rows(), self.agents[agent]
        if agent not in game.movers:
            return np.zeros(keys.stop - keys.start), np.zeros(keys.stop - keys.start)
        block = Block(game, [ids[:, rows] for ids in game.ids], self._share, self._buffers)
        for depth, mover in enumerate(game.movers):
            block.look_up(speak, depth)
            if mover != agent:
                chance = self._buffers.speak[depth]
                chance[:] = self.luck.random(chance.shape) < chance
        advantage, weight = block.sweep(agent, game.payoff_of(agent)[:, rows] / self.batch)
        return advantage[keys], weight[keys]


class OutcomeSampling(_Drawn):
    """Sweeps along drawn paths."""

    def __init__(self, game: TreeGame, batch: int = 64, seed: int = 0, explore: float = 0.6) -> None:
        super().__init__(game, batch, seed)
        if not 0.0 < explore <= 1.0:
            raise ConfigError(f"explore must lie in (0, 1], or paths are never taken; got {explore!r}")
        self.explore = explore

    def advantages(self, agent: int, speak: Array) -> tuple[Array, Array]:
        game, rows, size = self.game, self.rows(), self.game.size
        steps, node = [], np.zeros(self.batch, dtype=np.intp)
        taken, own, others = np.ones(self.batch), np.ones(self.batch), np.ones(self.batch)
        for depth, mover in enumerate(game.movers):
            key = game.ids[depth][node, rows]
            chance = speak[key]
            tried = (1.0 - self.explore) * chance + 0.5 * self.explore if mover == agent else chance
            tried = np.where(key == size, 0.0, tried)
            spoke = self.luck.random(self.batch) < tried
            likely = np.where(spoke, tried, 1.0 - tried)
            if mover == agent:
                steps.append((key, chance, spoke, likely, taken.copy(), own / (taken * others)))
                taken, own = taken * likely, own * np.where(spoke, chance, 1.0 - chance)
            else:
                others = others * likely
            node = 2 * node + spoke
        value = game.payoff_of(agent)[node, rows]
        advantage, weight = np.zeros(size + 1), np.zeros(size + 1)
        for key, chance, spoke, likely, before, reached in reversed(steps):
            seen = value / likely
            advantage += np.bincount(key, np.where(spoke, seen, -seen) / before, size + 1)
            weight += np.bincount(key, reached, size + 1)
            value = seen * np.where(spoke, chance, 1.0 - chance)
        keys = self.agents[agent]
        return advantage[keys] / self.batch, weight[keys] / self.batch
