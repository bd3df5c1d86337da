"""Speed of the raw environment and of simulated training, on one core, in one run.

    python benchmarks/env_speed.py

The same driver plays ours and PettingZoo's tictactoe_v3 (reset, agent_iter, last, a legal choice drawn
beforehand, step; live steps counted) in alternating rounds; the ratio is the median over rounds. Then
regret matching is trained on the simulated speaker, both branches valued, and its turns a second are
set against the same driver.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pettingzoo.classic import tictactoe_v3

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.trainers.regret.trainer import train_controller

STEPS, ROUNDS = 60_000, 7


def drive(env: Any, steps: int) -> float:
    """Play ``steps`` live steps and return how many there were a second."""
    luck = np.random.default_rng(0).random(steps + 64).tolist()
    env.reset(seed=0)
    done, start = 0, time.perf_counter()
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
    return done / (time.perf_counter() - start)


def main() -> None:
    ours, peer = tracer_env.raw_env("arithmetic", "simulated"), tictactoe_v3.raw_env()
    drive(ours, 5_000), drive(peer, 5_000)
    rounds = [(drive(ours, STEPS), drive(peer, STEPS)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"raw environment      {mine:>10,.0f} steps/s   tictactoe_v3 {theirs:,.0f} steps/s   ratio {ratio:.2f}")

    scenario, speaker = tracer_env.make_scenario("arithmetic", split="train"), tracer_env.make_speaker("simulated")
    run = train_controller(RegretMatching(), scenario, speaker, tracer_env.Rules(), 20_000)
    speed = run.turns / run.seconds
    print(
        f"simulated training   {speed:>10,.0f} turns/s   both branches valued   ratio to the driver {speed / mine:.1f}"
    )


if __name__ == "__main__":
    main()
