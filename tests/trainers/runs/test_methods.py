"""The methods that train a language model: real steps of nano, and what a run of each leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracer_env.intake.toml_files import read_toml
from tracer_env.phrases import phrase_of
from tracer_env.registry import registered, resolve, trains_language
from tracer_env.runs.config import Config
from tracer_env.trainers.support.log import comparable, read_metrics

NAMES = [name for name in registered("trainer") if trains_language(name)]
SMALL = {
    **{"num_generations": 2, "tasks_per_step": 2, "steps_per_generation": 1, "max_steps": 2},
    **{"max_completion_length": 32, "learning_rate": 1e-3},
}


def asked(gspo: dict[str, Any] | None = None, **sections: Any) -> Config:
    return Config.from_data(
        {
            "seed": 5,
            "scenario": {"name": "arithmetic", "level": 1, "limit": 2},
            "speaker": {"name": "nano"},
            "rules": {"max_turns": 3},
            "training": {"held_out": 0},
            **sections,
            "gspo": {**SMALL, **(gspo or {})},
        }
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is(name: str) -> None:
    told = phrase_of("trainer", name)
    assert name.upper() in told.upper()
    assert "arXiv" in told


def test_grpo_is_gspo_with_its_objective(tmp_path: Path) -> None:
    """Two steps with gradients: the same bytes as the objective by its name, others than those of GSPO."""
    made = {}
    for name, gspo in (("grpo", {}), ("gspo", {"objective": "grpo"}), ("gspo", {})):
        out = tmp_path / str(len(made))
        train, _ = resolve("trainer", name)
        result = train(asked({"num_generations": 4, "num_iterations": 2, **gspo}), method=name, out=out)
        assert result["trained"] == ["proposer"]
        made[out] = (out / "adapters" / "proposer" / "adapter_model.safetensors").read_bytes()
        assert any(line["grad_norm"] for line in read_metrics(out))
    first, second, third = made.values()
    assert first == second
    assert first != third
    recorded = read_toml(tmp_path / "0" / "config.toml")
    assert (recorded["training"]["method"], recorded["gspo"]["epsilon_high"]) == ("grpo", 0.2)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gspo"])
def test_a_run_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    train, _ = resolve("trainer", name)
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    train(asked({"max_steps": 2}), method=name, out=whole)
    train(asked({"max_steps": 1}), method=name, out=parted)
    result = train(asked({"max_steps": 2}), method=name, resume=parted)
    assert (result["steps"], result["method"]) == (2, name)
    one, other = ([comparable(line) for line in read_metrics(folder)] for folder in (whole, parted))
    assert one == other
    assert json.loads(json.dumps(result, allow_nan=False))["run"] == str(parted)
    for policy in result["policies"]:
        file = Path("adapters", policy, "adapter_model.safetensors")
        assert (whole / file).read_bytes() == (parted / file).read_bytes()
