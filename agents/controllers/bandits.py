"""Contextual bandits by the tabular key: each key is a bandit of two arms, SKIP and SPEAK, and learns by itself.

What an arm earned is the return: all that the dialogue came to from that choice on, a correct answer less ``price`` for
each token. An arm's value q is the mean of its n returns. While learning, with N = n(SKIP) + n(SPEAK),

    epsilon_greedy   the arm of the higher q, but with probability ``epsilon`` either one, each as likely; a tie: either
    ucb              the arm of the higher q + c sqrt(2 ln N / n); one that was not tried yet comes first
    thompson         an arm's mean is normal, N(m, v), by returns with the variance ``noise`` and a prior N(1/2, 1):
                     v = 1 / (1 + n / noise), m = v (1/2 + n q / noise); SPEAK as likely as its draw is the higher one,
                     Phi((m(SPEAK) - m(SKIP)) / sqrt(v(SPEAK) + v(SKIP)))

(Sutton and Barto 2018, ch. 2; Auer, Cesa-Bianchi and Fischer 2002, UCB1 at c = 1; Thompson 1933.) Returns are learned
window by window (``training.update_every`` dialogues), so within one all three play what they knew at its beginning,
which the theorems do not cover; nor do they cover returns below 0, which a price brings. A bandit does not know that
its choice brings on the next key: what it learns of an early choice is an average over how the later ones were made
while it learned, exploration included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from tracer_env.agents.controllers.action_values import ActionValues, Step
from tracer_env.annotations import Words
from tracer_env.settings import require

__all__ = ["EPSILON", "UCB", "EpsilonGreedy", "Thompson"]

EPSILON: Any = Annotated[float, Ge(0), Le(1), Words.always("must be a probability between 0 and 1")]
_C: Any = Annotated[float, Ge(0), Words.always("must be a number of at least 0")]
_NOISE: Any = Annotated[float, Gt(0), Words.always("is a variance and must be a number above 0")]
_NORMAL = NormalDist()


class _Bandit(ActionValues):
    """The mean of the returns of each arm."""

    def learn(self, steps: Sequence[Step]) -> None:
        earned = 0.0
        for step in reversed(steps):
            earned += step.reward
            row = self.row(step.key)
            row.tried[step.action] += 1
            row.value[step.action] += (earned - row.value[step.action]) / row.tried[step.action]


class EpsilonGreedy(_Bandit):
    """A bandit for each key that tries either arm with probability ``epsilon``, else the better one so far."""

    name = "epsilon_greedy"

    def __init__(self, information: str = "vote_and_time", price: float = 0.0, epsilon: float = 0.1) -> None:
        super().__init__(information, price)
        require(f"controller {self.name}: ", EPSILON, epsilon=epsilon)
        self.epsilon = float(epsilon)

    def explore(self, key: str) -> float:
        skip, speak = self.rows[key].value if key in self.rows else (0.0, 0.0)
        best = 0.5 if skip == speak else float(speak > skip)
        return 0.5 * self.epsilon + (1.0 - self.epsilon) * best


class UCB(_Bandit):
    """A bandit for each key that takes the arm of the higher upper confidence bound, ``c`` times that of UCB1."""

    name = "ucb"

    def __init__(self, information: str = "vote_and_time", price: float = 0.0, c: float = 1.0) -> None:
        super().__init__(information, price)
        require(f"controller {self.name}: ", _C, c=c)
        self.c = float(c)

    def explore(self, key: str) -> float:
        row = self.rows.get(key)
        if row is None or not all(row.tried):
            return 0.5 if row is None else float(row.tried[1] == 0)
        whole = math.log(sum(row.tried))
        skip, speak = (q + self.c * math.sqrt(2.0 * whole / n) for q, n in zip(row.value, row.tried, strict=True))
        return 0.5 if skip == speak else float(speak > skip)


class Thompson(_Bandit):
    """A bandit for each key that takes an arm as often as it is the better one by what is known (Thompson sampling)."""

    name = "thompson"

    def __init__(self, information: str = "vote_and_time", price: float = 0.0, noise: float = 0.25) -> None:
        super().__init__(information, price)
        require(f"controller {self.name}: ", _NOISE, noise=noise)
        self.noise = float(noise)

    def explore(self, key: str) -> float:
        if key not in self.rows:
            return 0.5
        row = self.rows[key]
        spreads = [1.0 / (1.0 + n / self.noise) for n in row.tried]
        means = [v * (0.5 + n * q / self.noise) for v, n, q in zip(spreads, row.tried, row.value, strict=True)]
        return _NORMAL.cdf((means[1] - means[0]) / math.sqrt(spreads[0] + spreads[1]))
