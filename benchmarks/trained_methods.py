"""What the methods that train a language model make of nano, under one budget: base and trained on held-out sums.

    python benchmarks/trained_methods.py [--utterances 1920] [--level 2] [--seeds 3 4 5] [--held-out 200]

Every method draws as many utterances to learn from, under the usual rules: a lone proposer one for each candidate, a
team of two as many as its dialogues have turns. A debate is of three agents in two rounds. Learning rate and length are
those of the README's example; nothing is chosen on the held-out tasks. Each run is a command of its own. A row: the
accuracy of base and trained under whoever decides there (a lone proposer speaks once, a team always), tokens a task,
and the mean gain with its range over the seeds. Some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TASKS, CANDIDATES = 4, 8
DEBATE = ("rules.schedule=debate:agents=3,rounds=2", "rules.final_answer=majority_of_agents")
METHODS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "gspo": ("gspo", 1, ("gspo.epsilon=0.1",)),
    "grpo": ("grpo", 1, ()),
    "magrpo": ("magrpo", 5, ()),
    "magrpo, by turns": ("magrpo", 5, ("magrpo.returns=turns",)),
    "maporl": ("maporl", 5, ()),
    "magrpo, debate": ("magrpo", 6, DEBATE),
    "maporl, debate": ("maporl", 6, DEBATE),
}
"""Method, utterances of a candidate, settings."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=1920)
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    print(
        f"{'method':<18} {'steps':>5}  {'base':>13} {'trained':>13} {'tokens':>6}  {'gain':>6} {'range':>16} {'s':>4}"
    )
    for name in options.methods:
        method, said, settings = METHODS[name]
        steps = max(1, round(options.utterances / (TASKS * CANDIDATES * said)))
        begun = time.monotonic()
        found = [_trained(method, steps, settings, seed, options) for seed in options.seeds]
        _print(name, steps, found, time.monotonic() - begun)
    return 0


def _trained(method: str, steps: int, settings: tuple[str, ...], seed: int, options: argparse.Namespace) -> Any:
    """Train under one seed and return the rows of base and trained."""
    said = (
        *("gspo.learning_rate=1e-3", "gspo.max_completion_length=48", f"scenario.level={options.level}"),
        *(f"training.held_out={options.held_out}", f"gspo.tasks_per_step={TASKS}", *settings),
    )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tracer_env.cli", "train", "--method", method, "--speaker", "nano"]
        command += ["--scenario", "arithmetic", "--steps", str(steps), "--seed", str(seed), "--json"]
        command += ["--out", str(Path(folder) / "run"), *(word for each in said for word in ("--set", each))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return {row["method"]: row for row in json.loads(done.stdout)["held_out"]["rows"]}


def _print(name: str, steps: int, found: list[Any], seconds: float) -> None:
    def mean(which: str, key: str) -> float:
        return sum(float(rows[which][key]) for rows in found) / len(found)

    gains = [rows["trained"]["accuracy"] - rows["base"]["accuracy"] for rows in found]
    ends = {which: sorted(rows[which]["accuracy"] for rows in found) for which in ("base", "trained")}
    cells = [f"{ends[which][0]:.2f} to {ends[which][-1]:.2f}" for which in ("base", "trained")]
    spread = f"[{min(gains):+.3f}, {max(gains):+.3f}]"
    gain = sum(gains) / len(gains)
    print(
        f"{name:<18} {steps:>5}  {cells[0]:>13} {cells[1]:>13} {mean('trained', 'tokens_per_task'):>6.0f}  "
        f"{gain:>+6.3f} {spread:>16} {seconds:>4.0f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
