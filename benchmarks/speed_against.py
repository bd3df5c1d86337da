"""Speed of this checkout by that of another: pairs of short runs, one after the other, and the middle of their ratios.

    git worktree add ../before COMMIT
    python benchmarks/speed_against.py --against ../before

Each run is a process of its own in its checkout, with one thread; what is counted is its own processor time. Nine pairs
each, the order within a pair in turn. A case that the other checkout cannot play is left out, and said to be.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

AEC = """
import time, numpy as np, tracer_env
env = tracer_env.raw_env("arithmetic", "simulated", **{settings})
luck, steps = np.random.default_rng(0).random(40064).tolist(), 40000
env.reset(seed=0)
done, start = 0, time.process_time()
while done < steps:
    env.reset()
    for _ in env.agent_iter():
        observation, _, termination, truncation, _ = env.last()
        if termination or truncation:
            env.step(None)
            continue
        legal = observation["action_mask"].nonzero()[0]
        env.step(legal[int(luck[done] * len(legal))])
        done += 1
print(done / (time.process_time() - start))
"""
VECTOR = """
import time, gymnasium, numpy as np, tracer_env
envs = gymnasium.make_vec("tracer_env/Controller-v0", num_envs=8192, **{settings}).unwrapped
actions = np.random.default_rng(0).integers(0, 2, (10, 8192))
envs.reset(seed=0)
for _ in range(3):
    envs.step(actions[0])
before, start = envs.turns, time.process_time()
for place in range({steps}):
    envs.step(actions[place % 10])
print((envs.turns - before) / (time.process_time() - start))
"""
SOLVER = """
import time, tracer_env
try:
    from tracer_env.trainers.cfr.training import train_on_trees
except ModuleNotFoundError:  # a checkout whose trainers lie in one folder
    from tracer_env.trainers.tree_training import train_on_trees
tasks = tracer_env.make_scenario("arithmetic", split="train", limit=300)
trees = tracer_env.expand(tasks, "simulated", worlds=2)
start = time.process_time()
train_on_trees(trees, "cfr_plus", iterations=200)
print(200 / (time.process_time() - start))
"""
CASES = {
    "AEC, vote_and_time": AEC.format(settings={}),
    "AEC, history": AEC.format(settings={"information": "history"}),
    "vector, kept": VECTOR.format(settings={"stop_when": "kept"}, steps=400),
    "vector, horizon, tokens paid": VECTOR.format(settings={"reward": "team_minus_tokens"}, steps=400),
    "vector, recorded": VECTOR.format(settings={"scenario": "recorded", "speaker": "recorded"}, steps=200),
    "CFR+ on 600 trees": SOLVER,
}


def measured(checkout: Path, code: str) -> float | None:
    """Return what a run in a checkout prints, None when it fails."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env={**os.environ, **single}, capture_output=True, text=True
    )
    return float(done.stdout) if done.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--against", type=Path, required=True, help="the other checkout")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", help="cases whose name holds this")
    asked = parser.parse_args()
    here = Path(__file__).parents[1]
    for name, code in CASES.items():
        if asked.only and asked.only not in name:
            continue
        ratios, speeds = [], []
        for pair in range(asked.pairs):
            order = (here, asked.against) if pair % 2 else (asked.against, here)
            found = {checkout: measured(checkout, code) for checkout in order}
            mine, theirs = found[here], found[asked.against]
            if mine is None or theirs is None:
                break
            ratios.append(mine / theirs)
            speeds.append(mine)
        if len(ratios) < asked.pairs:
            print(f"{name:30} left out: it does not run in {'this' if mine is None else 'the other'} checkout")
            continue
        ratio, speed = statistics.median(ratios), statistics.median(speeds)
        print(f"{name:30} {speed:>12,.0f} /s   ratio {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f})", flush=True)


if __name__ == "__main__":
    main()
