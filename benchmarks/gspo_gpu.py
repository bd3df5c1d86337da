"""Speed of generation and of training on a CUDA GPU, as a share of what the chip can do in bfloat16.

    python benchmarks/gspo_gpu.py [--model random-1b|smollm2|PATH] [--tasks 32] [--candidates 8]
        [--completion-tokens 256] [--rounds 3] [--limit TFLOPS]

``random-1b`` is a Llama of 1 billion random weights (16 layers, width 2048, 32 heads with 8 for keys and values,
vocabulary 32,000) with the tokenizer of the packaged nano model: its texts are noise, its arithmetic is that of a
model of its size. LoRA (r 16, all linear layers) on a bfloat16 base, arithmetic tasks, end tokens ignored.

    tokens/s      generation: sampled tokens. Training: tokens that the log-probabilities are computed for and those of
                  the prompts before them, as they stand in the packed rows
    share         operations over what the chip does. A parameter costs 2 operations a token forward; training takes
                  twice the time forward for the activations' gradients and nothing for the frozen base's own, so 4,
                  and 2 more with ``--checkpointing`` or for the pass that recomputes old log-probabilities. Attention
                  and the logits' second forward pass are left out, so the shares are low rather than high
    limit         ``--limit``, else measured: the best of square bfloat16 products of 8192

The first round warms up. Without a CUDA GPU this ends in one line and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any


def limit() -> float:
    """Return the operations a second of large bfloat16 products."""
    import torch

    left, right = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    best = 0.0
    for _ in range(5):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(20):
            left @ right
        torch.cuda.synchronize()
        best = max(best, 20 * 2 * 8192**3 / (time.perf_counter() - start))
    return best


def random_llama(folder: Path) -> str:
    """Write a Llama of a billion random weights and return its folder."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from tracer_env.agents.speakers.models.nano import packaged_weights

    shape = LlamaConfig(
        vocab_size=32_000,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=4096,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = LlamaForCausalLM(shape).to(torch.bfloat16)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(packaged_weights()).save_pretrained(folder)
    return str(folder)


def speaker_of(path: str, tokens: int, batch_tokens: int) -> Any:
    """Return a speaker that no token stops."""
    from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker

    options: dict[str, Any] = {
        "temperature": 1.0,
        "max_new_tokens": tokens,
        "dtype": "bfloat16",
        "device": "cuda",
        "max_batch_tokens": batch_tokens,
    }
    first = HuggingFaceSpeaker(path, **options)
    first.loaded.ends = frozenset()
    return HuggingFaceSpeaker(path, **options)  # on the same weights


def run(asked: argparse.Namespace, path: str) -> None:
    import torch

    from tracer_env.scenarios.arithmetic import Arithmetic
    from tracer_env.trainers.gspo.config import GSPOConfig
    from tracer_env.trainers.gspo.metrics import samples_of
    from tracer_env.trainers.gspo.trainer import GSPOTrainer

    speaker = speaker_of(path, asked.completion_tokens, asked.batch_tokens)
    config = GSPOConfig(
        num_generations=asked.candidates,
        tasks_per_step=asked.tasks,
        max_completion_length=asked.completion_tokens,
        max_batch_tokens=asked.micro_tokens,
        gradient_checkpointing=asked.checkpointing,
    )
    pays = cycle((1.0, -1.0))
    scenario = Arithmetic(split="train", level=1)
    trainer = GSPOTrainer(speaker, scenario, config, reward=lambda state, said: next(pays), wanted=False)
    parameters, most = speaker.loaded.parameters, asked.limit * 1e12 if asked.limit else limit()
    passes = 4 + (2 if asked.checkpointing else 0) + (2 if trainer.update.recomputes else 0)
    print(
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}, limit {most / 1e12:.0f} TFLOP/s in bfloat16; "
        f"{asked.model}, {parameters / 1e6:.0f} million parameters; {asked.tasks} tasks x {asked.candidates} "
        f"candidates of {asked.completion_tokens} tokens"
    )
    for number in range(asked.rounds + 1):
        torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        drawn = trainer.rollouts.play(number, lambda place: True)
        torch.cuda.synchronize()
        middle = time.perf_counter()
        samples = samples_of(drawn, "proposer")
        trainer.update.update("proposer", samples)
        torch.cuda.synchronize()
        end = time.perf_counter()
        if not number:
            continue
        sampled = sum(len(sample.token_ids) for sample in samples)
        rows = [row for batch in trainer.update.logprobs.plan(samples, range(len(samples))) for row in batch]
        trained = sum(row.length for row in rows)
        told = (
            ("generation", sampled / (middle - start), 2 * parameters * sampled / (middle - start)),
            ("training", trained / (end - middle), passes * parameters * trained / (end - middle)),
        )
        line = "   ".join(
            f"{name} {speed:9.0f} tokens/s, {work / most:6.1%} of the limit" for name, speed, work in told
        )
        print(f"round {number}   {line}   peak {torch.cuda.max_memory_allocated() / 1e9:.1f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="tokens a second on a GPU")
    parser.add_argument("--model", default="random-1b", help="random-1b, smollm2, or a folder")
    parser.add_argument("--tasks", type=int, default=32)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--completion-tokens", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-tokens", type=int, default=1 << 20, help="of one batch of generation")
    parser.add_argument("--micro-tokens", type=int, default=32_768, help="of one micro-batch of training")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--limit", type=float, help="what the chip does in bfloat16, in TFLOP/s; measured when absent")
    asked = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("gspo_gpu: this benchmark needs a CUDA GPU and torch sees none here", file=sys.stderr)
        sys.exit(2)
    if asked.model == "random-1b":
        with tempfile.TemporaryDirectory() as folder:
            run(asked, random_llama(Path(folder)))
    elif asked.model == "smollm2":
        from tracer_env.agents.speakers.models.smollm2 import converted, gguf_file

        run(asked, str(converted(gguf_file())))
    else:
        run(asked, asked.model)


if __name__ == "__main__":
    main()
