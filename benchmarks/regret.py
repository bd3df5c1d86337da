"""Regret matching on the simulated speaker `balanced`: the regret curve, and how it fares against the baselines.

    python benchmarks/regret.py

Prints, for five seeds, the average regret after 10,000 episodes and the log-log slope from episode 100;
then the table of all methods on the same held-out tasks: 95% intervals, and paired differences with p.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.display.rows import comparison_table
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config
from tracer_env.statistics.metrics import Row
from tracer_env.trainers.regret.trainer import train_controller


def main() -> None:
    scenario, speaker = tracer_env.make_scenario("arithmetic", split="train"), tracer_env.make_speaker("simulated")
    for seed in range(5):
        run = train_controller(RegretMatching(), scenario, speaker, tracer_env.Rules(), 10_000, seed=seed)
        print(f"seed {seed}   average regret {run.curve[-1][1]:.5f}   log-log slope {run.slope():.2f}")
    with tempfile.TemporaryDirectory() as folder:
        result = compare(Config(), out=Path(folder) / "run")
        Console(width=120).print(comparison_table([Row.from_data(row) for row in result.rows], 120))


if __name__ == "__main__":
    main()
