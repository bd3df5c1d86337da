"""Candidates a second and peak memory against the published reference's way of doing the same, in one run.

    python benchmarks/gspo_against_reference.py [--model smollm2|nano] [--tasks 8] [--reference-tasks 1]
        [--candidates 4] [--completion-tokens 64] [--batch-tokens 1024] [--no-checkpointing] [--threads 2]

Two agents propose and review in turn; for each task G proposals are drawn, and G reviews of the first one, and both
policies learn from theirs. The reference's way is a plain loop of our own with the reference's structure:

    a copy of the model for each agent and role (4, two of which act here), LoRA in each
    one candidate at a time by ``model.generate``
    for the loss the candidate's text is tokenised again behind the prompt; log-probabilities from the logits of the
    whole sequence, once without gradient for the old ones and once with; one Adam step for each group

It gets the benefit of the doubt: each candidate's gradient is taken at once, so that one sequence's activations exist
at a time. Ours draws all tasks' candidates together with one base and four adapters, and takes one step a policy.
LoRA r 16 on all linear layers, float32, no end tokens (ours goes on behind them, ``generate`` is given
``min_new_tokens``; what the loop re-tokenises may come out a few tokens shorter or longer). The loop's speed a
candidate does not hang on how many tasks there are, so it is timed on ``--reference-tasks``. Each side is a process of
its own; memory is the peak above what it held when all was imported and nothing loaded.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import cycle
from typing import Any

from measured import measure, peak, ratio, report, resident

POLICIES = ("agent_0-proposer", "agent_0-reviewer", "agent_1-proposer", "agent_1-reviewer")


def tasks_of(count: int) -> Any:
    from tracer_env.scenarios.arithmetic import Arithmetic

    return Arithmetic(split="train", level=1, limit=count)


def prompts_of(model: str) -> tuple[str, Any]:
    """Return the model's folder and the prompts that both sides use."""
    from tracer_env.agents.speakers.models.nano import NanoPrompts, packaged_weights
    from tracer_env.agents.speakers.models.smollm2 import converted, gguf_file
    from tracer_env.agents.speakers.prompts import Prompts

    if model == "nano":
        return str(packaged_weights()), NanoPrompts(0)
    return str(converted(gguf_file())), Prompts(2)


def our_rollouts(candidates: int) -> Any:
    """Return what makes the rollouts: G proposals for each task, then G reviews of the first."""
    from tracer_env.interfaces import Request
    from tracer_env.randomness import stream
    from tracer_env.rules import Rules, advance, initial
    from tracer_env.trainers.gspo.rollouts import drawn_group
    from tracer_env.types import Action
    from tracer_env.verification.referee import ask

    pays = cycle((1.0, -1.0))

    class Pairs:
        """Two turns of each task, all tasks in step."""

        told = None

        def __init__(self, order: Any, speaker: Any) -> None:
            self.order, self.speaker = order, speaker

        def play(self, step: int, mine: Any) -> list[Any]:
            places, drawn = self.order.of(step, mine), []
            states = [initial(place.task, Rules()) for place in places]
            for policy in ("agent_0-proposer", "agent_1-reviewer"):
                requests = [
                    Request(state, state.seat, stream(0, place.task.id), candidates)
                    for state, place in zip(states, places, strict=True)
                ]
                said = ask(self.speaker, requests, self.order.scenario)
                groups = [said[i * candidates : (i + 1) * candidates] for i in range(len(places))]
                for request, place, group in zip(requests, places, groups, strict=True):
                    drawn += drawn_group(policy, request, group, lambda state, one: next(pays), place.number)
                states = [advance(s, Action.SPEAK, group[0]) for s, group in zip(states, groups, strict=True)]
            return drawn

        def learn(self) -> dict[str, float | int | None]:
            return {}

        def state_dict(self) -> Any:
            return None

        def load_state_dict(self, data: Any) -> None:
            """Do nothing."""

    return Pairs


def ours(asked: argparse.Namespace) -> None:
    import peft  # noqa: F401  # so that its memory counts as before
    import torch  # noqa: F401

    from tracer_env.agents.speakers.models.nano import Nano
    from tracer_env.agents.speakers.models.smollm2 import SmolLM2
    from tracer_env.trainers.gspo.config import GSPOConfig
    from tracer_env.trainers.gspo.trainer import GSPOTrainer

    _, prompts = prompts_of(asked.model)
    before = resident()
    make = Nano if asked.model == "nano" else SmolLM2
    options = {
        "temperature": 1.0,
        "max_new_tokens": asked.completion_tokens,
        "dtype": "float32",
        "max_batch_tokens": 16_384,
    }
    first = make(**options)
    first.loaded.ends = frozenset()
    speaker = make(**options)  # on the same weights
    speaker.prompts = prompts
    config = GSPOConfig(
        num_generations=asked.candidates,
        tasks_per_step=asked.tasks,
        max_steps=1,
        steps_per_generation=1,
        max_completion_length=asked.completion_tokens,
        max_batch_tokens=asked.batch_tokens,
        gradient_checkpointing=asked.checkpointing,
    )
    trainer = GSPOTrainer(
        speaker,
        tasks_of(asked.tasks),
        config,
        rollouts=our_rollouts(asked.candidates),
        policies=POLICIES,
        frozen=("agent_0-reviewer", "agent_1-proposer"),
        wanted=False,
    )
    loaded = peak() - before
    line = trainer.train().metrics[-1]
    count = 2 * asked.tasks * asked.candidates
    split = {"drawing": line["rollout_seconds"] / count, "loaded": loaded}
    report({"speed": count / line["seconds"], "memory": peak() - before, **split})


def reference(asked: argparse.Namespace) -> None:
    import peft
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tracer_env.rules import Rules, advance, initial
    from tracer_env.types import Action, Utterance
    from tracer_env.verification.referee import judge

    path, prompts = prompts_of(asked.model)
    tokenizer, before = AutoTokenizer.from_pretrained(path), resident()
    torch.manual_seed(0)
    adapter = {"r": 16, "lora_alpha": 32, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    copies = {}
    for name in POLICIES:
        base = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        copies[name] = peft.get_peft_model(base, peft.LoraConfig(**adapter))
    learning = {name: [p for p in model.parameters() if p.requires_grad] for name, model in copies.items()}
    optimisers = {name: torch.optim.Adam(learning[name], lr=5e-6) for name in POLICIES}
    loaded, drawing, start = peak() - before, 0.0, time.perf_counter()
    scenario = tasks_of(asked.reference_tasks)
    for task in scenario:
        state = initial(task, Rules())
        for name in ("agent_0-proposer", "agent_1-reviewer"):
            model, begun = copies[name], time.perf_counter()
            messages = prompts.messages(state, state.seat)
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            said = [drawn_alone(model, tokenizer, text, asked.completion_tokens) for _ in range(asked.candidates)]
            drawing += time.perf_counter() - begun
            rewards = torch.tensor([1.0 if i % 2 else -1.0 for i in range(asked.candidates)])
            advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
            optimisers[name].zero_grad()
            for words, advantage in zip(said, advantages, strict=True):
                with torch.no_grad():
                    old = full_logps(model, tokenizer, text, words)
                rate = (full_logps(model, tokenizer, text, words) - old).mean().exp()
                loss = -torch.minimum(rate * advantage, rate.clamp(0.9, 1.1) * advantage)
                (loss / asked.candidates).backward()
            torch.nn.utils.clip_grad_norm_(learning[name], 0.5)
            optimisers[name].step()
            state = advance(state, Action.SPEAK, judge(Utterance(said[0]), state, state.seat, scenario))
    count = 2 * asked.reference_tasks * asked.candidates
    speed = count / (time.perf_counter() - start)
    report({"speed": speed, "memory": peak() - before, "drawing": drawing / count, "loaded": loaded})


def drawn_alone(model: Any, tokenizer: Any, prompt: str, tokens: int) -> str:
    """Return the text of one candidate, drawn alone."""
    inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False, return_token_type_ids=False)
    options = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": True, "temperature": 1.0, "top_k": 0}
    made = model.generate(**inputs, **options, pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id)
    text: str = tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return text


def full_logps(model: Any, tokenizer: Any, prompt: str, words: str) -> Any:
    """Return the log-probabilities of the words, tokenised again, from the logits of the whole sequence."""
    head = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    ids = tokenizer(prompt + words, return_tensors="pt", add_special_tokens=False)["input_ids"]
    logps = model(input_ids=ids).logits[:, :-1].log_softmax(dim=-1)
    return logps.gather(-1, ids[:, 1:, None])[0, head.shape[1] - 1 :, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description="against one candidate at a time and a model copy for each role")
    parser.add_argument("--model", choices=("smollm2", "nano"), default="smollm2")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--reference-tasks", type=int, default=1)
    parser.add_argument("--candidates", type=int, default=4)
    parser.add_argument("--completion-tokens", type=int, default=64)
    parser.add_argument("--batch-tokens", type=int, default=1024, help="of one micro-batch of ours")
    parser.add_argument(
        "--checkpointing", action=argparse.BooleanOptionalAction, default=True, help="gradient checkpointing for ours"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", choices=("ours", "reference"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        warnings.simplefilter("ignore")
        {"ours": ours, "reference": reference}[asked.side](asked)
        return
    mine, theirs = measure("ours", asked.threads), measure("reference", asked.threads)
    print(
        f"{asked.model} float32, {asked.threads} threads, 2 agents, {asked.candidates} candidates of "
        f"{asked.completion_tokens} tokens; ours on {asked.tasks} tasks in step, the loop on {asked.reference_tasks}"
    )
    print(f"{'':<34} {'tracer-env':>15} {'the loop':>15}")
    ratio("candidates, drawn and trained on", mine["speed"], theirs["speed"], "/s", "wanted: at least 5")
    ratio("  seconds to draw one", mine["drawing"], theirs["drawing"], "s", "")
    ratio("  seconds to train on one", *(1 / side["speed"] - side["drawing"] for side in (mine, theirs)), "s", "")
    ratio("peak memory above the imports", mine["memory"], theirs["memory"], "MB", "wanted: at most 0.40")
    ratio("  of it when all was loaded", mine["loaded"], theirs["loaded"], "MB", "")


if __name__ == "__main__":
    main()
