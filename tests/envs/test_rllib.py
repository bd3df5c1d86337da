"""What RLlib is shown of the dialogue; its trainings run in an environment of their own, `benchmarks/clients`."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

import tracer_env
from tracer_env.envs.rllib import MaskedView, rllib_config, rllib_env
from tracer_env.errors import MissingExtraError, UnexpectedKeywordError


def test_observations_stand_under_rllibs_keys_with_masks_as_floats() -> None:
    view, plain = MaskedView(tracer_env.env(num_agents=3)), tracer_env.env(num_agents=3)
    view.reset(seed=4)
    plain.reset(seed=4)
    for agent in plain.agent_iter():
        seen, over = plain.observe(agent), plain.terminations[agent]
        shown = view.last()[0]
        assert {name: part.dtype for name, part in shown.items()} == dict.fromkeys(
            ("observations", "action_mask"), np.float32
        )
        np.testing.assert_array_equal(shown["observations"], seen["observation"])
        np.testing.assert_array_equal(shown["action_mask"], seen["action_mask"])
        assert view.observation_space(agent).contains(shown)
        assert view.observation_space(agent) is view.observation_space(agent)
        for env in (plain, view):
            env.step(None if over else int(seen["action_mask"][1]))
    assert view.unwrapped.state_now == plain.unwrapped.state_now


def test_without_rllib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "ray" or name.startswith("ray.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    for call in (lambda: rllib_env({}), lambda: rllib_config(object())):
        with pytest.raises(MissingExtraError, match=r'pip install "ray\[rllib\]"'):
            call()


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="RLlib is not installed")
def test_a_config_holds_the_environment_and_the_masking_module() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig

    config = rllib_config(PPOConfig(), num_agents=3, reward="team")
    assert config.disable_env_checking
    assert config.env_config == {"scenario": "arithmetic", "speaker": "simulated", "num_agents": 3, "reward": "team"}
    with pytest.raises(UnexpectedKeywordError, match="did you mean 'num_agents'"):
        rllib_config(PPOConfig(), num_agent=3)
