"""Speed of a language model speaker: many dialogues at once against one at a time.

    python benchmarks/hf_speed.py [--data gsm8k/test.jsonl] [--tasks 16] [--turns 1] [--threads 2] [--set NAME]

SmolLM2 in bfloat16, at most 128 new tokens, temperature 0.3. A task is played for its first ``turns`` turns
(1: the proposal, 2: the proposal and a review), all tasks in one batched call a turn, and then task by task. The
same tasks, noise and prompts on both sides. For ``arithmetic`` the batched side is timed with the keys and
values of the shared prompt opening kept, and without. The data are looked for at ``--data``, below
$TRACER_ENV_DATA, then in shared/data beside the repository.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch

import tracer_env
from tracer_env.agents.speakers.models.smollm2 import SmolLM2
from tracer_env.interfaces import Request, Scenario
from tracer_env.randomness import stream
from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.types import Action, Task, Utterance
from tracer_env.verification.referee import ask


def find_gsm8k(asked: str | None) -> str:
    if asked:
        return asked
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return str(Path(os.environ.get("TRACER_ENV_DATA", beside)) / "gsm8k" / "test.jsonl")


def play(speaker: SmolLM2, scenario: Scenario, tasks: Sequence[Task], turns: int) -> tuple[float, list[Utterance]]:
    """Play all tasks in step; return the seconds and everything said."""
    states: list[DialogueState] = [initial(task, Rules()) for task in tasks]
    said: list[Utterance] = []
    start = time.perf_counter()
    for _ in range(turns):
        requests = [Request(state, state.seat, stream(0, state.task.id)) for state in states]
        spoken = ask(speaker, requests, scenario)
        states = [advance(state, Action.SPEAK, u) for state, u in zip(states, spoken, strict=True)]
        said += spoken
    return time.perf_counter() - start, said


def measure(name: str, speaker: SmolLM2, scenario: Scenario, tasks: Sequence[Task], turns: int) -> None:
    play(speaker, scenario, tasks[:1], turns)  # warm: threads, kernels, kept openings
    together, said = play(speaker, scenario, tasks, turns)
    alone = sum(play(speaker, scenario, [task], turns)[0] for task in tasks)
    made, read = sum(u.completion_tokens for u in said), sum(u.prompt_tokens for u in said)
    print(
        f"{name:<28} {len(tasks)} at once {len(tasks) / together:6.3f} tasks/s ({made / together:5.0f} new tokens/s)   "
        f"one at a time {len(tasks) / alone:6.3f} tasks/s   ratio {alone / together:.2f}   "
        f"[{read / len(said):.0f} prompt and {made / len(said):.0f} new tokens a call]",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="batched against one at a time")
    parser.add_argument("--data")
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", choices=("gsm8k", "arithmetic", "both"), default="both")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(f"SmolLM2-135M, bfloat16, {asked.threads} threads, at most 128 new tokens, {asked.turns} turn(s) a task")
    kept = SmolLM2(max_new_tokens=128, dtype="bfloat16")
    if asked.set != "arithmetic":
        gsm8k = tracer_env.make_scenario("gsm8k", path=find_gsm8k(asked.data), limit=asked.tasks)
        measure("gsm8k", kept, gsm8k, list(gsm8k), asked.turns)
    if asked.set != "gsm8k":
        arithmetic = tracer_env.make_scenario("arithmetic", limit=asked.tasks)
        plain = SmolLM2(max_new_tokens=128, dtype="bfloat16", reuse_prefix=False)
        measure("arithmetic, opening kept", kept, arithmetic, list(arithmetic), asked.turns)
        measure("arithmetic, opening not kept", plain, arithmetic, list(arithmetic), asked.turns)


if __name__ == "__main__":
    main()
