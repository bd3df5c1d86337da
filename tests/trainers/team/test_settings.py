"""The sections [magrpo] and [maporl]: defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tracer_env.errors import ConfigError
from tracer_env.runs.config import Config
from tracer_env.trainers.runs.settings import settled


def test_defaults_are_written_out() -> None:
    asked = settled(Config(), "magrpo")
    assert asked.magrpo == {"sharing": "agent", "returns": "joint", "discount": 1.0}
    kept = {key: asked.gspo[key] for key in ("reward", "objective", "scale_rewards", "epsilon", "epsilon_high")}
    assert kept == {"reward": "team", "objective": "grpo", "scale_rewards": "none", "epsilon": 0.2, "epsilon_high": 0.2}
    asked = settled(Config(), "maporl")
    assert asked.maporl == {
        **{"sharing": "agent", "discount": 0.3},
        **dict.fromkeys(("alpha0", "alpha1", "beta0", "beta1"), 0.5),
    }
    kept = {key: asked.gspo[key] for key in ("reward", "objective", "scale_rewards", "epsilon")}
    assert kept == {"reward": "role", "objective": "grpo", "scale_rewards": "std", "epsilon": 0.2}


def test_what_is_usual_can_be_said_otherwise() -> None:
    asked = settled(Config.from_data({"gspo": {"objective": "gspo", "scale_rewards": "std"}}), "magrpo")
    assert (asked.gspo["objective"], asked.gspo["scale_rewards"], asked.gspo["epsilon"]) == ("gspo", "std", 3e-4)


@pytest.mark.parametrize(
    ("method", "sections", "message"),
    [
        ("magrpo", {"magrpo": {"sharin": "role"}}, "unknown key magrpo.sharin; did you mean 'sharing'?"),
        ("magrpo", {"magrpo": {"returns": "turn"}}, "magrpo.returns is 'turn'; did you mean 'turns'?"),
        ("magrpo", {"magrpo": {"discount": 0}}, "magrpo.discount must lie in (0, 1], got 0"),
        ("magrpo", {"maporl": {"alpha0": 1}}, "maporl.alpha0 goes with method maporl"),
        ("magrpo", {"gspo": {"role": "proposer"}}, "gspo.role is for methods gspo and grpo; method magrpo trains all"),
        ("magrpo", {"gspo": {"reward": "role"}}, "gspo.reward is 'role', but method magrpo takes 'team'; leave it out"),
        ("maporl", {"maporl": {"alpha0": -1}}, "maporl.alpha0 must be at least 0, got -1"),
        ("maporl", {"maporl": {"discount": 2}}, "maporl.discount must lie between 0 and 1, got 2"),
        ("maporl", {"gspo": {"reward": "team"}}, "gspo.reward 'team' is for method magrpo: maporl scores"),
        ("maporl", {"magrpo": {"sharing": "role"}}, "magrpo.sharing goes with method magrpo"),
        ("gspo", {"maporl": {"sharing": "role"}}, "maporl.sharing goes with method maporl"),
        (
            "maporl",
            {"hooks": {"value": "x.py:f"}},
            "hooks.value is asked for a controller's choices, and method maporl",
        ),
    ],
)
def test_mistakes(method: str, sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settled(Config.from_data(sections), method)
    assert str(caught.value).startswith(message)
