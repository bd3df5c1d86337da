"""Policies of Stable-Baselines3 as controllers: what trained ones answer, and their files. No torch here."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracer_env.agents.controllers.network import Network
from tracer_env.agents.controllers.stable_baselines import DQN, PPO, StableBaselines
from tracer_env.errors import ConfigError
from tracer_env.information import FEATURES
from tracer_env.observed import OBSERVED
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules, advance, initial
from tracer_env.runs.learning import untrained
from tracer_env.types import Grade, Task, Utterance

ASKED = advance(initial(Task("t", "", ""), Rules()), 1, Utterance("", grade=Grade.WRONG))


def trained(kind: type[StableBaselines], speak: float, **settings: Any) -> StableBaselines:
    """Return one whose outputs are (0, speak), whatever it sees."""
    made = kind(features="public", **settings)
    weight = np.zeros((2, len(FEATURES)), dtype=np.float32)
    made.network = Network(((weight, np.array([0.0, speak], dtype=np.float32)),), made.activation)
    made.rules = Rules()
    return made


@pytest.mark.parametrize(
    ("kind", "speak", "policy", "chance"),
    [
        (PPO, math.log(3), "average", 0.75),
        (PPO, math.log(3), "greedy", 1.0),
        (PPO, -1.0, "greedy", 0.0),
        (PPO, 0.0, "greedy", 0.0),  # a tie is SKIP
        (DQN, 0.1, "average", 1.0),  # the better one, for certain
        (DQN, -0.1, "greedy", 0.0),
    ],
)
def test_probabilities_by_hand(kind: type[StableBaselines], speak: float, policy: str, chance: float) -> None:
    made = trained(kind, speak, policy=policy)
    assert made.speak_probability(ASKED, "any key") == pytest.approx(chance, abs=1e-6)
    assert made.probabilities(np.zeros((3, len(OBSERVED)), dtype=np.float32), 2).shape == (3,)


def test_an_untrained_one_says_so() -> None:
    assert untrained(PPO())
    assert not untrained(trained(PPO, 0.0))
    with pytest.raises(ConfigError, match="has not been trained yet"):
        PPO().speak_probability(ASKED, "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sb3:ppo:steps=0", "steps must be a whole number from 1"),
        ("sb3:ppo:hidden=0", "hidden must be a whole number"),
        ("sb3:dqn:learning_rate=2", "learning_rate must be a number above 0"),
        ("sb3:ppo:policy=best", "policy is 'best'"),
        ("sb3:ppo:features=some", "must be one of 'all', 'public'"),
        ("sb3:ppo:seps=1", "did you mean 'steps'"),
        ("sb3:pppo", "sb3"),
        ("rumad:threshold=2", "threshold must be a probability"),
        ("rumad:agreement=-1", "agreement must be a number of at least 0"),
    ],
)
def test_impossible_settings_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_controller(name)


@pytest.mark.parametrize("name", ["sb3:ppo", "sb3:dqn", "sb3:maskable_ppo"])
def test_its_file_is_read_back(name: str, tmp_path: Path) -> None:
    made = make_controller(f"{name}:features=public")
    assert isinstance(made, StableBaselines)
    made.network = trained(PPO, 1.0).network
    file = tmp_path / "policy.json"
    file.write_text(made.to_json())
    loaded = make_controller(f"{file}:policy=average", Rules())
    assert isinstance(loaded, StableBaselines)
    assert loaded.played == "average"
    loaded.play("greedy")
    assert loaded.to_json() == made.to_json()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"activation": "tanh", "layers": [{"weight": [[1.0]], "bias": [0.0]}]}}, "makes 1 numbers of 1"),
        ({"network": {"activation": "sine", "layers": []}}, "activation is 'sine'"),
        ({"scaling": {"schema": 1, "features": ["x"], "centre": [], "spread": []}}, "other features"),
        ({"schema": 2}, "schema is 2"),
        ({"hidden": 0}, "hidden is 0"),
    ],
)
def test_a_damaged_file_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({**trained(PPO, 1.0).state_dict(), **changes}))
    with pytest.raises(ConfigError, match=message):
        make_controller(str(file))
