"""Layers in pieces: two real processes with FSDP2 on gloo learn what one does, and go on from each other's files."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from launched import run

from tracer_env.errors import ConfigError
from tracer_env.trainers.gspo.sharding import clip_pieces, decoder_layers, is_wanted, split_like
from tracer_env.trainers.support.processes import Accelerated, Alone

TRAINING = """
import json, sys
from pathlib import Path
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.finetune import finetune_named
from tracer_env.trainers.gspo.sharding import in_pieces
from tracer_env.trainers.gspo.trainer import GSPOTrainer
from tracer_env.trainers.support.processes import running_processes

out, kind, shard, steps = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "yes", int(sys.argv[4])
config = GSPOConfig(
    num_generations=4, tasks_per_step=4, steps_per_generation=2, max_steps=steps, learning_rate=1e-4, epsilon=0.1,
    epsilon_high=0.1, beta=0.05 if kind.startswith("lora") else 0.0, max_completion_length=48, save_steps=2, seed=3,
    max_grad_norm=0.5, max_batch_tokens=128, shard=shard or None, gradient_checkpointing=kind == "full",
    resume_from_checkpoint=str(out) if (out / "checkpoints").exists() else None,
)
team = running_processes()
trainer = GSPOTrainer(
    "nano", Arithmetic(split="train", level=1), config, finetune=finetune_named(kind), out=out, wanted=False
)
result = trainer.train()
pieces = sum(in_pieces(one) for one in trainer.speaker.loaded.model.parameters())
mine = sum(getattr(one, "to_local", lambda one=one: one)().numel() for one in trainer.speaker.loaded.model.parameters())
told = {"metrics": result.metrics, "pieces": pieces, "numbers": mine}
(out.parent / f"told-{out.name}-{team.rank}.json").write_text(json.dumps(told))
"""
LAUNCHES = Path(__file__).parents[3] / "examples" / "accelerate"
NUMBERS = ("loss", "reward", "accuracy", "grad_norm", "entropy", "kl")


def _train(folder: Path, count: int, kind: str, shard: bool, steps: int) -> list[dict[str, Any]]:
    run(TRAINING, count, str(folder), kind, "yes" if shard else "no", str(steps))
    return [json.loads((folder.parent / f"told-{folder.name}-{rank}.json").read_text()) for rank in range(count)]


def _weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    (file,) = sorted((folder / "adapters" / "proposer").glob("*.safetensors"))
    return load_file(file)


def _same(alone: Path, told: dict[str, Any], other: Path, others: list[dict[str, Any]]) -> None:
    """Three steps came to the same numbers and weights, up to rounding."""
    for each in others:
        assert len(each["metrics"]) == len(told["metrics"]) == 3
        for one, two in zip(told["metrics"], each["metrics"], strict=True):
            for name in NUMBERS:
                assert one[name] == (two[name] and pytest.approx(two[name], rel=1e-3, abs=1e-5)), name
    left, right = _weights(alone), _weights(other)
    assert left.keys() == right.keys()
    assert max(float((left[name] - right[name]).abs().max()) for name in left) < 5e-5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "lora:r=4"])
def test_pieces_learn_what_whole_layers_do(kind: str, tmp_path: Path) -> None:
    """Half the layers' numbers lie in each process, and the files are those of one, whoever goes on from them."""
    (alone,) = _train(tmp_path / "one", 1, kind, False, 3)
    both = _train(tmp_path / "two", 2, kind, True, 3)
    assert alone["pieces"] == 0
    assert any(line["loss"] for line in alone["metrics"])
    assert all(each["pieces"] > 0 and each["numbers"] < 0.75 * alone["numbers"] for each in both)
    _same(tmp_path / "one", alone, tmp_path / "two", both)
    for part in ("checkpoints/step_000003/optimisers/proposer.safetensors", "checkpoints/step_000003/trainer.json"):
        assert (tmp_path / "one" / part).stat().st_size == pytest.approx(
            (tmp_path / "two" / part).stat().st_size, abs=99
        )
    if kind == "full":
        for count, steps in ((2, 1), (1, 2), (2, 3)):
            found = _train(tmp_path / "turns", count, kind, count == 2, steps)
        _same(tmp_path / "one", alone, tmp_path / "turns", found[:1])  # who keeps the log of all steps


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["torchrun", "fsdp.yaml"])
def test_the_launch_files_start_a_training(launcher: str, tmp_path: Path) -> None:
    """With two processes, on this machine's CPUs where it has no GPUs; a launcher may tell the training of FSDP."""
    plain = {name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}
    launch = {"torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]}.get(
        launcher, ["accelerate.commands.launch", "--config_file", str(LAUNCHES / launcher), "--num_processes", "2"]
    )
    command = [sys.executable, "-m", *launch, *(["--main_process_port", "0"] if launcher != "torchrun" else [])]
    command += ["-m", "tracer_env.cli", "train", "--method", "gspo", "--speaker", "nano", "--scenario", "arithmetic"]
    settings = ["gspo.max_steps=1", "gspo.finetune=full", "gspo.num_generations=8", "training.held_out=0"]
    settings += ["scenario.level=1", "gspo.learning_rate=1e-4"]
    settings += ["gspo.shard=true"] if launcher == "torchrun" else []
    command += [word for each in settings for word in ("--set", each)] + ["--out", str(tmp_path / "run")]
    done = subprocess.run(command, env={**plain, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "run" / "adapters" / "proposer" / "model.safetensors").is_file()


# -- alone ---------------------------------------------------------------------------------------


def test_who_wants_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Accelerated.__new__(Accelerated)
    two.count = 2
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert [is_wanted(asked, two) for asked in (None, True, False)] == [False, True, False]
    assert not is_wanted(None, Alone())
    with pytest.raises(ConfigError, match=r"gspo\.shard divides a model among several processes, and there is one"):
        is_wanted(True, Alone())
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert [is_wanted(asked, two) for asked in (None, True, False)] == [True, True, False]
    assert not is_wanted(None, Alone())
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(ConfigError, match=r"DeepSpeed.s engine.*FSDP instead"):
        is_wanted(None, two)


def test_whole_gradients_are_clipped_by_hand() -> None:
    """Of norm 5, cut to 1; a norm that is not finite is told, and nothing is scaled by it."""
    import torch

    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    assert clip_pieces(gradients, 1.0, Alone()) == 5.0
    assert gradients[0].tolist() == pytest.approx([0.6, 0.0], rel=1e-6)
    assert gradients[1].tolist() == [pytest.approx([0.8], rel=1e-6)]
    small = [torch.tensor([3.0, 4.0])]
    assert clip_pieces(small, 10.0, Alone()) == 5.0
    assert small[0].tolist() == [3.0, 4.0]
    odd = [torch.tensor([math.inf, 1.0])]
    assert clip_pieces(odd, 1.0, Alone()) == math.inf
    assert odd[0].tolist() == [math.inf, 1.0]


def test_what_lies_in_no_pieces_stays_whole() -> None:
    import torch

    whole, parameter = torch.arange(3.0), torch.zeros(3)
    assert split_like(whole, parameter) is whole
    assert split_like(whole, None) is whole


def test_the_layers_of_a_model(llama: str) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(llama)
    layers, behind = decoder_layers(model)
    assert layers == list(model.model.layers)
    assert behind == [model.model.norm]
