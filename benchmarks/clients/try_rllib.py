"""RLlib: the controller by id, and the dialogue with an agent for each seat, masked by RLlib's own module."""

from __future__ import annotations

import os

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # or a token is written to the home folder
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.ppo import PPOConfig
from told import Use, tell

from tracer_env.envs.rllib import rllib_config

ID = "tracer_env:tracer_env/Controller-v0"
SMALL = {"train_batch_size_per_learner": 64, "minibatch_size": 32, "num_epochs": 1}


def _trained(config: object, steps: int = 2) -> None:
    algorithm = config.build_algo()  # type: ignore[attr-defined]
    for _ in range(steps):
        found = algorithm.train()
    assert found["env_runners"]["num_episodes"] > 0
    algorithm.stop()


def by_id() -> None:
    _trained(
        PPOConfig().environment(ID, env_config={"reward": "team"}).env_runners(num_env_runners=0).training(**SMALL)
    )


def in_processes() -> None:
    _trained(PPOConfig().environment(ID).env_runners(num_env_runners=1, num_envs_per_env_runner=2).training(**SMALL))


def dqn() -> None:
    config = DQNConfig().environment(ID).env_runners(num_env_runners=0)
    _trained(config.training(train_batch_size_per_learner=32, num_steps_sampled_before_learning_starts=32))


def dialogue() -> None:
    for agents in (2, 3):
        config = rllib_config(PPOConfig(), num_agents=agents, reward="team")
        _trained(config.env_runners(num_env_runners=0).training(**SMALL))


def dialogue_in_processes() -> None:
    config = rllib_config(PPOConfig(), reward="team").env_runners(num_env_runners=1)
    _trained(config.training(**SMALL))


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000)
    ours = (
        "`tracer_env.envs.rllib.rllib_config`: keys, float masks, and RLlib's check, which samples without masks, off"
    )
    code = tell(
        "ray",
        Use("PPO by id", by_id, "nothing (`tracer_env:tracer_env/Controller-v0`, the id with its module)"),
        Use("PPO in processes", in_processes),
        Use("DQN by id", dqn),
        Use("agents by seat", dialogue, ours),
        Use("agents by seat, processes", dialogue_in_processes, ours),
    )
    ray.shutdown()
    raise SystemExit(code)
