"""The logistic controller: what it answers, what it refuses, its file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracer_env.agents.controllers.logistic import Logistic, chances, inputs, width
from tracer_env.errors import ConfigError
from tracer_env.observed import OBSERVED
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules, advance, initial
from tracer_env.runs.learning import untrained
from tracer_env.types import Grade, Signals, Task, Utterance

VOTE = OBSERVED.index("vote")
MEAN = OBSERVED.index("logprob_mean")


def made(**settings: Any) -> Logistic:
    """Return one that speaks at turn 2 the more, the less likely the proposal was."""
    controller = Logistic(**settings)
    controller.mean[MEAN], controller.spread[MEAN] = -1.0, 0.5
    controller.weights = {2: np.zeros(width(controller.products))}
    controller.weights[2][1 + MEAN] = -2.0
    controller.rules = Rules()
    return controller


def asked(controller: Logistic, mean: float | None) -> float:
    said = Utterance("", grade=Grade.WRONG, signals=Signals(logprob_mean=mean))
    return controller.speak_probability(advance(initial(Task("t", "", ""), Rules()), 1, said), "any key")


def test_a_probability_by_hand() -> None:
    assert asked(made(), -1.5) == pytest.approx(1 / (1 + math.exp(-2.0)))  # one spread below the mean, weight -2
    assert asked(made(), None) == 0.5  # untold: as the mean
    assert asked(made(), -1e9) == pytest.approx(1 / (1 + math.exp(-16.0)))  # cut at 8 spreads
    assert asked(made(policy="greedy"), -1.5) == 1.0
    assert asked(made(policy="greedy"), None) == 0.0
    assert chances(np.array([-1e6, 0.0, 1e6])).tolist() == [0.0, 0.5, 1.0]


def test_products_are_those_of_all_pairs() -> None:
    count = len(OBSERVED)
    numbers = np.arange(1, count + 1, dtype=np.float32)[None] / count
    found = inputs(numbers, np.zeros(count), np.ones(count), True)
    assert found.shape == (1, width(True)) == (1, 1 + count + count * (count + 1) // 2)
    assert found[0, -1] == pytest.approx(1.0)
    assert found[0, 1 + count] == pytest.approx(1 / count**2)


def test_an_untrained_one_says_so() -> None:
    assert untrained(Logistic())
    assert not untrained(made())
    with pytest.raises(ConfigError, match="has not learned what to do at turn 2"):
        asked(Logistic(), 0.0)
    with pytest.raises(ConfigError, match="trained under other rules: max_turns 5 not 3"):
        made().check(Rules(max_turns=3))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("ridge=-1", "ridge must be a number of at least 0"),
        ("steps=0", "steps must be a whole number"),
        ("price=nan", "price is of a token"),
        ("policy=best", "policy is 'best'"),
        ("information=history", "no setting 'information'"),
    ],
)
def test_impossible_settings_are_refused(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_controller(f"logistic:{setting}")


def test_its_file_is_read_back(tmp_path: Path) -> None:
    controller, file = made(products=True, policy="greedy"), tmp_path / "logistic.json"
    file.write_text(controller.to_json())
    loaded = make_controller(str(file), Rules(), "history")
    assert isinstance(loaded, Logistic)
    assert loaded.to_json() == controller.to_json()
    assert make_controller(f"{file}:policy=average").speak_probability  # as any trained controller


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": {"2": [1e31] * 18}}, r"weights\['?2'?\]\[0\]|weights\.2\[0\]"),
        ({"weights": {"2": [0.0] * 17}}, "has 17 entries; each turn from 2 has 18"),
        ({"weights": {"1": [0.0] * 18}}, "each turn from 2"),
        ({"weights": {"2": [float("nan")] * 18}}, "NaN|nan"),
        ({"spread": [0.0] * 17}, r"spread\[0\] is 0"),
        ({"mean": [0.0]}, "mean has 1 entries"),
        ({"observed": ["turn"]}, "reads other numbers than turn, turns_left"),
        ({"products": 1}, "products is 1"),
        ({"schema": 2}, "schema is 2"),
        ({"policy": None}, "policy is None"),
    ],
)
def test_a_damaged_file_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "logistic.json"
    file.write_text(json.dumps({**made().state_dict(), **changes}))
    with pytest.raises(ConfigError, match=message):
        make_controller(str(file))
