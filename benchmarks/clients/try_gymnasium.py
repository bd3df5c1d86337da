"""Gymnasium: its checkers, every wrapper that it ships around the single environment and around both vectors."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces, wrappers
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.performance import benchmark_step
from gymnasium.wrappers import vector as vector_wrappers
from told import Use, tell

import tracer_env  # noqa: F401 (registers the id)

ID = "tracer_env/Controller-v0"
ACTIONS = spaces.Discrete(2)
WIDE = spaces.Box(-10.0, 10.0, (11,), np.float32)
BASES = {"vector"}  # a module among the names
PIXELS: dict[str, dict[str, Any]] = {
    "AtariPreprocessing": {},
    "AddRenderObservation": {},
    "GrayscaleObservation": {},
    "ResizeObservation": {"shape": (8, 8)},
    "HumanRendering": {},
    "RecordVideo": {"video_folder": tempfile.gettempdir()},
    "AddWhiteNoise": {"probability_of_noise_per_pixel": 0.1},
    "ObstructView": {"obstructed_pixels_ratio": 0.1, "obstruction_width": 2},
}
CONTINUOUS: dict[str, dict[str, Any]] = {
    "ClipAction": {},
    "RescaleAction": {"min_action": -1.0, "max_action": 1.0},
    "DiscretizeAction": {"bins": 3},
}
NAMED: dict[str, dict[str, Any]] = {"FilterObservation": {"filter_keys": ["vote"]}}
REFUSED = PIXELS | CONTINUOUS | NAMED
"""Wrappers for pixels, continuous actions and observations by name: we have none of them, and they say so."""
SETTINGS: dict[str, dict[str, Any]] = {
    "DelayObservation": {"delay": 1},
    "DiscretizeObservation": {"bins": 3},
    "DtypeObservation": {"dtype": np.float64},
    "FrameStackObservation": {"stack_size": 2},
    "ReshapeObservation": {"shape": (11, 1)},
    "RescaleObservation": {"min_obs": np.float32(0), "max_obs": np.float32(1)},
    "TransformObservation": {"func": lambda seen: seen * 2, "observation_space": WIDE},
    "TransformAction": {"func": lambda action: 1 - action, "action_space": ACTIONS},
    "StickyAction": {"repeat_action_probability": 0.25},
    "RepeatAction": {"num_repeats": 1},
    "ClipReward": {"min_reward": -1.0, "max_reward": 1.0},
    "TransformReward": {"func": lambda reward: reward * 2},
    "TimeLimit": {"max_episode_steps": 2},
    "MaxAndSkipObservation": {"skip": 2},
    "ArrayConversion": {"env_xp": np, "target_xp": np},
}
VECTOR_SETTINGS = SETTINGS | {
    "TransformObservation": {"func": lambda seen: seen * 2},
    "TransformAction": {"func": lambda actions: 1 - actions},
    "VectorizeTransformObservation": {"wrapper": wrappers.FlattenObservation},
    "VectorizeTransformAction": {"wrapper": wrappers.TransformAction, "func": lambda a: 1 - a, "action_space": ACTIONS},
    "VectorizeTransformReward": {"wrapper": wrappers.TransformReward, "func": abs},
}


def _play(env: Any, steps: int = 60) -> None:
    """Reset and step with sampled actions, beginning anew after each end; the same actions each time."""
    env.reset(seed=1)
    env.render()
    choose = np.random.default_rng(1)
    for _ in range(steps):
        *_, over, truncated, _ = env.step(_action(env, int(choose.integers(2))))
        if bool(over) or bool(truncated):
            env.reset()


def _action(env: Any, chosen: Any) -> Any:
    if type(env).__name__ == "NumpyToTorch":
        import torch

        return torch.as_tensor(chosen)
    return np.asarray(chosen) if type(env).__name__ == "ArrayConversion" else chosen


def _play_vector(envs: Any, steps: int = 30) -> None:
    envs.reset(seed=1)
    choose = np.random.default_rng(1)
    for _ in range(steps):
        envs.step(_action(envs, choose.integers(0, 2, envs.num_envs)))
    envs.close()


def _all_tried(
    room: Any, make: Callable[[], Any], settings: dict[str, dict[str, Any]], play: Callable[..., None]
) -> None:
    """Put each wrapper of ``room`` around what ``make`` returns, and play; those that must refuse have to."""
    wrong = []
    for name in sorted(set(room.__all__) - BASES):
        refuses = name in REFUSED
        try:
            play(getattr(room, name)(make(), **settings.get(name, REFUSED.get(name, {}))))
        except Exception as error:  # each wrapper is tried, whatever another raised
            if not refuses:
                wrong.append(f"{name}: {type(error).__name__}: {error!s:.150}")
        else:
            if refuses:
                wrong.append(f"{name} works, and is listed among those that refuse")
    assert not wrong, "; ".join(wrong)


def checkers() -> None:
    env = gymnasium.make(ID)
    check_env(env.unwrapped)
    benchmark_step(env, target_duration=1, seed=0)


def single() -> None:
    make = lambda: gymnasium.make(ID, render_mode="ansi", max_episode_steps=9)  # noqa: E731
    _all_tried(wrappers, make, SETTINGS, _play)


def ours() -> None:
    make = lambda: gymnasium.make_vec(ID, num_envs=3, vectorization_mode="vector_entry_point", reward="team")  # noqa: E731
    _all_tried(vector_wrappers, make, VECTOR_SETTINGS, _play_vector)


def theirs() -> None:
    for mode in ("sync", "async"):
        envs = gymnasium.make_vec(ID, num_envs=2, vectorization_mode=mode, reward="team")
        _play_vector(envs, 10)
    make = lambda: gymnasium.make_vec(ID, num_envs=3, vectorization_mode="sync", info="numbers")  # noqa: E731
    _all_tried(vector_wrappers, make, VECTOR_SETTINGS, _play_vector)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=UserWarning)
    refused = "nothing; those for pixels, continuous actions and named observations refuse, since we have none"
    raise SystemExit(
        tell(
            "gymnasium",
            Use("checkers", checkers),
            Use("wrappers, single", single, refused),
            Use("wrappers, our vector", ours, refused),
            Use("wrappers, its vectors", theirs, f'`info="numbers"` for conversions of arrays; {refused[9:]}'),
        )
    )
