"""Speed of growing dialogue trees and of a TRACER step on a CUDA GPU, with a Llama of a billion random weights.

    python benchmarks/tracer_gpu.py [--model random-1b|PATH] [--tasks 16] [--completion-tokens 128] [--steps 2]

Texts of random weights are noise, so no answer is read and no reward differs; the arithmetic is that of a model of its
size, and end tokens are ignored. `expand` says every utterance of 5 turns on each task; a TRACER step plays dialogues
with both branches and 4 candidates an utterance, and updates both roles where rewards differ (here they are drawn by
a coin from a fixed seed). The first step warms up. Without a CUDA GPU this ends in one line and exit code 2.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gspo_gpu import random_llama, speaker_of


def expanded(speaker: Any, tasks: int) -> None:
    import torch

    import tracer_env

    scenario = tracer_env.make_scenario("arithmetic", level=1, limit=tasks)
    start = time.perf_counter()
    trees = tracer_env.expand(scenario, speaker, seed=0)
    torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    tokens = sum(int(level.completion_tokens.sum()) for level in trees.levels)
    print(
        f"expand   {tasks} tasks of 5 turns: {tokens:,} tokens in {len(trees.texts or ()):,} utterances, "
        f"{tokens / seconds:,.0f} tokens/s, {seconds:.1f} s",
        flush=True,
    )


def trained(speaker: Any, tasks: int, tokens: int, steps: int) -> None:
    import torch

    from tracer_env.scenarios.arithmetic import Arithmetic
    from tracer_env.trainers.gspo.config import GSPOConfig
    from tracer_env.trainers.tracer.settings import TracerSettings
    from tracer_env.trainers.tracer.trainer import TracerTrainer

    coin = random.Random(0)
    config = GSPOConfig(
        max_steps=steps + 1,
        num_generations=4,
        tasks_per_step=tasks,
        max_completion_length=tokens,
        max_batch_tokens=32_768,
    )
    reward: Any = lambda state, said: coin.choice((1.0, -1.0))  # noqa: E731
    scenario = Arithmetic(split="train", level=1)
    trainer = TracerTrainer(speaker, scenario, config, TracerSettings(), reward=reward, wanted=False)
    for line in trainer.train().metrics[1:]:
        memory = torch.cuda.max_memory_allocated() / 1e9
        said = sum(value for name, value in line.items() if name.endswith("candidates") and value)
        print(
            f"tracer   step {line['step']}: {tasks} tasks, {said:,.0f} candidates, {line['seconds']:.1f} s, rollouts "
            f"{line['rollout_seconds']:.1f} s at {line['tokens_per_second']:,.0f} tokens/s, peak {memory:.1f} GB",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="expand and TRACER on a GPU")
    parser.add_argument("--model", default="random-1b", help="random-1b or a folder")
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--completion-tokens", type=int, default=128)
    parser.add_argument("--steps", type=int, default=2)
    asked = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("tracer_gpu: this benchmark needs a CUDA GPU and torch sees none here", file=sys.stderr)
        sys.exit(2)
    with tempfile.TemporaryDirectory() as folder:
        path = random_llama(Path(folder)) if asked.model == "random-1b" else asked.model
        print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {asked.model}, bfloat16", flush=True)
        speaker = speaker_of(path, asked.completion_tokens, 1 << 20)
        expanded(speaker, asked.tasks)
        trained(speaker, asked.tasks, asked.completion_tokens, asked.steps)


if __name__ == "__main__":
    main()
