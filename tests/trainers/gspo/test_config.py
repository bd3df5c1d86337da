from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.errors import ConfigError
from tracer_env.trainers.gspo.config import CLIPS, GSPOConfig


def test_the_named_clips() -> None:
    assert dict(CLIPS) == {"gspo_paper": (0.0003, 0.0004), "tracer_reference": (0.1, 0.1), "grpo": (0.2, 0.2)}


def test_the_defaults_are_those_of_the_paper() -> None:
    config = GSPOConfig()
    assert config.clip == CLIPS["gspo_paper"] == (3e-4, 4e-4)
    assert (config.beta, config.scale_rewards, config.temperature) == (0.0, "std", 1.0)
    assert config.steps_per_generation == config.tasks_per_step == 4


def test_plain_data_and_back() -> None:
    config = GSPOConfig.from_data({"num_generations": 4, "epsilon_high": None, "report_to": "none", "learning_rate": 1})
    assert (config.num_generations, config.epsilon_high, config.report_to) == (4, None, ("none",))
    assert config.to_data()["report_to"] == ["none"]
    assert GSPOConfig.from_data(config.to_data()) == config
    assert GSPOConfig.from_data({"report_to": ["jsonl", "tensorboard"]}).report_to == ("jsonl", "tensorboard")


@pytest.mark.parametrize(
    ("given", "clip"),
    [
        ({"epsilon": "tracer_reference"}, (0.1, 0.1)),
        ({"epsilon": "gspo_paper"}, (3e-4, 4e-4)),
        ({"epsilon": "grpo", "epsilon_high": 0.28}, (0.2, 0.28)),
        ({"epsilon": 0.2}, (0.2, 0.2)),
        ({"epsilon_high": 0.2}, (3e-4, 0.2)),
        ({"epsilon": 3e-4, "epsilon_high": 3e-4}, (3e-4, 3e-4)),
    ],
)
def test_the_clip_has_two_sides(given: dict[str, Any], clip: tuple[float, float]) -> None:
    config = GSPOConfig.from_data(given)
    assert config.clip == clip
    assert GSPOConfig.from_data(config.to_data()).clip == clip


@pytest.mark.parametrize("text", ["0.1", "tracer_referenc"])
def test_a_clip_that_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"gspo.epsilon must be a number or a known pair, got '{text}'"):
        GSPOConfig.from_data({"epsilon": text})
    with pytest.raises(ConfigError, match=f"gspo.epsilon must be a number, got '{text}'"):
        GSPOConfig(epsilon=text)  # type: ignore[arg-type]


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown key gspo\.learning_rat.*learning_rate"):
        GSPOConfig.from_data({"learning_rat": 1e-3})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_generations", 1, "gspo.num_generations must be at least 2, got 1"),
        ("num_generations", 2.5, "gspo.num_generations must be a whole number, got 2.5"),
        ("max_steps", True, "gspo.max_steps must be a whole number, got True"),
        ("max_steps", 0, "gspo.max_steps must be at least 1, got 0"),
        ("epsilon", 0.0, "gspo.epsilon must be a number above 0, got 0.0"),
        ("epsilon_high", -0.1, "gspo.epsilon_high must be a number above 0, got -0.1"),
        ("learning_rate", float("nan"), "gspo.learning_rate must be a number above 0, got nan"),
        ("learning_rate", float("inf"), "gspo.learning_rate must be a number above 0, got inf"),
        ("beta", -1.0, "gspo.beta must be at least 0, got -1.0"),
        ("temperature", 0.0, "gspo.temperature must be above 0: greedy candidates are all the same"),
        ("adam_beta2", 1.0, r"gspo.adam_beta2 must lie in \[0, 1\), got 1.0"),
        ("bf16", 1, "gspo.bf16 must be true or false, got 1"),
        ("scale_rewards", "sd", "gspo.scale_rewards is 'sd'.*std"),
        ("lr_scheduler_type", "cosin", "gspo.lr_scheduler_type is 'cosin'.*cosine"),
        ("old_logps", "sample", "gspo.old_logps is 'sample'.*sampled"),
        ("report_to", 3, "gspo.report_to must be a name or a list of names, got 3"),
        ("max_batch_tokens", None, "gspo.max_batch_tokens must be a whole number, got None"),
        ("steps_per_generation", 5, "gspo.steps_per_generation 5 needs as many tasks a step, gspo.tasks_per_step is 4"),
    ],
)
def test_a_value_that_cannot_work_is_one_line(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as direct:
        GSPOConfig(**{name: value})
    with pytest.raises(ConfigError, match=message):
        GSPOConfig.from_data({name: value})
    assert "\n" not in str(direct.value)


def test_warm_up_and_schedules_by_hand() -> None:
    """Two optimiser steps of warm-up of twelve: 1/3 and 2/3, then ten steps of the schedule."""
    settings: dict[str, Any] = {"max_steps": 3, "steps_per_generation": 2, "num_iterations": 2, "warmup_steps": 2}
    constant, linear, cosine = (
        GSPOConfig(lr_scheduler_type=name, **settings) for name in ("constant", "linear", "cosine")
    )
    assert constant.optimiser_steps == 12
    assert [round(config.pace(0), 9) for config in (constant, linear, cosine)] == [0.333333333] * 3
    assert [round(config.pace(1), 9) for config in (constant, linear, cosine)] == [0.666666667] * 3
    assert [constant.pace(step) for step in (2, 11, 99)] == [1.0, 1.0, 1.0]
    assert [linear.pace(step) for step in (2, 7, 11, 12, 99)] == pytest.approx([1.0, 0.5, 0.1, 0.0, 0.0])
    assert [cosine.pace(step) for step in (2, 7, 12)] == pytest.approx([1.0, 0.5, 0.0])


@given(st.sampled_from(["constant", "linear", "cosine"]), st.integers(1, 30), st.integers(0, 40))
def test_the_pace_rises_then_falls(schedule: str, steps: int, warm: int) -> None:
    config = GSPOConfig(max_steps=steps, steps_per_generation=1, warmup_steps=warm, lr_scheduler_type=schedule)
    paces = [config.pace(step) for step in range(steps + 50)]
    assert all(0 <= pace <= 1 for pace in paces)
    assert paces[:warm] == sorted(paces[:warm])
    assert paces[warm:] == sorted(paces[warm:], reverse=True)
    assert all(pace > 0 for pace in paces[:steps])
