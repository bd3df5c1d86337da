"""Speed of the vector environment against bare numpy, on one core, in one run.

    python benchmarks/vector_speed.py

The probe plays as many dialogues of five turns with numpy's own generator and five rules of thumb: no stream that
can be repeated, no features, masks, rewards, token windows, episodes of their own or ends. It is what this machine
could do, not an environment. Ours steps ``stop_when="kept"`` dialogues with random actions drawn beforehand;
features, masks, rewards, tokens and autoreset included. Counted are turns that were played: a step plays one turn
in each sub-environment, the choice of the step or, after an end, the forced first turn of the next dialogue (under
SAME_STEP both in one step). Rounds are short (a few milliseconds) and alternate, so that most of them run
undisturbed by other work on the machine; the ratio is that of the medians.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tracer_env.envs.vector.env import ControllerVectorEnv, make_vector_env

SIZE, STEPS, ROUNDS = 8192, 10, 200
CASES: dict[str, dict[str, Any]] = {
    "kept": {"stop_when": "kept"},
    "kept, team less tokens": {"stop_when": "kept", "reward": "team_minus_tokens"},
    "kept, SAME_STEP": {"stop_when": "kept", "autoreset_mode": "SameStep"},
    "horizon": {},
    "reviewer learns": {"seats": "reviewer", "stop_when": "kept"},
}


def probe(size: int, dialogues: int) -> float:
    """Play rounds of dialogues with nothing but numpy and return the turns a second."""
    generator = np.random.default_rng(0)
    half, turns, start = np.float32(0.5), 0, time.perf_counter()
    for _ in range(dialogues):
        skill = generator.random(size, dtype=np.float32)
        correct = generator.random(size, dtype=np.float32) < skill
        vote, tokens = np.zeros(size, dtype=np.int8), np.full(size, 120, dtype=np.int32)
        for turn in (2, 3, 4, 5):
            speaks = generator.random(size, dtype=np.float32) < half
            luck = generator.random(size, dtype=np.float32)
            if turn % 2:
                mended = luck < np.where(vote < 0, skill + np.float32(0.1), skill)
                correct = np.where(speaks, mended, correct)
                vote[speaks] = 0
            else:
                right = luck < np.where(correct, np.float32(0.8), np.float32(0.35))
                vote += speaks * (right * 2 - 1).astype(np.int8)
            tokens += speaks * np.int32(100)
        turns += 5 * size
    return turns / (time.perf_counter() - start)


def drive(envs: ControllerVectorEnv, actions: np.ndarray[Any, Any]) -> float:
    """Step through ``actions`` and return the turns played a second."""
    before, start = envs.turns, time.perf_counter()
    for chosen in actions:
        envs.step(chosen)
    return (envs.turns - before) / (time.perf_counter() - start)


def main() -> None:
    actions = np.random.default_rng(0).integers(0, 2, (STEPS, SIZE))
    made = {name: make_vector_env(SIZE, **options) for name, options in CASES.items()}
    for envs in made.values():
        envs.reset(seed=0)
        drive(envs, actions)
        drive(envs, actions)
    probe(SIZE, 20)
    limits: list[float] = []
    speeds: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(ROUNDS):
        limits.append(probe(SIZE, STEPS // 5))
        for name, envs in made.items():
            speeds[name].append(drive(envs, actions))
    print(f"{SIZE:,} dialogues at once, {ROUNDS} rounds of {STEPS} steps; million turns/s")
    print(f"{'bare numpy probe':<24} median {statistics.median(limits) / 1e6:6.1f}")
    for name, found in speeds.items():
        ratio = statistics.median(found) / statistics.median(limits)
        print(f"{name:<24} median {statistics.median(found) / 1e6:6.1f}   ratio to the probe {ratio:.2f}")


if __name__ == "__main__":
    main()
