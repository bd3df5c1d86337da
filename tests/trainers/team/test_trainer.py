"""Teams of nano trained in joint dialogues: real gradients, one policy a seat, what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from training import config, tasks

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.trainers.gspo.config import CLIPS
from tracer_env.trainers.gspo.loss import grpo_loss
from tracer_env.trainers.gspo.rewards import PAPER, RoleReward, TeamReward
from tracer_env.trainers.team.influence import Influence
from tracer_env.trainers.team.returns import JointReturn
from tracer_env.trainers.team.settings import MAGRPOSettings, MAPoRLSettings
from tracer_env.trainers.team.trainer import TeamTrainer, shares_of

RULES = Rules(num_agents=3, max_turns=4)
SEATS = ["agent_0-proposer", "agent_1-reviewer", "agent_2-proposer", "agent_0-reviewer"]
MAGRPO = {"shares": JointReturn(), "reward": TeamReward()}
MAPORL = {"shares": Influence(MAPoRLSettings()), "reward": PAPER}


def team(made: dict[str, Any], **changes: Any) -> TeamTrainer:
    settings = config(**{"num_generations": 4, "epsilon": 0.2, "epsilon_high": 0.2, **changes})
    return TeamTrainer("nano", tasks(), settings, wanted=False, **{"rules": RULES, **made})


def moved(trainer: TeamTrainer, name: str) -> bool:
    return any(bool(tensor.any()) for path, tensor in trainer.policies.tensors(name).items() if ".lora_B" in path)


@pytest.mark.parametrize("made", [MAGRPO, MAPORL], ids=["magrpo", "maporl"])
def test_every_agent_learns_in_each_of_its_roles(made: dict[str, Any]) -> None:
    trainer = team(made, max_steps=3, tasks_per_step=3)
    assert trainer.trained == SEATS
    assert trainer.update.objective is grpo_loss
    lines = trainer.train().metrics
    for name in SEATS:
        assert [line[f"{name}/candidates"] for line in lines] == [3 * 4] * 3
        assert moved(trainer, name)


def test_all_of_a_dialogue_earn_the_same_and_turns_are_compared() -> None:
    trainer = team(MAGRPO)
    drawn = trainer.rollouts.play(0, lambda place: True)
    by_turn = [[one.reward for one in drawn if one.state.turn == turn] for turn in range(1, 5)]
    assert len(by_turn[0]) == 2 * 4
    assert all(rewards == by_turn[0] for rewards in by_turn)
    assert set(by_turn[0]) == {1.0, -1.0}
    groups = {(one.place, one.state.turn): set() for one in drawn}
    for one in drawn:
        groups[one.place, one.state.turn].add(one.group)
    assert sorted(groups.values(), key=min) == [{number} for number in sorted({one.group for one in drawn})]


def test_influence_pays_more_than_being_right() -> None:
    drawn = team({"shares": Influence(MAPoRLSettings(beta1=50)), "reward": RoleReward()}).rollouts.play(
        0, lambda place: True
    )
    assert all(one.reward is not None for one in drawn)
    assert len({one.reward for one in drawn}) > 4
    assert drawn != team(MAPORL).rollouts.play(0, lambda place: True)


def test_a_role_can_share_a_policy() -> None:
    assert team({**MAGRPO, "sharing": "role"}).trained == ["proposer", "reviewer"]
    assert team({**MAGRPO, "sharing": "role", "rules": Rules(max_turns=1)}).trained == ["proposer"]


def test_the_default_clip_suits_tokens() -> None:
    trainer = TeamTrainer("nano", tasks(), None, wanted=False, rules=Rules(max_turns=1), **MAGRPO)
    assert trainer.config.clip == CLIPS["grpo"]


def test_settings_name_the_shares() -> None:
    assert shares_of(MAGRPOSettings(returns="turns", discount=0.5)) == JointReturn(per_turn=True, discount=0.5)
    assert shares_of(MAPoRLSettings(alpha0=2)) == Influence(MAPoRLSettings(alpha0=2))
    assert "JointReturn(per_turn=False" in str(team(MAGRPO).rollouts.told)


def test_what_trains_one_policy_is_refused() -> None:
    from tracer_env.trainers.gspo.finetune import Full

    with pytest.raises(ConfigError, match="finetune 'full' trains one policy"):
        team({**MAGRPO, "finetune": Full()})
