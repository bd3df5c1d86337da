"""TRL: GRPOTrainer with our scenario as its data set and our verifier as its reward, on a model that we ship."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from datasets import Dataset
from told import Use, tell
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

import tracer_env
from tracer_env.agents.speakers.models.nano import packaged_weights

BASE = str(packaged_weights())


def grpo() -> None:
    scenario = tracer_env.make_scenario("arithmetic", split="train", limit=16)
    tasks = {task.id: task for task in scenario}
    rows = [{"prompt": task.question, "task": task.id} for task in scenario]

    def reward(completions: list[str], task: list[str], **_: Any) -> list[float]:
        return [
            float(scenario.grade(text, tasks[name]) is tracer_env.Grade.CORRECT)
            for text, name in zip(completions, task, strict=True)
        ]

    with tempfile.TemporaryDirectory() as folder:
        settings = {"use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no", "logging_steps": 1}
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32),
            reward_funcs=reward,
            args=GRPOConfig(
                output_dir=folder,
                num_generations=4,
                per_device_train_batch_size=8,
                max_completion_length=24,
                max_steps=2,
                **settings,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(BASE),
        )
        found = trainer.train()
    assert found.global_step == 2


if __name__ == "__main__":
    raise SystemExit(tell("trl", Use("GRPOTrainer", grpo, "a function around `scenario.grade`")))
