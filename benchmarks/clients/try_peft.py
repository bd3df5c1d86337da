"""peft: adapters that we train, loaded by `PeftModel` on the base model, speak the same greedy texts, merged too."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from told import Use, tell
from transformers import AutoModelForCausalLM, AutoTokenizer

import tracer_env
from tracer_env.agents.speakers.models.nano import Nano, packaged_weights
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.trainer import GSPOTrainer

BASE = str(packaged_weights())


def _trained(folder: Path) -> Path:
    """Train adapters for two steps and return where the proposer's was saved."""
    scenario = tracer_env.make_scenario("arithmetic", split="train", limit=8)
    config = GSPOConfig(num_generations=4, tasks_per_step=4, max_steps=2, learning_rate=1e-2, max_completion_length=24)
    trainer = GSPOTrainer(Nano(temperature=1.0, max_new_tokens=24), scenario, config)
    trainer.train()
    name = trainer.policies.names[0]
    trainer.policies.save(name, folder / name)
    return folder / name


def _greedy(model: Any, count: int = 4) -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    texts = []
    for number in range(count):
        ids = tokenizer(f"What is {number} plus {3 * number}?", return_tensors="pt")
        with torch.no_grad():
            drawn = model.generate(**ids, max_new_tokens=16, do_sample=False)
        texts.append(drawn[0].tolist())
    return texts


def _base() -> Any:
    return AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32).eval()


def loads() -> None:
    with tempfile.TemporaryDirectory() as folder:
        adapter = _trained(Path(folder))
        theirs = PeftModel.from_pretrained(_base(), str(adapter)).eval()
        assert any(float(weight.abs().sum()) > 0 for name, weight in theirs.named_parameters() if "lora_B" in name)
        adapted = _greedy(theirs)
        merged = theirs.merge_and_unload()
        assert _greedy(merged) == adapted
        merged.save_pretrained(Path(folder) / "merged")
        AutoTokenizer.from_pretrained(BASE).save_pretrained(Path(folder) / "merged")
        speaker = tracer_env.make_speaker(f"hf:{folder}/merged")
        assert speaker.loaded is not None


if __name__ == "__main__":
    raise SystemExit(tell("peft", Use("PeftModel, merged, hf:FOLDER", loads)))
