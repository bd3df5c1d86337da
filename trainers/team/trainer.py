"""Whole teams trained together: joint dialogues, one policy for each agent in each of its roles, GRPO's update.

    TeamTrainer("nano", Arithmetic(split="train", level=1), GSPOConfig(...), shares=JointReturn(), reward=TeamReward())
    TeamTrainer("nano", tasks, config, shares=Influence(MAPoRLSettings()), reward=RoleReward())

A step plays G dialogues of each task in which every seat speaks, pays each utterance its share, and updates every
policy on what its agent said in its role, compared with the same turn of the other dialogues (`gspo.trainer`, whose
folder, checkpoints and log these are).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tracer_env.interfaces import Scenario
from tracer_env.rules import DialogueState, Rules
from tracer_env.trainers.gspo.config import CLIPS, GSPOConfig
from tracer_env.trainers.gspo.rollouts import PolicyOf, Said, TaskOrder, TeamRollouts
from tracer_env.trainers.gspo.sharing import SHARING, policies_under
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trainers.team.influence import Influence
from tracer_env.trainers.team.returns import JointReturn
from tracer_env.trainers.team.settings import MAGRPOSettings, MAPoRLSettings

__all__ = ["JointRollouts", "Shares", "TeamTrainer", "shares_of"]


class Shares(Protocol):
    """What the utterances of a joint dialogue earn: `returns.JointReturn`, `influence.Influence`, or one of yours."""

    def __call__(self, reward: Any, end: DialogueState, said: Sequence[Said], /) -> list[float | None]:
        """Return a number for each of ``said``, None where it is no sample; ``reward`` is the trainer's."""
        ...


def shares_of(settings: MAGRPOSettings | MAPoRLSettings) -> Shares:
    """Return what the settings of a method say that utterances earn."""
    if isinstance(settings, MAGRPOSettings):
        return JointReturn(settings.returns == "turns", settings.discount)
    return Influence(settings)


class JointRollouts(TeamRollouts):
    """G whole dialogues for each task, whose utterances earn what ``shares`` gives them."""

    def __init__(
        self,
        order: TaskOrder,
        speaker: Any,
        candidates: int,
        policy_of: PolicyOf,
        rules: Rules,
        reward: Any,
        shares: Shares,
    ) -> None:
        super().__init__(order, speaker, candidates, policy_of, rules, reward)
        self.shares = shares

    @property
    def told(self) -> Any:
        return [*super().told, repr(self.shares)]

    def earned(self, end: DialogueState, said: Sequence[Said]) -> list[float | None]:
        return self.shares(self.reward, end, said)


class TeamTrainer(GSPOTrainer):
    """Trains the policies of all seats in joint dialogues.

    ``shares`` pays utterances, from what ``reward`` says of dialogues or utterances; ``sharing``: ``agent`` or ``role``
    (`SHARING`). The objective is `loss.grpo_loss` unless another is given. Everything else is as in `GSPOTrainer`.
    """

    def __init__(
        self,
        speaker: Any,
        scenario: str | Scenario,
        config: GSPOConfig | None = None,
        *,
        shares: Shares,
        sharing: str = "agent",
        reward: Any,
        rules: Rules | None = None,
        objective: Any = None,
        **others: Any,
    ) -> None:
        from tracer_env.trainers.gspo.loss import grpo_loss

        low, high = CLIPS["grpo"]
        config, rules = config or GSPOConfig(epsilon=low, epsilon_high=high), rules or Rules()

        def rollouts(order: TaskOrder, made: Any) -> JointRollouts:
            return JointRollouts(order, made, config.num_generations, SHARING[sharing], rules, self.reward, shares)

        roles = list(dict.fromkeys(seat.role.name.lower() for seat in rules.seats[1:]))
        super().__init__(
            speaker,
            scenario,
            config,
            rules=rules,
            reward=reward,
            objective=objective or grpo_loss,
            rollouts=rollouts,
            policies=policies_under(rules, sharing, roles),
            **others,
        )
