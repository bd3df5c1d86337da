"""The names under which Gymnasium and PettingZoo know the world, and the public names of the package."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import gymnasium
import pettingzoo
import pytest

import tracer_env
from tracer_env._registration import after
from tracer_env.envs.aec import DialogueEnv
from tracer_env.envs.wrappers import ControllerEnv
from tracer_env.errors import UnknownNameError


def test_gymnasium_knows_the_controllers_world() -> None:
    env = gymnasium.make("tracer_env/Controller-v0", scenario="arithmetic", speaker="simulated:harsh", max_turns=4)
    assert isinstance(env.unwrapped, ControllerEnv)
    assert env.unwrapped.inner.rules.max_turns == 4
    assert gymnasium.make("tracer_env/Controller-v0").unwrapped.inner.rules == tracer_env.Rules()


@pytest.mark.skipif(not hasattr(pettingzoo, "make"), reason="PettingZoo makes environments by name since 1.27")
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


_MADE = """
gymnasium.make("tracer_env/Controller-v0").reset(seed=0)
gymnasium.make_vec("tracer_env/Controller-v0", num_envs=2).reset(seed=0)
if hasattr(pettingzoo, "make"):  # since 1.27
    pettingzoo.make("aec", "tracer_env/dialogue-v0").reset(seed=0)
    pettingzoo.make("parallel", "tracer_env/dialogue-v0").reset(seed=0)
print("made")
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import gymnasium, pettingzoo, tracer_env",
        "import tracer_env, gymnasium, pettingzoo",
        "import tracer_env, pettingzoo, gymnasium",
        "import pettingzoo, tracer_env, gymnasium",
        "from gymnasium.envs.registration import register\nimport tracer_env, pettingzoo, gymnasium",
        "import tracer_env\nfrom gymnasium.envs import registration\nimport gymnasium, pettingzoo",
        "import tracer_env\ntracer_env.env().reset(seed=0)\nimport gymnasium, pettingzoo",
    ],
)
def test_ids_are_known_in_whichever_order_packages_are_imported(imports: str) -> None:
    flags = ["-W", "error::UserWarning", "-c", imports + _MADE]
    done = subprocess.run([sys.executable, *flags], capture_output=True, text=True, check=False)
    assert done.stdout == "made\n", done.stderr


def test_the_package_alone_imports_neither_of_them() -> None:
    code = "import sys, tracer_env\nprint({'gymnasium', 'pettingzoo', 'numpy', 'rich', 'typer'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_an_import_that_fails_is_waited_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "late_package_of_a_test.py"
    module.write_text("raise RuntimeError('not yet')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    heard: list[str] = []
    after("late_package_of_a_test", lambda: heard.append("imported"))
    with pytest.raises(RuntimeError, match="not yet"):
        importlib.import_module("late_package_of_a_test")
    assert not heard
    module.write_text("there = True  # and another size\n", encoding="utf-8")
    importlib.invalidate_caches()
    assert importlib.import_module("late_package_of_a_test").there
    assert heard == ["imported"]
    after("late_package_of_a_test", lambda: heard.append("already"))
    assert heard == ["imported", "already"]
    after("no_such_package_of_a_test", lambda: heard.append("never"))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_package_of_a_test")
