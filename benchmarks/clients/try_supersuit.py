"""SuperSuit: its wrappers around the AEC and the parallel view, and the parallel view as a vector for SB3's kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import supersuit
from gymnasium import spaces
from told import Use, tell

import tracer_env
from tracer_env.envs import unmasked

WIDE = spaces.Box(-10.0, 10.0, (11,), np.float32)


def _played(env: Any) -> None:
    env.reset(seed=1)
    for agent in env.agent_iter(100):
        _, _, over, truncated, _ = env.last()
        mask = env.unwrapped.infos[agent]["action_mask"]
        env.step(None if over or truncated else int(mask[1]))
    assert env.unwrapped.state_now.over


def _boxes() -> Any:
    return unmasked.env()


def on_dictionaries() -> None:
    _played(supersuit.reward_lambda_v0(tracer_env.env(), lambda reward: reward * 2))
    _played(supersuit.clip_reward_v0(tracer_env.env()))
    _played(supersuit.pad_action_space_v0(tracer_env.env()))
    _played(supersuit.pad_observations_v0(_boxes()))


def on_boxes() -> None:
    for wrapped in (
        supersuit.dtype_v0(_boxes(), np.float64),
        supersuit.flatten_v0(_boxes()),
        supersuit.reshape_v0(_boxes(), (11, 1)),
        supersuit.frame_stack_v1(_boxes(), 2),
        supersuit.delay_observations_v0(_boxes(), 1),
        supersuit.normalize_obs_v0(_boxes()),
        supersuit.agent_indicator_v0(_boxes()),
        supersuit.observation_lambda_v0(_boxes(), lambda seen, space: seen * 2, lambda space: WIDE),
    ):
        _played(wrapped)


def vectors() -> None:
    envs = supersuit.pettingzoo_env_to_vec_env_v1(unmasked.parallel_env())
    envs.reset(seed=1)
    envs.step(np.ones(envs.num_envs, dtype=int))
    many = supersuit.concat_vec_envs_v1(envs, 2, num_cpus=0, base_class="gymnasium")
    many.reset(seed=1)
    for _ in range(20):
        many.step(np.ones(many.num_envs, dtype=int))


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "supersuit",
            Use("wrappers of any space", on_dictionaries),
            Use("wrappers of boxes", on_boxes, "`tracer_env.envs.unmasked`: the mask in infos alone"),
            Use("vectors of the parallel view", vectors, "`tracer_env.envs.unmasked`: the mask in infos alone"),
        )
    )
