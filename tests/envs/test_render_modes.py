"""What clients try first: a render mode that most environments have, a keyword that some have."""

from __future__ import annotations

from typing import Any

import gymnasium
import pytest

import tracer_env
from tracer_env.envs.render_modes import checked_mode
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.envs.wrappers import make_controller_env
from tracer_env.errors import ConfigError, UnexpectedKeywordError

ID = "tracer_env/Controller-v0"
MAKERS = [tracer_env.env, tracer_env.raw_env, tracer_env.parallel_env, make_controller_env, make_vector_env]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", ["frameskip", "max_turn", "continuous", "from_pixels"])
def test_a_keyword_that_nobody_knows_is_both_errors(make: Any, name: str) -> None:
    with pytest.raises(UnexpectedKeywordError, match=f"got an unexpected keyword argument '{name}': the rules have no"):
        make(**{name: 4})
    with pytest.raises(TypeError):
        make(**{name: 4})
    with pytest.raises(ConfigError):
        make(rules=tracer_env.Rules(), **{name: 4})


def test_the_nearest_setting_is_named() -> None:
    for made in (gymnasium.make, lambda name, **more: gymnasium.make_vec(name, num_envs=2, **more)):
        with pytest.raises(TypeError, match="did you mean 'max_turns'"):
            made(ID, max_turn=3)


@pytest.mark.parametrize("mode", ["rgb_array", "human", "xyz"])
def test_a_mode_that_there_is_not_is_warned_of(mode: str) -> None:
    with pytest.warns(UserWarning, match=f"render_mode='{mode}' that is not in the possible render_modes"):
        env = gymnasium.make(ID, render_mode=mode)
    env.reset(seed=0)
    assert env.unwrapped.render() is None
    with pytest.warns(UserWarning, match="not in the possible render_modes"):
        gymnasium.make_vec(ID, num_envs=2, render_mode=mode)


def test_known_modes_are_quiet() -> None:
    assert checked_mode(None, ()) is None
    assert checked_mode("ansi", ("ansi",)) == "ansi"
    assert tracer_env.raw_env(render_mode="human").render_mode == "human"


@pytest.mark.filterwarnings("ignore:.*not in the possible render_modes:UserWarning")
def test_stable_baselines_by_id() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.env_util import make_vec_env

    assert make_vec_env(ID, n_envs=2).num_envs == 2
    assert sb3.PPO("MlpPolicy", ID, n_steps=8, batch_size=8, device="cpu").learn(8).num_timesteps == 8
