"""The features alone as observations: the same dialogue, and masks in infos."""

from __future__ import annotations

import numpy as np

import tracer_env
from tracer_env.envs import unmasked


def test_the_same_dialogue_turn_by_turn() -> None:
    bare, plain = unmasked.env(num_agents=3), tracer_env.env(num_agents=3)
    bare.reset(seed=2)
    plain.reset(seed=2)
    for agent in plain.agent_iter():
        seen, reward, over, _, info = plain.last()
        features, same, ended, _, told = bare.last()
        np.testing.assert_array_equal(features, seen["observation"])
        assert bare.observation_space(agent).contains(features)
        assert (same, ended, told["action_mask"].tolist()) == (reward, over, info["action_mask"].tolist())
        for env in (plain, bare):
            env.step(None if over else int(seen["action_mask"][1]))
    assert bare.unwrapped.state_now == plain.unwrapped.state_now


def test_in_parallel_who_waits_may_skip() -> None:
    env = unmasked.parallel_env(num_agents=3)
    observations, infos = env.reset(seed=0)
    assert {agent: seen.shape for agent, seen in observations.items()} == dict.fromkeys(env.possible_agents, (11,))
    assert [infos[agent]["action_mask"].tolist() for agent in env.possible_agents] == [[0, 1], [1, 0], [1, 0]]
    *_, infos = env.step(dict.fromkeys(env.agents, 1))
    assert [infos[agent]["action_mask"].tolist() for agent in env.possible_agents] == [[1, 0], [1, 1], [1, 0]]
