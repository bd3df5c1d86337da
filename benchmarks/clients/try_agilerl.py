"""AgileRL: DQN and PPO on vectors by id, IPPO on the parallel view with the mask in its infos."""

from __future__ import annotations

from typing import Any

from agilerl.algorithms import DQN, IPPO, MADDPG, PPO
from agilerl.components.replay_buffer import ReplayBuffer
from agilerl.training.train_multi_agent_off_policy import train_multi_agent_off_policy
from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy
from agilerl.training.train_off_policy import train_off_policy
from agilerl.training.train_on_policy import train_on_policy
from agilerl.utils.utils import make_multi_agent_vect_envs, make_vect_envs
from told import Use, tell

from tracer_env.envs.unmasked import parallel_env

ID = "tracer_env:tracer_env/Controller-v0"
QUIET: dict[str, Any] = {"verbose": False, "wb": False}


def off_policy() -> None:
    envs = make_vect_envs(ID, num_envs=2)
    population = DQN.population(
        size=2, observation_space=envs.single_observation_space, action_space=envs.single_action_space, batch_size=16
    )
    train_off_policy(envs, ID, "DQN", population, ReplayBuffer(500), max_steps=200, evo_steps=100, **QUIET)
    envs.close()


def on_policy() -> None:
    envs = make_vect_envs(ID, num_envs=2)
    population = PPO.population(
        size=1,
        observation_space=envs.single_observation_space,
        action_space=envs.single_action_space,
        batch_size=16,
        learn_step=32,
        num_envs=2,
    )
    train_on_policy(envs, ID, "PPO", population, max_steps=128, evo_steps=64, **QUIET)
    envs.close()


def _seats(envs: Any) -> dict[str, Any]:
    return {
        "size": 1,
        "observation_space": [envs.single_observation_space(agent) for agent in envs.agents],
        "action_space": [envs.single_action_space(agent) for agent in envs.agents],
        "agent_ids": envs.agents,
        "batch_size": 16,
    }


def maddpg() -> None:
    envs = make_multi_agent_vect_envs(parallel_env, num_envs=2, reward="team")
    population = MADDPG.population(**_seats(envs), vect_noise_dim=2)
    memory = ReplayBuffer(500)
    train_multi_agent_off_policy(envs, "dialogue", "MADDPG", population, memory, max_steps=128, evo_steps=64, **QUIET)
    envs.close()


def ippo() -> None:
    envs = make_multi_agent_vect_envs(parallel_env, num_envs=2, reward="team")
    population = IPPO.population(**_seats(envs), learn_step=32)
    try:
        train_multi_agent_on_policy(envs, "dialogue", "IPPO", population, max_steps=128, evo_steps=64, **QUIET)
    finally:
        envs.close()


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "agilerl",
            Use("DQN by id", off_policy),
            Use("PPO by id", on_policy),
            Use("MADDPG, agents by seat", maddpg, "`tracer_env.envs.unmasked.parallel_env`: masks in infos alone"),
            Use("IPPO, agents by seat", ippo, cannot="its IPPO compares masks with None by `in`, which arrays refuse"),
        )
    )
