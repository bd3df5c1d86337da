"""Counterfactual regret minimisation (Zinkevich et al. 2007) on dialogue trees, any number of agents.

An iteration goes through the agents in order. For each: the advantages of its keys under the current policies
of all (`Sweeps.advantages`), then its rule (`updates`) turns them into its next policy at once, so that
the next agent already meets it. These are *alternating* updates, step by step those of OpenSpiel's ``CFRSolver``;
with ``updates="simultaneous"`` all agents move on together at the end of the iteration. The average policy
weights each policy by the agent's own reach probability of the key, and by the rule's weight of the iteration.

The sweeps decide the rest: all trees (`DenseSweeps`), merged trees (`MergedTrees`), trees drawn at random
(`mccfr`), or the paper's one-step values (`credit.OneStepSweeps`).

What converges to what:

- The figure printed as average regret is sum over keys of max(0, max_a R(a)) / iterations. With any keys it goes to
  zero as O(1 / sqrt(iterations)) for `cfr`: each key plays a two-armed problem with bounded payoffs. So do
  `cfr_plus`, `predictive_rm_plus` and `hedge`; `dcfr` promises it for discounted regrets, and what is printed is not.
- Keys with perfect recall (``history``): that figure bounds each agent's regret for its whole policy. So with
  simultaneous updates the uniform mixture over iterations of *joint* policies approaches a coarse correlated
  equilibrium, with any number of agents and any payoffs. With alternating updates agents are compared with
  mixtures that are half a step apart. The product of the average policies is the mixture only in two-player zero-sum
  games, where it approaches an equilibrium; dialogues are nothing of the kind, and the product may be worse.
- Keys that forget (``vote_and_time`` and the others): the printed regret is known, and nothing follows from it for
  the policy as a whole.
- The joint optimum is promised nowhere, not even when all agents are paid alike: a table may settle in any
  equilibrium, and two agents that would both have to change their ways do not. `optima` says how far off it is;
  several starts (``start``) are the remedy at hand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.trainers.cfr.sweeps import Sweeps
from tracer_env.trainers.cfr.updates import RegretUpdate, regret_update

__all__ = ["UPDATES", "TreeSolver", "random_start", "uniform"]

Array = NDArray[np.float64]

UPDATES = ("alternating", "simultaneous")


def uniform(size: int) -> Array:
    """Return P(SPEAK) = 1/2 at all K keys and 0 at K, shape (K + 1,)."""
    speak = np.full(size + 1, 0.5)
    speak[size] = 0.0
    return speak


def random_start(size: int, seed: int) -> Array:
    """Return policies drawn uniformly, from seed alone, and 0 at K, shape (K + 1,)."""
    speak = np.random.default_rng(seed).random(size + 1)
    speak[size] = 0.0
    return speak


class TreeSolver:
    """Tables of all agents, improved in place by `iterate`.

    ``speak`` (K + 1,) are the current policies; ``start`` replaces the uniform ones of the first iteration. Choose its
    probabilities inside (0, 1): one that is best already leaves no regret at 0 or 1, and regret matching without
    regrets is uniform. Keys that are ``fixed`` (K,) keep their policies of the start, and play as they say.
    """

    def __init__(
        self,
        sweeps: Sweeps,
        rule: str | RegretUpdate = "cfr",
        updates: str = "alternating",
        start: Array | None = None,
        fixed: NDArray[np.bool_] | None = None,
    ) -> None:
        if updates not in UPDATES:
            raise ConfigError(f"updates is {updates!r}{did_you_mean(updates, UPDATES)}")
        self.sweeps, self.updates, size = sweeps, updates, len(sweeps.names)
        self.rule = regret_update(rule, size) if isinstance(rule, str) else rule
        self.speak = uniform(size) if start is None else start.copy()
        if self.speak.shape != (size + 1,) or self.speak[size] != 0.0:
            raise ConfigError(f"start must hold {size + 1} policies, the last one 0, got shape {self.speak.shape}")
        self.fixed = np.zeros(size, dtype=bool) if fixed is None else fixed
        self.strategy, self.weights = np.zeros(size), np.zeros(size)  # sums of weighted P(SPEAK), and of weights
        self.visits = np.zeros(size)  # sum of own reach, iterations counted alike
        self.iteration = 0

    def iterate(self, times: int = 1) -> None:
        """Run ``times`` iterations."""
        for _ in range(times):
            self.iteration += 1
            ahead = self.speak if self.updates == "alternating" else self.speak.copy()
            for agent, keys in enumerate(self.sweeps.agents):
                if keys.start == keys.stop:
                    continue
                advantage, reached = self.sweeps.advantages(agent, self.speak)
                now = self.speak[keys]
                self._count(keys, now, reached)
                learnt = self.rule.learn(keys, advantage, now, self.iteration)
                ahead[keys] = np.where(self.fixed[keys], now, learnt)
            self.speak = ahead

    def _count(self, keys: slice, speak: Array, reached: Array) -> None:
        weighted = reached * self.rule.weight(self.iteration)
        self.strategy[keys] += weighted * speak
        self.weights[keys] += weighted
        self.visits[keys] += reached

    @property
    def average(self) -> Array:
        """The average policies, shape (K + 1,): 1/2 at keys that were never reached, 0 at K."""
        speak = uniform(len(self.weights))
        np.divide(self.strategy, self.weights, out=speak[:-1], where=self.weights > 0.0)
        return speak

    def regrets(self) -> Array:
        """Return max(0, max_a cumulative regret) of each key, shape (K,)."""
        worst: Array = np.maximum(self.rule.cumulative_regret.max(axis=0), 0.0)
        return worst

    def average_regret(self) -> float:
        """Return the sum over keys of max(0, max_a cumulative regret) per iteration."""
        return float(self.regrets().sum()) / max(self.iteration, 1)
