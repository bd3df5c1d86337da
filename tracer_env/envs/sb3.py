"""Stable-Baselines3 on the vector environment: `sb3_vec_env` gives its learners the interface that they expect.

    from stable_baselines3 import PPO
    envs = sb3_vec_env(make_vector_env(64, reward="team", autoreset_mode="SameStep"))
    PPO("MlpPolicy", envs).learn(200_000)

SB3 wants the new episode's observation in the step that ends the old one, so the vector environment must be in
SAME_STEP mode. A sub-environment's ``infos`` entry is empty but at an end, where it holds ``terminal_observation`` and
SB3's own ``episode`` record (return, length, seconds). Every action is legal at every step; `action_masks` says so to
MaskablePPO. SB3 seeds on the next `reset`: sub-environment i then has seed s + i; ``set_options`` holds for it as well,
and ``reset_infos`` are filled by it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from tracer_env.envs.vector.env import ControllerVectorEnv
from tracer_env.errors import ConfigError, MissingExtraError

__all__ = ["sb3_vec_env"]


def sb3_vec_env(vector: ControllerVectorEnv) -> Any:
    """Return ``vector`` as a Stable-Baselines3 ``VecEnv``.

    Raises ConfigError unless its autoreset mode is SAME_STEP, MissingExtraError without Stable-Baselines3.
    """
    if vector.autoreset_mode is not AutoresetMode.SAME_STEP:
        raise ConfigError(f"Stable-Baselines3 needs autoreset_mode=SAME_STEP, got {vector.autoreset_mode.name}")
    return _adapter_class()(vector)


class _Records:
    """What each running episode has earned so far, and how long it is."""

    def __init__(self, count: int) -> None:
        self._returns, self._lengths = np.zeros(count), np.zeros(count, dtype=np.int64)  # (N,) both
        self._start = time.perf_counter()

    def clear(self) -> None:
        self._returns[:], self._lengths[:] = 0.0, 0

    def step(self, rewards: NDArray[np.float64], ended: NDArray[np.bool_]) -> dict[int, dict[str, float]]:
        """Count a step; return SB3's ``episode`` record of each episode that it ended, which begins anew."""
        self._returns += rewards
        self._lengths += 1
        seconds = time.perf_counter() - self._start
        done = np.flatnonzero(ended)
        records = {
            index: {"r": float(self._returns[index]), "l": int(self._lengths[index]), "t": seconds}
            for index in done.tolist()
        }
        self._returns[done], self._lengths[done] = 0.0, 0
        return records


def _common(options: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the reset options that all sub-environments share; raises ConfigError where they differ."""
    if any(each != options[0] for each in options):
        raise ConfigError(
            f"the sub-environments are arrays, and are reset with the same options, got {list(options)!r:.200}; give "
            "set_options() one dictionary"
        )
    return options[0]


def _not_with_arrays(what: str, instead: str) -> ConfigError:
    return ConfigError(f"{what}: the sub-environments are arrays; {instead}")


@lru_cache(maxsize=1)
def _adapter_class() -> Any:
    try:
        from stable_baselines3.common.monitor import Monitor
        from stable_baselines3.common.vec_env import VecEnv
    except ModuleNotFoundError as error:
        raise MissingExtraError("the Stable-Baselines3 adapter", "stable_baselines3", "sb3") from error

    class Adapter(VecEnv):  # type: ignore[misc]  # Stable-Baselines3 is not followed by the type checker
        """The vector environment behind SB3's interface."""

        def __init__(self, vector: ControllerVectorEnv) -> None:
            self.vector, self._records = vector, _Records(vector.num_envs)
            super().__init__(vector.num_envs, vector.single_observation_space, vector.single_action_space)

        def reset(self) -> NDArray[np.float32]:
            seeds = None if None in self._seeds else self._seeds
            self._records.clear()
            observations, infos = self.vector.reset(seed=seeds, options=_common(self._options))
            names = [name for name in infos if not name.startswith("_")]
            self.reset_infos = [{name: infos[name][index] for name in names} for index in range(self.num_envs)]
            self._reset_seeds()
            self._reset_options()
            return observations

        def step_async(self, actions: NDArray[np.int64]) -> None:
            self._actions = actions

        def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
            observations, rewards, ended, _, infos = self.vector.step(self._actions)
            told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
            for index, record in self._records.step(rewards, ended).items():
                last = infos["final_obs"][index]
                told[index] = {"terminal_observation": last, "TimeLimit.truncated": False, "episode": record}
            return observations, rewards.astype(np.float32), ended, told

        def close(self) -> None:
            self.vector.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(self.vector, attr_name)] * len(list(self._get_indices(indices)))

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise _not_with_arrays(f"{attr_name!r} cannot be set", "make the vector environment with it")

        def has_attr(self, attr_name: str) -> bool:
            return attr_name == "action_masks" or hasattr(self.vector, attr_name)

        def env_method(
            self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
        ) -> list[Any]:
            if method_name != "action_masks":
                raise _not_with_arrays(f"there is no method {method_name!r}", "they have action_masks alone")
            return [np.ones(2, dtype=bool)] * len(list(self._get_indices(indices)))

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            told = wrapper_class is Monitor  # whose records of episodes stand in infos, as if it were there
            return [told] * len(list(self._get_indices(indices)))

    return Adapter
