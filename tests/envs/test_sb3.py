from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from tracer_env.envs import sb3 as sb3_adapter
from tracer_env.envs.sb3 import sb3_vec_env
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.errors import ConfigError, MissingExtraError, UnknownNameError

stable_baselines3 = pytest.importorskip("stable_baselines3")


def made(count: int = 4, **options: Any) -> Any:
    return sb3_vec_env(make_vector_env(count, autoreset_mode="SameStep", stop_when="kept", reward="team", **options))


def test_steps_are_those_of_the_vector_and_ends_are_told() -> None:
    envs, twin = made(), make_vector_env(4, autoreset_mode="SameStep", stop_when="kept", reward="team")
    envs.seed(7)
    assert np.array_equal(envs.reset(), twin.reset(seed=7)[0])
    returns, lengths, ends = np.zeros(4), np.zeros(4, dtype=int), 0
    for actions in np.random.default_rng(0).integers(0, 2, (40, 4)):
        observations, rewards, dones, infos = envs.step(actions)
        expected = twin.step(actions)
        assert np.array_equal(observations, expected[0])
        assert np.array_equal(dones, expected[2])
        assert (rewards == expected[1]).all()
        returns, lengths = returns + rewards, lengths + 1
        for index, info in enumerate(infos):
            assert ("episode" in info) == dones[index]
            if dones[index]:
                ends += 1
                assert np.array_equal(info["terminal_observation"], expected[4]["final_obs"][index])
                assert (info["episode"]["r"], info["episode"]["l"]) == (returns[index], lengths[index])
                returns[index], lengths[index] = 0.0, 0
    assert ends > 20


def test_ppo_and_maskable_ppo_learn_on_it() -> None:
    sb3_contrib = pytest.importorskip("sb3_contrib")
    for learner in (stable_baselines3.PPO, sb3_contrib.MaskablePPO):
        model = learner("MlpPolicy", made(8), n_steps=16, batch_size=64, n_epochs=1, seed=0, device="cpu")
        model.learn(256)
        assert model.num_timesteps == 256
        assert len(model.ep_info_buffer) > 0


def test_what_arrays_have_not_is_refused() -> None:
    envs = made()
    assert envs.has_attr("action_masks")
    assert np.stack(envs.env_method("action_masks")).tolist() == [[True, True]] * 4
    assert envs.get_attr("num_envs", [0, 2]) == [4, 4]
    assert envs.env_is_wrapped(object) == [False] * 4
    assert envs.env_is_wrapped(stable_baselines3.common.monitor.Monitor) == [True] * 4  # its records are there
    with pytest.raises(ConfigError, match="no method 'dance'"):
        envs.env_method("dance")
    with pytest.raises(ConfigError, match="cannot be set"):
        envs.set_attr("rules", None)
    with pytest.raises(ConfigError, match="SAME_STEP, got NEXT_STEP"):
        sb3_vec_env(make_vector_env(2))
    envs.close()


def test_without_stable_baselines3_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    sb3_adapter._adapter_class.cache_clear()
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.vec_env", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tracer-env\[sb3\]"'):
        made()
    sb3_adapter._adapter_class.cache_clear()


def test_options_are_honoured_and_infos_of_the_reset_are_there() -> None:
    vector = make_vector_env(3, reward="team", autoreset_mode="SameStep")
    envs = sb3_vec_env(vector)
    envs.seed(4)
    envs.set_options({"task": "arithmetic-test-000008", "world": 2})
    first = envs.reset()
    assert [info["turn"] for info in envs.reset_infos] == [2, 2, 2]
    expected, _ = make_vector_env(3, reward="team").reset(
        seed=4, options={"task": "arithmetic-test-000008", "world": 2}
    )
    assert first.tobytes() == expected.tobytes()
    envs.set_options({"task": "nowhere"})
    with pytest.raises(UnknownNameError, match="nowhere"):
        envs.reset()
    envs.set_options([{"world": 0}, {"world": 1}, {}])
    with pytest.raises(ConfigError, match="are reset with the same options"):
        envs.reset()


def test_an_evaluation_finds_its_records() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.evaluation import evaluate_policy

    envs = sb3_vec_env(make_vector_env(4, reward="team", autoreset_mode="SameStep"))
    model = sb3.PPO("MlpPolicy", envs, n_steps=8, batch_size=8, device="cpu", seed=0)
    rewards, lengths = evaluate_policy(model, envs, n_eval_episodes=8, return_episode_rewards=True, warn=False)
    assert len(rewards) == len(lengths) == 8
    assert set(rewards) <= {0.0, 1.0}
