"""Infos for clients that turn each of them into a tensor: numbers alone, the same keys for everybody."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers.vector import DictInfoToList

import tracer_env

KEYS = {"role", "turn", "tokens"}


def _numbers(infos: dict[str, dict[str, Any]]) -> bool:
    each = [value for info in infos.values() for value in info.values()]
    return all(type(value) is int for value in each) and all(set(info) == KEYS for info in infos.values())


def test_everybody_is_told_numbers_alone() -> None:
    env, plain = tracer_env.raw_env(info="numbers", num_agents=3), tracer_env.raw_env(num_agents=3)
    for one in (env, plain):
        one.reset(seed=5)
    while not plain.state_now.over:
        assert _numbers(env.infos)
        acting = plain.agent_selection
        for agent, info in env.infos.items():
            assert info["turn"] == plain.infos[acting]["turn"]
            assert info["tokens"] == plain.infos[acting]["tokens"]
            assert env.observe(agent)["action_mask"].tolist() == plain.infos[agent]["action_mask"].tolist()
        twin = env.clone()
        assert str(twin.infos) == str(env.infos)
        env.step(1)
        plain.step(1)
    assert _numbers(env.infos)


def test_in_the_parallel_view_too() -> None:
    env = tracer_env.parallel_env(info="numbers", num_agents=3)
    _, infos = env.reset(seed=0)
    while env.agents:
        assert _numbers(infos)
        *_, infos = env.step(dict.fromkeys(env.agents, 1))


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_vectors_of_it_hold_numbers(mode: str) -> None:
    settings = {"info": "numbers"} if mode == "sync" else {}
    envs = gymnasium.make_vec("tracer_env/Controller-v0", num_envs=3, vectorization_mode=mode, **settings)
    _, infos = DictInfoToList(envs).reset(seed=1)
    assert [info["turn"] for info in infos] == [2, 2, 2]
    _, infos = envs.reset(seed=1)
    assert {value.dtype.kind for value in infos.values() if isinstance(value, np.ndarray)} <= set("iubf")
