"""Does GSPO learn the same whether vLLM draws the candidates or the model that trains? nano, three seeds, both ways.

    python benchmarks/vllm_environment.py DIR -- benchmarks/gspo_vllm.py [--role reviewer] [--seeds 3 4 5] [--steps 40]

Each training is one of `gspo_learns.py` in a process of its own, with ``engine`` hf or vllm. Compared are the shares
right of the last ten steps and of held-out tasks afterwards: the means of both ways, and the range of the seeds. Also
told: the largest difference of a probe and of old log-probabilities in any step.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LEARNS = Path(__file__).with_name("gspo_learns.py")


def trained(asked: argparse.Namespace, engine: str, seed: int) -> dict[str, Any]:
    command = [sys.executable, str(LEARNS), "--model", "nano", "--role", asked.role, "--one", str(seed)]
    command += ["--steps", str(asked.steps), "--threads", str(asked.threads), "--tasks", str(asked.tasks)]
    done = subprocess.run([*command, "--set", f"engine={engine}"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{engine}, seed {seed} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    shown = "  ".join(f"{name} {value:.3g}" for name, value in found.items() if isinstance(value, float))
    print(f"{engine:<5} seed {seed}: {shown}", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--role", choices=("proposer", "reviewer"), default="reviewer")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    runs: dict[str, list[dict[str, Any]]] = {"hf": [], "vllm": []}
    for seed in asked.seeds:
        for engine, found in runs.items():
            found.append(trained(asked, engine, seed))
    held = "reviewer_after" if asked.role == "reviewer" else "sampled_after"
    sound = True
    for name in ("last_ten", held):
        hf, vllm = ([one[name] for one in runs[engine]] for engine in ("hf", "vllm"))
        means = [sum(each) / len(each) for each in (hf, vllm)]
        spread = max(max(each) - min(each) for each in (hf, vllm))
        within = abs(means[0] - means[1]) <= spread
        sound = sound and within
        print(
            f"{name:<16} hf {means[0]:.3f} ({min(hf):.3f} to {max(hf):.3f})   vllm {means[1]:.3f} ({min(vllm):.3f} to "
            f"{max(vllm):.3f})   apart {abs(means[0] - means[1]):.3f}, spread {spread:.3f}",
            "" if within else "NOT WITHIN",
        )
    for name in ("probe_difference", "old_logps_drift_max"):
        print(f"{name}, the largest of all steps: {max(one[name] for one in runs['vllm']):.2g} nats")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
