"""Tabular Q-learning (Watkins 1989) over the keys, for all seats of the team at once.

    q_learning:price=2e-4,alpha=0.1,epsilon=0.1

For a choice at key s that earned r up to the next choice, at key s' of whoever acts there,

    q(s, a) += alpha_n (r + max_a' q(s', a') - q(s, a))        the last choice of a dialogue has no s'

without discount, since dialogues are short. ``alpha_n`` = max(``alpha``, 1 / n): the mean of the first returns, then a
step that forgets. The steps of a dialogue are learned from the last one back, so that what its end was worth reaches
its beginning at once. It explores as `epsilon_greedy` does.

Keys forget (two dialogues with different words share one), so s' is not a state of a Markov chain, and the usual proof
of convergence does not hold; `cfr_plus` on trees has none of these troubles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Gt, Le

from tracer_env.agents.controllers.action_values import Step
from tracer_env.agents.controllers.bandits import EpsilonGreedy
from tracer_env.annotations import Words
from tracer_env.settings import require

__all__ = ["QLearning"]

_ALPHA: Any = Annotated[float, Gt(0), Le(1), Words.always("must be a number above 0 and at most 1")]


class QLearning(EpsilonGreedy):
    """Tabular Q-learning: the value of a choice is what it earns up to the next one, and what the best there is worth.

    ``alpha`` is the smallest step; it explores with probability ``epsilon``.
    """

    name = "q_learning"

    def __init__(
        self, information: str = "vote_and_time", price: float = 0.0, epsilon: float = 0.1, alpha: float = 0.1
    ) -> None:
        super().__init__(information, price, epsilon)
        require(f"controller {self.name}: ", _ALPHA, alpha=alpha)
        self.alpha = float(alpha)

    def learn(self, steps: Sequence[Step]) -> None:
        later = 0.0
        for step in reversed(steps):
            row = self.row(step.key)
            row.tried[step.action] += 1
            rate = max(self.alpha, 1.0 / row.tried[step.action])
            row.value[step.action] += rate * (step.reward + later - row.value[step.action])
            later = max(row.value)
