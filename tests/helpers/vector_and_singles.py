"""The vector environment beside single ones: the same actions, and every number must be equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from tracer_env.envs.vector.env import ControllerVectorEnv, make_vector_env
from tracer_env.envs.wrappers import ControllerEnv, make_controller_env


class Singles:
    """Single environments side by side, with Gymnasium's autoreset: what the vector has to equal."""

    def __init__(self, count: int, seed: int, same_step: bool, **options: Any) -> None:
        self.envs: list[ControllerEnv] = [make_controller_env(**options) for _ in range(count)]
        self.same_step, self.ended, self.episodes = same_step, [False] * count, count
        self.shown = [env.reset(seed=seed + index) for index, env in enumerate(self.envs)]

    def step(self, actions: Any) -> list[tuple[float, bool, Any]]:
        rows = []
        for index, (env, action) in enumerate(zip(self.envs, actions, strict=True)):
            end = None
            if self.ended[index]:
                self.shown[index] = env.reset()
                reward, over = 0.0, False
                self.episodes += 1
            else:
                observation, reward, over, _, info = env.step(action)
                self.shown[index] = (observation, info)
                if over and self.same_step:
                    end = (observation, info)
                    self.shown[index] = env.reset()
                    self.episodes += 1
            self.ended[index] = over and not self.same_step
            rows.append((reward, over, end))
        return rows


def agree(vector: ControllerVectorEnv, observations: Any, infos: Any, index: int, single: Any) -> None:
    observation, info = single
    assert observations[index].tobytes() == observation.tobytes()
    assert infos["action_mask"][index].tolist() == list(info["action_mask"])
    assert vector.information_states[infos["information_code"][index]] == info["information_state"]
    for name in ("role", "turn", "tokens", "episodes_without_choice"):
        assert int(infos[name][index]) == int(info[name]), name


def compare(count: int, steps: int, seed: int = 0, same_step: bool = False, **options: Any) -> int:
    """Step both sides with the same actions; every number must be equal. Returns how many episodes were begun."""
    mode = AutoresetMode.SAME_STEP if same_step else AutoresetMode.NEXT_STEP
    vector = make_vector_env(count, autoreset_mode=mode, **options)
    singles = Singles(count, seed, same_step, **options)
    observations, infos = vector.reset(seed=seed)
    for index, single in enumerate(singles.shown):
        agree(vector, observations, infos, index, single)
    choices = np.random.default_rng(seed).integers(0, 2, (steps, count))
    for actions in choices:
        observations, rewards, terminations, truncations, infos = vector.step(actions)
        assert not truncations.any()
        for index, (reward, over, end) in enumerate(singles.step(actions)):
            assert (rewards[index], terminations[index]) == (reward, over)
            agree(vector, observations, infos, index, singles.shown[index])
            if end is not None:
                assert infos["_final_obs"][index]
                agree(vector, infos["final_obs"], infos["final_info"], index, end)
    return singles.episodes


def compare_recorded(seeds: list[int], steps: int, same_step: bool, **options: Any) -> int:
    """Step both sides with the same actions; every number must be equal. Returns how many episodes were begun."""
    vector = make_vector_env(len(seeds), autoreset_mode="SameStep" if same_step else "NextStep", **options)
    singles = [make_controller_env(**options) for _ in seeds]
    observations, infos = vector.reset(seed=seeds)
    for index, (single, seed) in enumerate(zip(singles, seeds, strict=True)):
        agree(vector, observations, infos, index, single.reset(seed=seed))
    ended, begun = [False] * len(seeds), len(seeds)
    for actions in np.random.default_rng(steps).integers(0, 2, (steps, len(seeds))):
        observations, rewards, terminations, _, infos = vector.step(actions)
        for index, (single, action) in enumerate(zip(singles, actions, strict=True)):
            if ended[index]:
                shown, reward, over = single.reset(), 0.0, False
            else:
                observation, reward, over, _, info = single.step(action)
                shown = observation, info
            assert (rewards[index], terminations[index]) == (reward, over)
            begun += ended[index] or (over and same_step)
            ended[index] = over and not same_step
            if over and same_step:
                agree(vector, infos["final_obs"], infos["final_info"], index, shown)
                shown = single.reset()
            agree(vector, observations, infos, index, shown)
    return begun
