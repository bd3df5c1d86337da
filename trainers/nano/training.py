"""Trains `nano` from nothing: tokenizer, weights and configuration, written to a folder.

    python -m tracer_env.trainers.nano.training --out DIR --seed 0       train, write, evaluate
    python -m tracer_env.trainers.nano.training --evaluate [--out DIR]   figures of a folder, or of the packaged one

    1  questions of the scenario `arithmetic`, train split, level 1 and 2; `texts` makes lessons of them
    2  a byte-level BPE over these texts: whole words, single digits, and bytes for everything else
    3  a Llama is drilled in bare sums (results and verdicts are learnt), then taught the lessons (`rows`): it
       learns the replies and only reads the prompts; without the drills sums take several times as long
    4  the weights are rounded to bfloat16 and written with no date and no path

Training ends early on purpose: a pupil that solves everything leaves nothing to review.

The same seed, number of threads, machine and versions of torch and tokenizers give the same bytes. No global
random state is read or written; the number of torch's threads is set by the command line alone.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from tracer_env.agents.speakers.models.nano import ROLE_TOKENS
from tracer_env.annotations import Count, Words
from tracer_env.errors import ConfigError, DataError, MissingExtraError
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.settings import Settings
from tracer_env.storage.leftovers import put_folder, temporary_folder
from tracer_env.trainers.nano.evaluation import evaluate, report
from tracer_env.trainers.nano.rows import READ, Row, drill, encoded, padded
from tracer_env.trainers.nano.texts import Step, lesson, solution, steps
from tracer_env.types import Task

__all__ = ["NanoConfig", "main", "train_nano"]

TEMPLATE = (
    "<bos>{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<reply>{% endif %}"
)
SPECIAL = ("<pad>", "<bos>", "<eos>", *ROLE_TOKENS.values(), "<reply>")
_POOL = 32  # batches whose lessons are sorted by length together
_LINES = 10  # sums of one drill
_LEAST = 256 + len(SPECIAL)  # words of the vocabulary
_HINT = 0.5  # weight of the hints on the way

Pupil = tuple[Task, tuple[Step, ...]]


@dataclass(frozen=True)
class NanoConfig(Settings, at="nano"):
    """Size of the model and length of its schooling. Raises ConfigError for values that cannot work."""

    levels: tuple[int, ...] = (1, 2)
    questions: Count = 20_000
    """How many questions of each level are read."""
    vocabulary: Annotated[int, Ge(_LEAST), Words(f"must hold all bytes: at least {_LEAST}")] = 768
    hidden: Count = 112
    inner: Count = 288
    layers: Count = 6
    heads: Count = 4
    drills: int = 1600
    """How many of the steps are drills in bare sums, which come first."""
    steps: Count = 5600
    horizon: Count = 6000
    """Where the learning rate would reach its end; training stops at ``steps``, before that."""
    batch: Count = 32
    learning_rate: float = 2.5e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden % (2 * self.heads):
            raise ConfigError(f"nano.hidden {self.hidden} must be a multiple of twice nano.heads {self.heads}")


def train_nano(out: Path, seed: int = 0, config: NanoConfig | None = None) -> dict[str, Any]:
    """Train and write a model to the new folder ``out``; return what it took.

    Raises DataError when ``out`` exists, MissingExtraError without torch, transformers or safetensors.
    """
    if out.exists():
        raise DataError(f"{out} exists already; give a folder that does not")
    for package in ("torch", "transformers", "safetensors"):
        try:
            __import__(package)
        except ModuleNotFoundError as error:
            raise MissingExtraError("training nano", package, "hf") from error
    config, start = config or NanoConfig(), time.perf_counter()
    questions = _questions(config)
    tokenizer = _tokenizer(questions, config)
    model = _model(len(tokenizer), tokenizer, seed, config)
    loss = _school(model, tokenizer, _batches(questions, tokenizer, seed, config), config)
    _write(out, model, tokenizer)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": len(tokenizer),
        "loss": loss,
        "seconds": time.perf_counter() - start,
    }


def _questions(config: NanoConfig) -> list[Pupil]:
    found: list[Pupil] = []
    for level in config.levels:
        tasks = Arithmetic(split="train", level=level, size=config.questions)
        found += [(task, way) for task in tasks if (way := steps(task))]
    return found


def _tokenizer(questions: Sequence[Pupil], config: NanoConfig) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    raw.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [f"{task.question}\n+0 \n-1 {solution(way)}\nRIGHT. {way[0]}\nWRONG. {way[0]}\n" for task, way in questions]
    raw.train_from_iterator(texts, trainer)
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=[*ROLE_TOKENS.values(), "<reply>"],
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = TEMPLATE
    return made


def _model(words: int, tokenizer: Any, seed: int, config: NanoConfig) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = LlamaConfig(
        vocab_size=words,
        hidden_size=config.hidden,
        intermediate_size=config.inner,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    noise = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model = LlamaForCausalLM(shape)
        for weight in model.parameters():
            if weight.dim() > 1:
                spread = 0.02 if weight.shape[0] == words else weight.shape[1] ** -0.5 / 2
                weight.normal_(0, spread, generator=noise)
            else:
                weight.fill_(1)
    return model.float()


def _batches(questions: Sequence[Pupil], tokenizer: Any, seed: int, config: NanoConfig) -> Iterator[list[Row]]:
    """Yield batches without end: first drills alone, then lessons, those of like length together."""
    rng = np.random.default_rng(seed)
    sums = [step for _, way in questions for step in way]
    for _ in range(config.drills):
        chosen = rng.integers(len(sums), size=(config.batch, _LINES))
        yield [drill([sums[index] for index in row], tokenizer, rng) for row in chosen]
    while True:
        pupils = [questions[index] for index in rng.integers(len(questions), size=config.batch * _POOL)]
        rows = encoded([lesson(task, way, rng) for task, way in pupils], tokenizer)
        rows.sort(key=lambda row: len(row[0]))
        for place in rng.permutation(_POOL):
            yield rows[place * config.batch : (place + 1) * config.batch]


def _school(model: Any, tokenizer: Any, batches: Iterator[list[Row]], config: NanoConfig) -> float:
    """Train for ``config.steps`` steps; return the mean loss of the last tenth."""
    import torch

    aim = _Aim(model, tokenizer)
    optimiser = torch.optim.AdamW(
        [*model.parameters(), aim.probe], lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.05, fused=True
    )
    losses: list[float] = []
    model.train()
    for step, batch in zip(range(config.steps), batches, strict=False):
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * _pace(min(step, config.horizon), config.horizon)
        loss = aim(batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if step % 200 == 199:
            print(f"step {step + 1} of {config.steps}: loss {np.mean(losses[-200:]):.4f}", file=sys.stderr, flush=True)
    return float(np.mean(losses[-max(1, config.steps // 10) :]))


def _pace(step: int, whole: int) -> float:
    """Return the learning rate's factor: a short warm-up, then half a cosine down to a twentieth."""
    warm = max(1, whole // 20)
    return min((step + 1) / warm, 0.05 + 0.475 * (1 + math.cos(math.pi * step / whole)))


class _Aim:
    """The loss: what a reply, a result or a verdict should be, and two hints for the layers on the way.

    A verdict compares what is shown with what the pupil would have written, so that has to be known some layers
    before the end. Hence half-way up digits are learnt as at the end, and one layer later a probe, which is thrown away
    afterwards, has to tell whether the digit that is shown is the right one.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        import torch

        self.model = model
        width = model.config.hidden_size
        self.digits = torch.tensor(tokenizer.convert_tokens_to_ids(list("0123456789")))
        self.probe = torch.nn.Parameter(torch.zeros(width))  # (H,)

    def __call__(self, batch: Sequence[Row]) -> Any:
        """Return the mean loss of a batch; padding on the right is out of the others' sight."""
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        ids, targets = (torch.tensor(table) for table in padded(batch))  # (B, L), (B, L)
        layers = self.model.model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states
        middle = len(layers) // 2
        above = min(middle + 1, len(layers) - 1)
        learnt = targets[:, 1:] != READ
        loss = cross_entropy(self._logits(layers[-1], learnt, normed=True), targets[:, 1:][learnt])
        digits = torch.isin(targets[:, 1:], self.digits)
        if not bool(digits.any()):
            return loss
        loss = loss + _HINT * cross_entropy(self._logits(layers[middle], digits), targets[:, 1:][digits])
        shown = torch.isin(ids, self.digits) & torch.isin(targets, self.digits)
        told = self.model.model.norm(layers[above][shown]) @ self.probe
        return loss + _HINT * binary_cross_entropy_with_logits(told, (ids != targets)[shown].float())

    def _logits(self, hidden: Any, where: Any, normed: bool = False) -> Any:
        chosen = hidden[:, :-1][where]  # (N, H)
        return self.model.lm_head(chosen if normed else self.model.model.norm(chosen))


def _write(out: Path, model: Any, tokenizer: Any) -> None:
    import torch
    from transformers.utils import logging

    if not sys.stderr.isatty():  # bars of a log file are noise
        logging.disable_progress_bar()
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out) as work:
        model.to(torch.bfloat16).save_pretrained(work)
        tokenizer.save_pretrained(work)
        (work / "model.safetensors").chmod(0o644)
        put_folder(work, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: train into ``--out``, or only evaluate."""
    parser = argparse.ArgumentParser(prog="python -m tracer_env.trainers.nano.training", description="Trains nano.")
    parser.add_argument("--out", type=Path, help="a new folder (with --evaluate: one that was written before)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=NanoConfig.steps)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; part of what fixes the bytes")
    parser.add_argument("--tasks", type=int, default=300, help="held-out tasks to evaluate on, per level")
    parser.add_argument("--evaluate", action="store_true", help="train nothing, only print the figures")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(options.threads)
    if not options.evaluate:
        if options.out is None:
            parser.error("training needs --out DIR")
        print(train_nano(options.out, options.seed, NanoConfig(steps=options.steps)))
    print(report(evaluate(options.out, tasks=options.tasks)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
