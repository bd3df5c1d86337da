"""RUMAD: its reward by hand, its threshold, its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moves import play

from tracer_env.agents.controllers.network import Network
from tracer_env.agents.controllers.rumad import RUMAD, TeamAgreement, agreeing
from tracer_env.errors import ConfigError
from tracer_env.information import FEATURES
from tracer_env.parts.casting import make_controller
from tracer_env.rules import Rules


@pytest.mark.parametrize(
    ("dialogue", "share"),
    [
        ("C....", 0.0),  # nobody else said a thing
        ("C+...", 1.0),
        ("C-...", 0.0),
        ("W+C..", 0.0),  # the proposal was another answer, and its review sided with that
        ("C+C..", 1.0),  # the same answer before, and a review for it
        ("C-C+.", 2 / 3),
        ("I+I..", 0.0),  # no answer agrees with no answer
    ],
)
def test_who_sides_with_the_answer(dialogue: str, share: float) -> None:
    assert agreeing(play(dialogue)) == pytest.approx(share)


def test_the_reward_by_hand() -> None:
    before, after = play("C-C+"), play("C-C+.")
    assert TeamAgreement(0.0, 0.3)(before, after) == pytest.approx((1.2, 1.2))
    assert TeamAgreement(0.0, 0.3)(play("C-C"), before) == (0.0, 0.0)  # paid at the end


def test_the_threshold_by_hand(tmp_path: Path) -> None:
    made = RUMAD(threshold=0.7)
    bias = np.array([0.0, np.log(3)], dtype=np.float32)  # SPEAK with 0.75
    made.network = Network(((np.zeros((2, len(FEATURES)), dtype=np.float32), bias),), "tanh")
    assert made.speak_probability(play("C"), "") == 1.0
    made.threshold = 0.8
    assert made.speak_probability(play("C"), "") == 0.0
    file = tmp_path / "rumad.json"
    file.write_text(made.to_json())
    loaded = make_controller(str(file), Rules())
    assert isinstance(loaded, RUMAD)
    assert (loaded.threshold, loaded.agreement) == (0.8, 0.1)
    file.write_text(made.to_json().replace('"threshold": 0.8', '"threshold": 8'))
    with pytest.raises(ConfigError, match="threshold must be a probability"):
        make_controller(str(file))
