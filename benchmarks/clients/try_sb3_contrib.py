"""sb3-contrib: MaskablePPO on the single environment, on SB3's vectors of it and on the adapter; recurrent PPO."""

from __future__ import annotations

import gymnasium
from sb3_contrib import MaskablePPO, RecurrentPPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.env_util import make_vec_env
from told import Use, tell

from tracer_env.envs.sb3 import sb3_vec_env
from tracer_env.envs.vector.env import make_vector_env

ID = "tracer_env/Controller-v0"


def single() -> None:
    env = gymnasium.make(ID, reward="team")
    model = MaskablePPO("MlpPolicy", env, n_steps=64, batch_size=32, device="cpu", seed=0).learn(128)
    evaluate_policy(model, model.get_env(), n_eval_episodes=5)
    observation, _ = env.reset(seed=0)
    assert is_masking_supported(env)
    model.predict(observation, action_masks=get_action_masks(env))


def vectors() -> None:
    MaskablePPO("MlpPolicy", make_vec_env(ID, 4), n_steps=16, batch_size=32, device="cpu", seed=0).learn(128)
    envs = sb3_vec_env(make_vector_env(16, reward="team", autoreset_mode="SameStep"))
    model = MaskablePPO("MlpPolicy", envs, n_steps=8, batch_size=64, device="cpu", seed=0).learn(256)
    evaluate_policy(model, envs, n_eval_episodes=8)


def recurrent() -> None:
    RecurrentPPO("MlpLstmPolicy", ID, n_steps=32, batch_size=32, device="cpu", seed=0).learn(64)


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "sb3-contrib",
            Use("MaskablePPO", single, "nothing: `action_masks()` is there, no ActionMasker"),
            Use("MaskablePPO, vector", vectors),
            Use("RecurrentPPO by id", recurrent),
        )
    )
