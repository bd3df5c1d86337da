"""Training with candidates from vLLM, on nano. Runs where vLLM is (`benchmarks/vllm_environment.py`)."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, TrainingError
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.finetune import LoRA
from tracer_env.trainers.gspo.rewards import TeamReward
from tracer_env.trainers.gspo.trainer import GSPOTrainer

THERE = importlib.util.find_spec("vllm") is not None
needs_vllm = pytest.mark.skipif(
    not THERE, reason="vLLM is not installed; benchmarks/vllm_environment.py runs these tests"
)
pytestmark = pytest.mark.filterwarnings("ignore")  # vLLM and torch warn of each other
CONFIG = GSPOConfig(
    num_generations=4,
    tasks_per_step=4,
    max_steps=2,
    steps_per_generation=2,
    learning_rate=1e-2,
    max_completion_length=24,
    engine="vllm",
)


def trainer(out: Path | None = None, config: GSPOConfig = CONFIG, **parts: Any) -> GSPOTrainer:
    return GSPOTrainer("nano", Arithmetic(split="train", level=1), config, out=out, wanted=False, **parts)


@needs_vllm
def test_candidates_come_from_vllm_under_the_adapters_of_now(tmp_path: Path) -> None:
    made = trainer(tmp_path / "run")
    result = made.train()
    first, second = result.metrics
    assert [0 <= one["probe_difference"] < 1e-3 for one in (first, second)] == [True, True]
    assert 0 < first["old_logps_drift_max"] < 1e-3
    assert first["ratio_min"] < 0.99  # the second minibatch's: the weights have moved by then
    assert (tmp_path / "run" / "adapters" / "proposer" / "adapter_model.safetensors").is_file()
    inside, before = made.speaker.adapters["proposer"], trainer()
    assert made.served.adapter_identity(inside) != before.served.adapter_identity(before.speaker.adapters["proposer"])
    assert made.served.sync((1, 5, 6))["proposer"] < 1e-3
    version = made.served.served._known(inside).request.lora_name
    made.served.sync((1, 5, 6))
    assert made.served.served._known(inside).request.lora_name == version  # nothing has changed: nothing is written


@needs_vllm
def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    trainer(out, replace(CONFIG, save_steps=1)).train()
    more = replace(CONFIG, max_steps=3, resume_from_checkpoint=str(out))
    assert [one["step"] for one in trainer(out, more).train().metrics] == [1, 2, 3]


@needs_vllm
def test_a_team_trains_with_two_adapters_and_a_capped_importance() -> None:
    found = trainer(None, replace(CONFIG, max_steps=1, importance_cap=2.0), reward=TeamReward()).train().metrics[0]
    assert {"proposer/probe_difference", "reviewer/probe_difference"} <= set(found)


@needs_vllm
def test_a_probe_above_the_bound_stops_the_training() -> None:
    with pytest.raises(TrainingError, match=r"differ by .* nats in a probe of 'proposer', gspo.probe_bound is 1e-12"):
        trainer(None, replace(CONFIG, probe_bound=1e-12)).train()


@needs_vllm
def test_it_is_laid_aside_only_where_the_platform_can() -> None:
    with pytest.raises(ConfigError, match=r"cannot be laid aside on this platform \(cpu\).*gspo.sleep"):
        trainer(None, replace(CONFIG, sleep=True))


def test_only_vllm_is_laid_aside() -> None:
    with pytest.raises(ConfigError, match=r"gspo\.sleep lays vLLM aside, and gspo\.engine is 'hf'"):
        replace(CONFIG, engine="hf", sleep=True)


@needs_vllm
def test_only_adapters_are_served() -> None:
    from tracer_env.agents.speakers.models.nano import Nano
    from tracer_env.trainers.gspo.policies import WeightPolicy
    from tracer_env.trainers.gspo.vllm_rollouts import serve

    voice = Nano()
    with pytest.raises(ConfigError, match="serves adapters; take finetune 'lora'"):
        serve(voice, WeightPolicy(voice, "proposer", {}), 0.5, 1)
    with pytest.raises(ConfigError, match="samples in one process, and there are 2"):
        serve(voice, LoRA().prepare(voice, ["proposer"], 0), 0.5, 2)


def test_a_cap_needs_log_probabilities_that_are_recomputed() -> None:
    with pytest.raises(ConfigError, match=r"gspo\.importance_cap weighs"):
        GSPOConfig(importance_cap=2.0, old_logps="sampled")


def test_weights_by_hand_are_truncated() -> None:
    import math

    import torch

    from tracer_env.trainers.gspo.batch import Sample
    from tracer_env.trainers.gspo.update import importance_weights

    samples = [Sample((1,), (2, 3), (-1.0, -2.0), 0.0, 0), Sample((1,), (2,), (-5.0,), 0.0, 0)]
    old = {0: [-1.5, -2.5], 1: [-1.0]}
    found = importance_weights(torch.tensor([2.0, -1.0], dtype=torch.float64), samples, old, 3.0)
    assert found.tolist() == pytest.approx([2.0 * math.exp(-0.5), -3.0])
