"""Stable-Baselines3: the environment by id and by object, a vector of them, and the adapter for thousands."""

from __future__ import annotations

import gymnasium
import numpy as np
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize
from told import Use, tell

from tracer_env.envs.sb3 import sb3_vec_env
from tracer_env.envs.vector.env import make_vector_env

ID = "tracer_env/Controller-v0"


def by_id() -> None:
    model = PPO("MlpPolicy", ID, n_steps=64, batch_size=32, device="cpu", seed=0).learn(128)
    mean, _ = evaluate_policy(model, model.get_env(), n_eval_episodes=5)
    assert np.isfinite(mean)


def by_object() -> None:
    env = gymnasium.make(ID, scenario="arithmetic", reward="team")
    check_env(env)
    DQN("MlpPolicy", env, learning_starts=10, device="cpu", seed=0).learn(50)
    A2C("MlpPolicy", env, device="cpu", seed=0).learn(50)


def make_vec() -> None:
    PPO("MlpPolicy", make_vec_env(ID, n_envs=4), n_steps=16, batch_size=32, device="cpu", seed=0).learn(128)
    in_processes = make_vec_env(ID, n_envs=2, vec_env_cls=SubprocVecEnv, env_kwargs={"reward": "team"})
    A2C("MlpPolicy", VecNormalize(in_processes), device="cpu", seed=0).learn(20)
    in_processes.close()


def adapter() -> None:
    envs = sb3_vec_env(make_vector_env(64, reward="team", autoreset_mode="SameStep"))
    model = PPO("MlpPolicy", envs, n_steps=8, batch_size=128, device="cpu", seed=0).learn(1024)
    returns, _ = evaluate_policy(model, envs, n_eval_episodes=32, return_episode_rewards=True)
    assert len(returns) == 32


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "stable-baselines3",
            Use("by id", by_id, "nothing but `import tracer_env`, which registers the id"),
            Use("by object", by_object),
            Use("make_vec_env", make_vec),
            Use("thousands at once", adapter, "`tracer_env.envs.sb3.sb3_vec_env` around our vector environment"),
        )
    )
