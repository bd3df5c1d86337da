"""The names under which Gymnasium and PettingZoo know the world, and the public names of the package."""

from __future__ import annotations

import gymnasium
import pettingzoo
import pytest

import tracer_env
from tracer_env.envs.aec import DialogueEnv
from tracer_env.envs.wrappers import ControllerEnv
from tracer_env.errors import UnknownNameError


def test_gymnasium_knows_the_controllers_world() -> None:
    env = gymnasium.make("tracer_env/Controller-v0", scenario="arithmetic", speaker="simulated:harsh", max_turns=4)
    assert isinstance(env.unwrapped, ControllerEnv)
    assert env.unwrapped.inner.rules.max_turns == 4
    assert gymnasium.make("tracer_env/Controller-v0").unwrapped.inner.rules == tracer_env.Rules()


def test_pettingzoo_knows_the_dialogue() -> None:
    env = pettingzoo.make("aec", "tracer_env/dialogue-v0", num_agents=3)
    assert isinstance(env.unwrapped, DialogueEnv)
    assert env.possible_agents == ["agent_0", "agent_1", "agent_2"]
    env.reset(seed=0)
    assert env.agent_selection == "agent_0"


def test_mistakes_keep_their_class_on_the_way() -> None:
    with pytest.raises(UnknownNameError, match="unknown scenario 'arithmetics'; did you mean 'arithmetic'"):
        gymnasium.make("tracer_env/Controller-v0", scenario="arithmetics")


def test_public_names_are_there() -> None:
    wanted = {
        *("env", "raw_env", "parallel_env", "make_scenario", "make_speaker", "make_controller", "register"),
        *("registered", "Rules", "Action", "Role", "Verdict", "Grade", "Task", "Utterance", "DialogueState"),
        *("Transcript", "errors"),
    }
    assert wanted <= set(tracer_env.__all__)
    assert all(hasattr(tracer_env, name) for name in tracer_env.__all__)


def test_the_example_of_the_package() -> None:
    env = tracer_env.env("arithmetic", speaker="simulated", num_agents=2, max_turns=5)
    env.reset(seed=42)
    steps = 0
    for _agent in env.agent_iter():
        _, _, termination, truncation, _ = env.last()
        env.step(None if termination or truncation else 1)
        steps += 1
    assert steps == 7  # five turns, and each agent learns of the end
