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
from tracer_env.agents.speakers.models.nano import NanoPrompts, packaged_weights
from tracer_env.neighbours.trl_rollouts import dialogue_reward, to_trl_rollout_func, trl_rows

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


def dialogues() -> None:
    rows, asked = trl_rows("arithmetic", split="train", limit=16, level=1), list[dict[str, Any]]()
    play = to_trl_rollout_func("arithmetic", split="train", limit=16, level=1, prompts=NanoPrompts())

    def watched(prompts: list[Any], trainer: Any) -> dict[str, Any]:
        asked.append(play(prompts, trainer))
        return asked[-1]

    with tempfile.TemporaryDirectory() as folder:
        settings = {"use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no", "logging_steps": 1}
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32),
            reward_funcs=dialogue_reward,
            args=GRPOConfig(
                output_dir=folder,
                num_generations=4,
                per_device_train_batch_size=8,
                max_completion_length=64,
                max_steps=2,
                **settings,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(BASE),
            rollout_func=watched,
        )
        trainer.train()
        logged = [line["reward"] for line in trainer.state.log_history if "reward" in line]
    assert len(asked) == 2
    assert any(any(each["correct"]) for each in asked)
    for each, reward in zip(asked, logged, strict=True):
        assert len(each["prompt_ids"]) == len(each["completion_ids"]) == len(each["correct"]) == 8
        assert all(map(len, each["completion_ids"]))
        assert abs(sum(each["correct"]) / 8 - reward) < 1e-6  # what is learned from is how the dialogues ended
        assert [each["prompt_ids"][place] for place in range(4)] == 4 * [each["prompt_ids"][0]]


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "trl",
            Use("GRPOTrainer", grpo, "a function around `scenario.grade`"),
            Use("rollouts of dialogues", dialogues, "`tracer_env.neighbours.trl_rollouts`"),
        )
    )
