"""From regrets to policies: five rules for tables of two-action rows, in arrays.

All see, row by row, the advantage A of SPEAK over SKIP under the current policy pi of the row, which
makes the instantaneous regrets r(SKIP) = -pi(SPEAK) A and r(SPEAK) = (1 - pi(SPEAK)) A.

    cfr                  R += r; pi = R+ / sum R+, uniform when no regret is positive; the average counts all
                         iterations alike (Hart and Mas-Colell 2000; Zinkevich et al. 2007)
    cfr_plus             R = max(R + r, 0); iteration t counts t times (Tammelin 2014)
    dcfr                 R += r, then positive regrets times t^a / (t^a + 1), negative ones times t^b / (t^b + 1);
                         iteration t counts t^g times; (a, b, g) = (1.5, 0, 2) (Brown and Sandholm 2019)
    predictive_rm_plus   R = max(R + r, 0); pi is matched to max(R + r, 0), as if r came once more; iteration t
                         counts t^2 times (Farina, Kroer and Sandholm 2021)
    hedge                pi(SPEAK) = 1 / (1 + exp(-eta S)), S the sum of the A so far and eta = sqrt(8 ln 2 / sum A^2)
                         (exponential weights; Cesa-Bianchi and Lugosi 2006)

``cumulative_regret`` keeps the true sum of r beside, never floored nor discounted: the regret that is printed.
A rule works on one row by itself: each promises O(1 / sqrt(t)) for the row's own average regret against any
sequence of bounded advantages, weighted as it counts the iterations. What that means for the game is in `cfr`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError, UnknownNameError

__all__ = [
    "RULES",
    "DiscountedUpdate",
    "HedgeUpdate",
    "MatchingPlusUpdate",
    "MatchingUpdate",
    "PredictiveUpdate",
    "RegretUpdate",
    "matched",
    "regret_update",
]

Array = NDArray[np.float64]


def matched(regret: Array) -> Array:
    """Return P(SPEAK) in proportion to the positive parts of ``regret`` (2, rows); 1/2 where none is positive."""
    low, high = np.maximum(regret, 0.0)
    total = low + high
    speak: Array = np.divide(high, total, out=np.full(len(total), 0.5), where=total > 0.0)
    return speak


class RegretUpdate:
    """The books of ``size`` rows, updated in place; subclasses say what is kept and what is played."""

    name = ""

    def __init__(self, size: int) -> None:
        self.regret = np.zeros((2, size))  # what the policy is matched to
        self.cumulative_regret = np.zeros((2, size))  # never floored, never discounted

    def learn(self, rows: slice, advantage: Array, speak: Array, iteration: int) -> Array:
        """Take in the advantages of SPEAK under the policy ``speak`` and return the next policy of the rows."""
        instant = np.stack([-speak * advantage, (1.0 - speak) * advantage])
        self.cumulative_regret[:, rows] += instant
        return self._next(rows, instant, advantage, iteration)

    def weight(self, iteration: int) -> float:
        """Return how often the policy of an iteration (from 1) counts in the average."""
        return 1.0

    def _next(self, rows: slice, instant: Array, advantage: Array, iteration: int) -> Array:
        raise TypeError(f"{type(self).__name__} does not say how regrets become a policy")


class MatchingUpdate(RegretUpdate):
    """Regret matching: the rule of CFR."""

    name = "cfr"

    def _next(self, rows: slice, instant: Array, advantage: Array, iteration: int) -> Array:
        self.regret[:, rows] += instant
        return matched(self.regret[:, rows])


class MatchingPlusUpdate(RegretUpdate):
    """Regret matching with regrets floored at zero and linear averaging: the rule of CFR+."""

    name = "cfr_plus"

    def _next(self, rows: slice, instant: Array, advantage: Array, iteration: int) -> Array:
        kept = np.maximum(self.regret[:, rows] + instant, 0.0)
        self.regret[:, rows] = kept
        return matched(kept)

    def weight(self, iteration: int) -> float:
        return float(iteration)


class DiscountedUpdate(RegretUpdate):
    """Regret matching on discounted regrets: the rule of DCFR."""

    name = "dcfr"

    def __init__(self, size: int, alpha: float = 1.5, beta: float = 0.0, gamma: float = 2.0) -> None:
        super().__init__(size)
        if not all(math.isfinite(power) for power in (alpha, beta, gamma)):
            raise ConfigError(f"the powers of dcfr must be finite numbers, got {(alpha, beta, gamma)}")
        self.alpha, self.beta, self.gamma = alpha, beta, gamma

    def _next(self, rows: slice, instant: Array, advantage: Array, iteration: int) -> Array:
        regret = self.regret[:, rows] + instant
        up, down = math.pow(iteration, self.alpha), math.pow(iteration, self.beta)
        regret *= np.where(regret > 0.0, up / (up + 1.0), down / (down + 1.0))
        self.regret[:, rows] = regret
        return matched(regret)

    def weight(self, iteration: int) -> float:
        return math.pow(iteration, self.gamma)


class PredictiveUpdate(RegretUpdate):
    """Regret matching+ that plays as if the last regrets came once more: the rule of PCFR+."""

    name = "predictive_rm_plus"

    def _next(self, rows: slice, instant: Array, advantage: Array, iteration: int) -> Array:
        kept = np.maximum(self.regret[:, rows] + instant, 0.0)
        self.regret[:, rows] = kept
        return matched(kept + instant)

    def weight(self, iteration: int) -> float:
        return float(iteration * iteration)


class HedgeUpdate(RegretUpdate):
    """Exponential weights with a step that shrinks as the advantages add up; no setting to choose."""

    name = "hedge"

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._sum, self._squares = np.zeros(size), np.zeros(size)

    def _next(self, rows: slice, instant: Array, advantage: Array, iteration: int) -> Array:
        self._sum[rows] += advantage
        self._squares[rows] += advantage**2
        squares = self._squares[rows]
        spread = np.sqrt(squares, out=np.ones(len(squares)), where=squares > 0.0)
        speak: Array = 0.5 * (1.0 + np.tanh(0.5 * math.sqrt(8.0 * math.log(2.0)) * self._sum[rows] / spread))
        self.regret[:, rows] = self.cumulative_regret[:, rows]
        return speak


RULES: dict[str, type[RegretUpdate]] = {
    rule.name: rule for rule in (MatchingUpdate, MatchingPlusUpdate, DiscountedUpdate, PredictiveUpdate, HedgeUpdate)
}


def regret_update(name: str, size: int) -> RegretUpdate:
    """Return the rule of that name for ``size`` rows; raises UnknownNameError for another."""
    if name not in RULES:
        raise UnknownNameError("regret rule", name, RULES)
    return RULES[name](size)
