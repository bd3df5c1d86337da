"""RUMAD (arXiv 2602.23864): PPO over features without content and with several rewards steers who speaks.

    rumad:price=2e-4,agreement=0.1,threshold=0.5

Faithful: what it observes are counts of the dialogue and no words (`information.features`: turns, votes, verdicts,
reviews, proposals), not even how sure a model was of them; the reward joins accuracy, agreement and tokens; PPO learns
it; who speaks is decided by a threshold on the policy's probability. Ours: the policy decides turn by turn whether the
seat speaks, where the paper's sets weights of edges between agents; ``agreement`` is paid at the end for the share of
the other utterances that side with the answer (`agreeing`). Left out: the second threshold, on who may read whom (here
everybody reads everything), and similarities of embedded texts, which the paper's observations hold.

It learns and is kept as `sb3:ppo` is (`stable_baselines`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from tracer_env.agents.controllers.stable_baselines import PPO
from tracer_env.annotations import Words
from tracer_env.rewards import TeamMinusTokens
from tracer_env.rules import DialogueState, final_answer
from tracer_env.settings import require
from tracer_env.types import Role, Verdict

__all__ = ["RUMAD", "TeamAgreement", "agreeing"]

_WEIGHT: Any = Annotated[float, Ge(0), Words.always("must be a number of at least 0")]
_SHARE: Any = Annotated[float, Ge(0), Le(1), Words.always("must be a probability between 0 and 1")]


@dataclass(frozen=True, slots=True)
class TeamAgreement:
    """`TeamMinusTokens`, and at the end ``agreement`` times the share of the utterances that side with the answer."""

    price: float = 0.0
    agreement: float = 0.1

    def __call__(self, before: DialogueState, after: DialogueState) -> tuple[float, ...]:
        paid = TeamMinusTokens(self.price)(before, after)
        more = self.agreement * agreeing(after) if after.over else 0.0
        return tuple(value + more for value in paid)


def agreeing(state: DialogueState) -> float:
    """Return which share of the utterances but the final answer sides with it, from 0 to 1; 0 where there are none.

    A proposal sides with it if it gives the same answer, a review if it says RIGHT of a proposal that does.
    """
    final, said, siding, pending = final_answer(state), 0, 0, None
    if final is None:
        return 0.0
    for turn in state.turns:
        if turn.utterance is None:
            continue
        if turn.seat.role is Role.PROPOSER:
            pending = turn.utterance
        if turn.number == final.turn:
            continue
        same = pending is not None and pending.answer is not None and pending.answer == final.utterance.answer
        sides = same and (turn.seat.role is Role.PROPOSER or turn.utterance.verdict is Verdict.RIGHT)
        said, siding = said + 1, siding + sides
    return siding / said if said else 0.0


class RUMAD(PPO):
    """PPO over counts of the dialogue, paid for accuracy and agreement, less the price of tokens.

    ``threshold``: how likely SPEAK must be for the seat to speak. The other settings are those of `sb3:ppo`.
    """

    name = "rumad"

    def __init__(
        self,
        price: float = 0.0,
        agreement: float = 0.1,
        threshold: float = 0.5,
        steps: int | None = None,
        hidden: int = 64,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__("public", price, steps, hidden, learning_rate)
        require(f"controller {self.name}: ", _WEIGHT, agreement=agreement)
        require(f"controller {self.name}: ", _SHARE, threshold=threshold)
        self.agreement, self.threshold = float(agreement), float(threshold)

    @property
    def reward(self) -> Any:
        """What a step of its training pays."""
        return TeamAgreement(self.price, self.agreement)

    def probabilities(self, numbers: NDArray[np.float32], turn: int) -> NDArray[np.float64]:
        """Return 1.0 where SPEAK is likely enough, else 0.0, shape (n,)."""
        speaks: NDArray[np.float64] = (self.likely(numbers) > self.threshold).astype(np.float64)
        return speaks

    def state_dict(self) -> dict[str, Any]:
        """Return everything that was learned as plain data."""
        return {**super().state_dict(), "agreement": self.agreement, "threshold": self.threshold}

    def load_state_dict(self, data: Any) -> None:
        """Take over what `state_dict` returned; raises ConfigError, and changes nothing, for anything else."""
        told: dict[str, Any] = {
            name: data.get(name) if isinstance(data, dict) else None for name in ("agreement", "threshold")
        }
        require(f"controller {self.name}: ", _WEIGHT, agreement=told["agreement"])
        require(f"controller {self.name}: ", _SHARE, threshold=told["threshold"])
        super().load_state_dict(data)
        self.agreement, self.threshold = float(told["agreement"]), float(told["threshold"])
