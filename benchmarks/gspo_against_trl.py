"""One GSPO step of ours against TRL's GRPOTrainer in GSPO mode: seconds and peak memory, in one run.

    python benchmarks/gspo_against_trl.py [--model smollm2|nano] [--dtype float32|bfloat16] [--tasks 4] [--candidates 8]
        [--completion-tokens 64] [--prompt-tokens N] [--minibatches 4] [--checkpointing own|both|neither] [--threads 2]

Both sides train the same model from the same folder with LoRA (r 16, alpha 32, all linear layers), AdamW, clip 3e-4 and
4e-4, no KL term, on the same arithmetic tasks with the same chat messages. A step draws all candidates and splits them
into ``--minibatches`` optimiser steps. TRL gets ``importance_sampling_level="sequence"``, ``loss_type="grpo"``, and
generates by transformers. Four measurements, each in a process of its own:

    whole      generation and training as the trainers do it, and the training part of it
    training   one optimiser step alone, on completions of random tokens that nobody has generated

Completions have one length on both sides. Here a speaker without end tokens goes on behind them; TRL's generation gets
``min_new_tokens``, which forbids them (a masking of the logits that costs it well under a percent). Rewards alternate
between +1 and -1, so that no group is dropped. Seconds are those of the fastest of ``--rounds`` steps; memory is the
peak above what the process held when everything was imported and nothing loaded.

What each side computes is its own affair, and some of the difference is just that: TRL computes the old
log-probabilities in a pass of its own when a rollout serves several optimiser steps (``--minibatches 1`` spares it
that), ours in float32 takes those of sampling; TRL computes a prompt once for each candidate, ours once for
several. Gradient checkpointing is as each side has it by default, on in TRL (where it saves memory) and off here;
``--checkpointing both`` and ``neither`` give both the same. Prompts open with two worked examples, or with what makes
them about ``--prompt-tokens`` long.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from dataclasses import replace
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from measured import measure, peak, ratio, report, resident

SIDES = ("ours-whole", "trl-whole", "ours-training", "trl-training")
_FILLER = "Read with care. "


class Alternating:
    """Pays +1 and -1 in turn, so that every group carries a signal. ``paid`` is called once for each candidate."""

    def __init__(self) -> None:
        self._next = cycle((1.0, -1.0))

    def __call__(self, *_: Any, **__: Any) -> float:
        return next(self._next)


def setting(asked: argparse.Namespace) -> tuple[str, Any, list[Any], list[Any]]:
    """Return the model's folder, the prompts, the tasks, and the chat messages of each task."""
    from transformers import AutoTokenizer

    from tracer_env.agents.speakers.models.nano import NanoPrompts, packaged_weights
    from tracer_env.agents.speakers.models.smollm2 import converted, gguf_file
    from tracer_env.agents.speakers.prompts import Prompts
    from tracer_env.rules import Rules, initial
    from tracer_env.scenarios.arithmetic import Arithmetic

    nano = asked.model == "nano"
    path = str(packaged_weights() if nano else converted(gguf_file()))
    tasks = list(Arithmetic(split="train", level=1, limit=asked.tasks))
    states = [initial(task, Rules()) for task in tasks]
    tokenizer = AutoTokenizer.from_pretrained(path)

    def rendered(prompts: Any) -> tuple[list[Any], int]:
        messages = [prompts.messages(state, state.seat) for state in states]
        texts = [tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=True) for m in messages]
        return messages, max(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)

    prompts: Any = NanoPrompts(0) if nano else Prompts(8 if asked.prompt_tokens else 2)
    messages, length = rendered(prompts)
    while asked.prompt_tokens and length > asked.prompt_tokens and prompts.examples:
        prompts = replace(prompts, examples=prompts.examples - 1)
        messages, length = rendered(prompts)
    template = prompts.proposer_prompt or "{question}"
    while asked.prompt_tokens and length < asked.prompt_tokens:
        template = _FILLER + template
        prompts = replace(prompts, proposer_prompt=template)
        messages, length = rendered(prompts)
    return path, prompts, tasks, messages


def config(asked: argparse.Namespace) -> Any:
    from tracer_env.trainers.gspo.config import GSPOConfig

    return GSPOConfig(
        num_generations=asked.candidates,
        tasks_per_step=asked.tasks,
        max_steps=asked.rounds,
        steps_per_generation=asked.minibatches,
        learning_rate=1e-4,
        max_completion_length=asked.completion_tokens,
        gradient_checkpointing=asked.checkpointing == "both",
    )


def our_speaker(asked: argparse.Namespace, prompts: Any) -> Any:
    """Return a speaker that no token stops."""
    from tracer_env.agents.speakers.models.nano import Nano
    from tracer_env.agents.speakers.models.smollm2 import SmolLM2

    make = Nano if asked.model == "nano" else SmolLM2
    options = {"temperature": 1.0, "max_new_tokens": asked.completion_tokens, "dtype": asked.dtype}
    first = make(**options)
    first.loaded.ends = frozenset()
    speaker = make(**options)  # on the same weights
    speaker.prompts = prompts
    return speaker


def ours(asked: argparse.Namespace, training: bool) -> None:
    import peft  # noqa: F401  # so that its memory counts as before
    import torch  # noqa: F401

    from tracer_env.interfaces import Request
    from tracer_env.rules import Rules, initial
    from tracer_env.scenarios.arithmetic import Arithmetic
    from tracer_env.trainers.gspo.batch import Sample
    from tracer_env.trainers.gspo.finetune import LoRA
    from tracer_env.trainers.gspo.trainer import GSPOTrainer
    from tracer_env.trainers.gspo.update import GSPOUpdate

    _, prompts, tasks, _ = setting(asked)
    before, reward = resident(), Alternating()
    speaker = our_speaker(asked, prompts)
    if not training:
        scenario = Arithmetic(split="train", level=1, limit=asked.tasks)
        trainer = GSPOTrainer(speaker, scenario, config(asked), reward=reward, wanted=False)
        lines = trainer.train().metrics
        whole, drawing = [line["seconds"] for line in lines], [line["rollout_seconds"] for line in lines]
        report({"whole": whole, "drawing": drawing, "memory": peak() - before})
        return
    policies = LoRA().prepare(speaker, ["proposer"], 0)
    update = GSPOUpdate(speaker.loaded.model, policies, config(asked))
    noise, drawn, lengths = np.random.default_rng(0), [], []
    for place, task in enumerate(tasks):
        state = initial(task, Rules())
        ids, _ = speaker.prompt(Request(state, state.seat, 0))
        lengths.append(len(ids))
        for _ in range(asked.candidates):
            tokens = tuple(random_tokens(noise, speaker.loaded.model.config.vocab_size, asked.completion_tokens))
            drawn.append(Sample(ids, tokens, (0.0,) * len(tokens), reward(), place, place))
    drawn = with_logprobs(update, drawn)
    took = []
    for _ in range(asked.rounds):
        start = time.perf_counter()
        update.update("proposer", drawn)
        took.append(time.perf_counter() - start)
    report({"training": took, "memory": peak() - before, "prompts": [min(lengths), max(lengths)]})


def random_tokens(noise: np.random.Generator, vocabulary: int, count: int) -> list[int]:
    """Return ids from the middle of the vocabulary, where no end token lies."""
    return [int(token) for token in noise.integers(vocabulary // 4, vocabulary // 2, count)]


def with_logprobs(update: Any, samples: list[Any]) -> list[Any]:
    """Return the samples with the log-probabilities that the model gives them now."""
    import torch

    found = {}
    with torch.no_grad():
        for batch in update.logprobs.plan(samples, range(len(samples))):
            portion = update.logprobs(samples, batch)
            found |= dict(zip(portion.samples, portion.logps.tolist(), strict=True))
    return [replace(sample, logprobs=tuple(found[i][: len(sample.token_ids)])) for i, sample in enumerate(samples)]


def trl(asked: argparse.Namespace, training: bool) -> None:
    import peft
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    path, _, _, messages = setting(asked)
    before, marks, drawing, prompts = resident(), [], [], []

    class Timed(GRPOTrainer):  # type: ignore[misc]
        """TRL's trainer with a clock around generation."""

        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            marks.append(time.perf_counter())
            found = super()._generate(*args, **kwargs)
            drawing.append(time.perf_counter() - marks[-1])
            prompts.extend(map(len, found[0]))
            short = [len(ids) for ids in found[1] if len(ids) != asked.completion_tokens]
            if short:
                raise RuntimeError(f"completions of {short} tokens, wanted {asked.completion_tokens}")
            return found

        def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
            if not training:
                return super()._generate_single_turn(prompt_ids, *args, **kwargs)
            noise, size = np.random.default_rng(len(drawing)), self.model.config.vocab_size
            return [random_tokens(noise, size, asked.completion_tokens) for _ in prompt_ids], None

    reward = Alternating()

    def paid(completions: list[Any], **_: Any) -> list[float]:
        return [reward() for _ in completions]

    with tempfile.TemporaryDirectory() as folder:
        trainer = Timed(
            model=path,
            reward_funcs=paid,
            train_dataset=Dataset.from_list([{"prompt": one} for one in messages]),
            peft_config=peft.LoraConfig(
                r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
            args=GRPOConfig(**trl_options(asked), output_dir=folder),
        )
        trainer.train()
    marks.append(time.perf_counter())
    whole = [end - start for start, end in pairwise(marks)]
    found: dict[str, Any] = {"memory": peak() - before, "prompts": [min(prompts), max(prompts)]}
    alone = [all_of - part for all_of, part in zip(whole, drawing, strict=True)]
    report(found | ({"training": alone} if training else {"whole": whole, "drawing": drawing}))


def trl_options(asked: argparse.Namespace) -> dict[str, Any]:
    return {
        "importance_sampling_level": "sequence",
        "loss_type": "grpo",
        "beta": 0.0,
        "epsilon": 3e-4,
        "epsilon_high": 4e-4,
        "num_generations": asked.candidates,
        "per_device_train_batch_size": asked.tasks * asked.candidates // asked.minibatches,
        "steps_per_generation": asked.minibatches,
        "gradient_accumulation_steps": 1,
        "max_steps": asked.rounds * asked.minibatches,
        "max_completion_length": asked.completion_tokens,
        "generation_kwargs": {"min_new_tokens": asked.completion_tokens},
        "temperature": 1.0,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch",
        "max_grad_norm": 1.0,
        "gradient_checkpointing": asked.checkpointing != "neither",
        "model_init_kwargs": {"dtype": asked.dtype},
        "bf16": False,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="a GSPO step against TRL's")
    parser.add_argument("--model", choices=("smollm2", "nano"), default="smollm2")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--completion-tokens", type=int, default=64)
    parser.add_argument("--prompt-tokens", type=int, help="about so many; by default two worked examples")
    parser.add_argument("--minibatches", type=int, default=4)
    parser.add_argument("--checkpointing", choices=("own", "both", "neither"), default="own")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.tasks % asked.minibatches:
        parser.error(f"--tasks {asked.tasks} must be a multiple of --minibatches {asked.minibatches}")
    if asked.side:
        warnings.simplefilter("ignore")
        if asked.side.endswith("training"):
            asked.tasks, asked.minibatches = asked.tasks // asked.minibatches, 1
        {"ours": ours, "trl": trl}[asked.side.partition("-")[0]](asked, asked.side.endswith("training"))
        return
    found = {side: measure(side, asked.threads) for side in SIDES}
    low, high = found["trl-training"]["prompts"]
    if found["ours-training"]["prompts"] != [low, high]:
        raise SystemExit(f"prompts differ: ours {found['ours-training']['prompts']}, TRL's {[low, high]}")
    print(
        f"{asked.model} {asked.dtype}, {asked.threads} threads, {asked.tasks} tasks x {asked.candidates} candidates, "
        f"prompts of {low} to {high} tokens, completions of {asked.completion_tokens}, {asked.minibatches} optimiser "
        f"steps a rollout, gradient checkpointing: {asked.checkpointing}"
    )
    print(f"{'':<34} {'tracer-env':>15} {'TRL':>15}")
    mine, theirs = found["ours-whole"], found["trl-whole"]
    ratio("whole step", min(mine["whole"]), min(theirs["whole"]), "s", "wanted: at most 0.80")
    ratio("  its generation", min(mine["drawing"]), min(theirs["drawing"]), "s", "")
    parts = [[a - b for a, b in zip(side["whole"], side["drawing"], strict=True)] for side in (mine, theirs)]
    ratio("  its training", min(parts[0]), min(parts[1]), "s", "")
    ratio("  peak memory", mine["memory"], theirs["memory"], "MB", "wanted: at most 0.80")
    mine, theirs = found["ours-training"], found["trl-training"]
    ratio("one optimiser step alone", min(mine["training"]), min(theirs["training"]), "s", "")
    ratio("  peak memory", mine["memory"], theirs["memory"], "MB", "")


if __name__ == "__main__":
    main()
