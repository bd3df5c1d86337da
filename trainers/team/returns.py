"""What a team earns: one reward for a joint dialogue, and the return of each of its turns. MAGRPO, arXiv 2508.04652.

G joint dialogues of a task are played, each agent drawing from its own policy; with r_t the team's reward at turn t

    return      R_t = sum of discount^(s - t) r_s over s from t to the last turn    (``per_turn``)
                R   = the reward of the final answer, for every turn                (otherwise)
    advantage   A_t = R_t less its mean over the G dialogues                        (`gspo.advantages`, scale none)

and A_t is given to whoever spoke at turn t, whichever agent it was: nobody is paid for a part of his own.

Here of the paper: joint groups, centralised group-relative advantages without a deviation below them, decentralised
policies, any number of agents and turns, returns turn by turn (its reward is paid at every turn, ours on request).

Not here: agents that speak at once within a turn (here they sit in turns and read what was said, so a turn of the
paper is a round of turns); the tree of rollouts that branches anew at each turn of its later code (here G dialogues
part at the first word and are compared turn by turn); rewards of the environment between turns. The gradient is that
of the clipped token ratios of GRPO, where the paper takes log-probabilities of fresh samples alone: at the first of a
rollout's optimiser steps the two are the same, but for the length by which a row is divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracer_env.parts.contracts import worth
from tracer_env.rules import DialogueState, advance
from tracer_env.trainers.gspo.rewards import TeamReward
from tracer_env.trainers.gspo.rollouts import Said
from tracer_env.types import Action

__all__ = ["JointReturn", "discounted"]


@dataclass(frozen=True, slots=True)
class JointReturn:
    """Pays every utterance the return of its turn. ``per_turn``: the answer that stands is paid after each turn."""

    per_turn: bool = False
    discount: float = 1.0

    def __call__(self, reward: TeamReward, end: DialogueState, said: Sequence[Said]) -> list[float | None]:
        """Return what each of ``said`` earns; None for all of a dialogue with an answer whose grade timed out."""
        if not self.per_turn:
            return [worth(reward.of, end)] * len(said)
        paid = [worth(reward.so_far, advance(state, Action.SPEAK, utterance)) for state, utterance in said]
        known = [each for each in paid if each is not None]
        return [*discounted(known, self.discount)] if len(known) == len(paid) else [None] * len(paid)


def discounted(rewards: Sequence[float], discount: float) -> list[float]:
    """Return for each place the sum of the rewards from there on, those n places later times ``discount`` ** n."""
    returns, behind = [], 0.0
    for reward in reversed(rewards):
        behind = reward + discount * behind
        returns.append(behind)
    return returns[::-1]
