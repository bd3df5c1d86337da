"""vLLM as a speaker against vLLM alone and against our own decoding, on SmolLM2 (or another model).

python benchmarks/vllm_environment.py DIR -- benchmarks/vllm_speed.py [--dialogues 64] [--rounds 3] [--turns 2]
    [--dtype bfloat16] [--threads 2] [--only rollout|memory|expand] [--model smollm2]

rollout   D dialogues of ``turns`` turns, all at once: the vLLM speaker; `LLM.generate` alone on the very prompts,
          seeds and lengths that came of it; the hf speaker. Tokens per second of each, the rounds interleaved, the
          ratios round by round and their median. Kept beginnings are forgotten before each side.
adapters  the same with an adapter for each role, on both engines (a ratio to look at, no target)
memory    peak memory of a process with two adapters in vLLM, against one with the base alone
expand    16 tasks, five turns, every branch: seconds of both speakers, interleaved
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import measured

HOT = 0.8
NEW = 64


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dialogues", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=16, help="trees of expand")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="smollm2", help="smollm2, nano, or a folder")
    parser.add_argument("--only", choices=("rollout", "adapters", "memory", "expand"))
    parser.add_argument("--side", help="for the processes that it starts itself")
    return parser.parse_args()


def voices(asked: argparse.Namespace, adapters: str | None = None) -> tuple[Any, Any]:
    """Return the vLLM speaker and the hf speaker of one model, with equal settings."""
    from tracer_env.parts.casting import make_speaker

    hf = asked.model if asked.model in ("smollm2", "nano") else f"hf:{asked.model}"
    settings = {"temperature": HOT, "max_new_tokens": NEW, "dtype": asked.dtype, "adapters": adapters}
    return make_speaker(f"vllm:{asked.model}", **settings), make_speaker(hf, **settings)


def play(speaker: Any, count: int, turns: int, world: int) -> tuple[float, list[Any]]:
    """Play dialogues in which all speak; return the seconds and all utterances, turn by turn."""
    from tracer_env.interfaces import Request
    from tracer_env.parts.casting import make_scenario
    from tracer_env.randomness import stream
    from tracer_env.rules import Rules, advance, initial
    from tracer_env.types import Action
    from tracer_env.verification.referee import ask

    tasks = make_scenario("arithmetic", limit=count)
    states = [initial(task, Rules()) for task in tasks]
    said: list[Any] = []
    begun = time.perf_counter()
    for _ in range(turns):
        requests = [Request(state, state.seat, stream(0, state.task.id, world)) for state in states]
        spoken = ask(speaker, requests, tasks)
        states = [advance(state, Action.SPEAK, one) for state, one in zip(states, spoken, strict=True)]
        said.append(spoken)
    return time.perf_counter() - begun, said


def alone(speaker: Any, said: Sequence[Any]) -> tuple[float, int]:
    """Run vLLM's own generate on the prompts of each turn, for as many tokens as were said; seconds and tokens."""
    from vllm import SamplingParams, TokensPrompt

    llm = speaker.engine.llm
    begun, made = time.perf_counter(), 0
    for turn in said:
        prompts = [TokensPrompt(prompt_token_ids=list(one.prompt_ids)) for one in turn]
        params = [
            SamplingParams(temperature=HOT, seed=n, max_tokens=one.completion_tokens, ignore_eos=True, detokenize=False)
            for n, one in enumerate(turn)
        ]
        made += sum(len(one.outputs[0].token_ids) for one in llm.generate(prompts, params, use_tqdm=False))
    return time.perf_counter() - begun, made


def tokens(said: Sequence[Any]) -> int:
    return sum(one.completion_tokens for turn in said for one in turn)


def rollout(asked: argparse.Namespace, adapters: str | None) -> None:
    ours, hf = voices(asked, adapters)
    for speaker in (ours, hf):
        play(speaker, 4, asked.turns, 999)  # warm: kernels, threads
    rates: dict[str, list[float]] = {"vllm speaker": [], "vllm alone": [], "hf speaker": []}
    for world in range(asked.rounds):
        ours.engine.llm.reset_prefix_cache()
        seconds, said = play(ours, asked.dialogues, asked.turns, world)
        rates["vllm speaker"].append(tokens(said) / seconds)
        if adapters is None:
            ours.engine.llm.reset_prefix_cache()
            seconds, made = alone(ours, said)
            rates["vllm alone"].append(made / seconds)
        hf.loaded.prefixes.clear()
        seconds, said = play(hf, asked.dialogues, asked.turns, world)
        rates["hf speaker"].append(tokens(said) / seconds)
        print("  ".join(f"{name} {found[-1]:6.0f}" for name, found in rates.items() if found), "tokens/s", flush=True)
    what = "with two adapters" if adapters else "without adapters"
    for name, wanted in (("vllm alone", "wanted 0.85"), ("hf speaker", "" if adapters else "wanted 1.15")):
        if rates[name]:
            shares = [a / b for a, b in zip(rates["vllm speaker"], rates[name], strict=True)]
            print(f"{what}: vllm speaker / {name}: median {statistics.median(shares):.2f}  {wanted}", flush=True)


def with_adapters(asked: argparse.Namespace, then: Callable[[str], None]) -> None:
    """Make an adapter for each role, of rank 16 and with values in it, and give their folder."""
    import torch

    from tracer_env.parts.casting import make_speaker
    from tracer_env.trainers.gspo.finetune import LoRA

    name = asked.model if asked.model in ("smollm2", "nano") else f"hf:{asked.model}"
    voice: Any = make_speaker(name, dtype=asked.dtype)
    policies = LoRA(r=16, alpha=32).prepare(voice, ["proposer", "reviewer"], 0)
    with tempfile.TemporaryDirectory() as folder:
        for name in policies.names:
            for path, parameter in policies.parameters(name).items():
                if ".lora_B." in path:
                    parameter.data = 0.001 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
            policies.save(name, Path(folder) / name)
        policies.close()
        then(folder)


def memory(asked: argparse.Namespace) -> None:
    if asked.side is not None:

        def held(folder: str | None) -> None:
            from tracer_env.parts.casting import make_speaker

            speaker = make_speaker(f"vllm:{asked.model}", dtype=asked.dtype, max_new_tokens=NEW, adapters=folder)
            play(speaker, 16, 2, 0)
            measured.report({"peak": measured.peak(), "resident": measured.resident()})

        held(asked.side if asked.side != "base" else None)
        return

    def both(folder: str) -> None:
        base, two = (measured.measure(side, asked.threads) for side in ("base", folder))
        measured.ratio("peak memory, two adapters", two["peak"], base["peak"], "MB", "wanted at most 1.2")
        measured.ratio("resident, two adapters", two["resident"], base["resident"], "MB", "")

    with_adapters(asked, both)


def expand(asked: argparse.Namespace) -> None:
    from tracer_env import Rules
    from tracer_env import expand as grow
    from tracer_env.parts.casting import make_scenario

    ours, hf = voices(asked)
    tasks, rules = make_scenario("arithmetic", limit=asked.tasks), Rules(max_turns=5)
    shares = []
    for seed in range(asked.rounds):
        took = {}
        for name, speaker in (("vllm", ours), ("hf", hf)):
            ours.engine.llm.reset_prefix_cache()
            begun = time.perf_counter()
            grow(tasks, speaker, rules, seed)
            took[name] = time.perf_counter() - begun
        shares.append(took["hf"] / took["vllm"])
        print(f"expand: vllm {took['vllm']:.1f} s  hf {took['hf']:.1f} s  ratio {shares[-1]:.2f}", flush=True)
    print(f"expand of {asked.tasks} tasks, T = 5: hf / vllm, median {statistics.median(shares):.2f}  wanted 1.0")


def main() -> None:
    asked = options()
    os.environ.setdefault("OMP_NUM_THREADS", str(asked.threads))
    import torch

    torch.set_num_threads(asked.threads)
    print(
        f"{asked.model}, {asked.dtype}, {asked.threads} threads, at most {NEW} new tokens, temperature {HOT}",
        flush=True,
    )
    parts: dict[str, Callable[[], None]] = {
        "rollout": lambda: rollout(asked, None),
        "adapters": lambda: with_adapters(asked, lambda folder: rollout(asked, folder)),
        "memory": lambda: memory(asked),
        "expand": lambda: expand(asked),
    }
    for name, part in parts.items():
        if asked.only in (None, name) and (asked.side is None or name == "memory"):
            part()


if __name__ == "__main__":
    main()
