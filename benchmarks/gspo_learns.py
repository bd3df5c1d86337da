"""Does GSPO teach a language model to solve and to judge? On two CPU cores, from the shipped `nano` or SmolLM2-135M.

    python benchmarks/gspo_learns.py --model nano       proposer, then reviewer, three seeds; minutes in all
    python benchmarks/gspo_learns.py --model smollm2    the course of 40 steps of 32 candidates, three seeds

nano is measured on held-out tasks before and after: at temperature 1 and greedy, as a reviewer by balanced accuracy
(the mean of the shares of right proposals called RIGHT and of wrong ones called WRONG). SmolLM2, whose start is all
mistakes, is measured by what it samples while it trains: the tasks of each step are new to it. Each seed runs in a
process of its own, so that time and peak memory are its own. nano's steps are what `choose_settings.py` chose on the
split tune with seed 0; the command ``train --method gspo`` has other defaults, made for larger models (40 steps of 4
tasks, a tenth of the learning rate). ``--picture FILE`` draws the courses.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STEPS = {("nano", "proposer"): 40, ("nano", "reviewer"): 120, ("smollm2", "proposer"): 40}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("nano", "smollm2"), default="nano")
    parser.add_argument("--role", choices=("both", "proposer", "reviewer"), default="both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--steps", type=int, help="training steps (default: 40 or 120 for nano's roles, 40)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=400, help="held-out tasks nano is measured on")
    parser.add_argument("--split", choices=("tune", "test"), default="test", help="where the held-out tasks are from")
    parser.add_argument("--set", action="append", default=[], help="a setting of GSPO, e.g. learning_rate=1e-4")
    parser.add_argument("--path", help="weights of another nano")
    parser.add_argument("--picture", type=Path, help="draw the courses into this .png or .svg file")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    roles = ["proposer", "reviewer"] if options.role == "both" else [options.role]
    if options.model == "smollm2" and "reviewer" in roles[:1]:
        parser.error("smollm2 is trained as a proposer here; leave out --role reviewer")
    if options.one is not None:
        print(json.dumps(_trained(options, roles[0], options.one)))
        return 0
    courses: dict[str, list[list[float]]] = {}
    for role in roles if options.model == "nano" else roles[:1]:
        found = [_in_its_own_process(role, seed) for seed in options.seeds]
        courses[role] = [one["course"] for one in found]
        _print(options.model, role, found)
    if options.picture is not None:
        _draw(courses, options)
    return 0


def _in_its_own_process(role: str, seed: int) -> dict[str, Any]:
    command = [sys.executable, __file__, *sys.argv[1:], "--role", role, "--one", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"seed {seed} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  seed {seed}: " + "  ".join(f"{k} {v:.3f}" for k, v in found.items() if isinstance(v, float)), flush=True)
    return found


def _trained(options: argparse.Namespace, role: str, seed: int) -> dict[str, Any]:
    """Train one seed and return its figures."""
    import torch

    from tracer_env.specs import parse_value
    from tracer_env.trainers.gspo.finetune import LoRA
    from tracer_env.trainers.gspo.trainer import GSPOConfig, GSPOTrainer

    torch.set_num_threads(options.threads)
    start = _memory()
    settings: dict[str, Any] = {
        **_settings(options.model, role),
        "max_steps": options.steps or STEPS[options.model, role],
        "seed": seed,
    }
    for text in options.set:
        key, _, value = text.partition("=")
        settings[key] = parse_value(value)
    config = GSPOConfig.from_data(settings)
    speaker = _speaker(options, config)
    tasks = _mixed("train", options, seed)
    trainer = GSPOTrainer(speaker, tasks, config, role=role, finetune=LoRA(r=16, alpha=32))
    before = _measured(speaker, options, seed) if options.model == "nano" else {}
    begun = time.perf_counter()
    result = trainer.train()
    seconds = time.perf_counter() - begun
    after = _measured(speaker, options, seed) if options.model == "nano" else {}
    course = [float(line["accuracy"]) for line in result.metrics]
    apart = {
        name: max(float(line[name]) for line in result.metrics)
        for name in ("probe_difference", "old_logps_drift_max")
        if name in result.metrics[-1]
    }
    return {
        **{f"{name}_before": value for name, value in before.items()},
        **{f"{name}_after": value for name, value in after.items()},
        "first_ten": sum(course[:10]) / len(course[:10]),
        "last_ten": sum(course[-10:]) / len(course[-10:]),
        "seconds": seconds,
        "peak_mb": float(_memory()),
        "peak_above_start_mb": float(_memory() - start),
        **apart,
        "course": course,
    }


def _settings(model: str, role: str) -> dict[str, Any]:
    if model == "nano":
        return {
            "tasks_per_step": 32,
            "num_generations": 8,
            "steps_per_generation": 4,
            "epsilon": 0.1,
            "epsilon_high": 0.1,
            "learning_rate": 1e-3,
            "lr_scheduler_type": "linear",
            "max_completion_length": 48,
            "max_batch_tokens": 16_384,
        }
    return {
        "tasks_per_step": 4,
        "num_generations": 8,
        "steps_per_generation": 2,
        "epsilon": 0.1,
        "epsilon_high": 0.1,
        "learning_rate": 2e-4,
        "max_completion_length": 32,
    }


def _mixed(split: str, options: argparse.Namespace, seed: int, count: int = 10_000) -> Any:
    """Return arithmetic of level 1, and for nano of levels 1 and 2 in turn: what was in its schooling."""
    from tracer_env.scenarios.arithmetic import Arithmetic
    from tracer_env.scenarios.base import TaskList

    levels = [Arithmetic(split=split, level=level, seed=seed, size=10_000) for level in (1, 2)]
    if options.model == "smollm2":
        return levels[0]
    return TaskList([levels[at % 2][at // 2] for at in range(count)], name="arithmetic")


def _speaker(options: argparse.Namespace, config: Any) -> Any:
    from tracer_env.parts.casting import make_speaker

    length = config.max_completion_length
    if options.model == "nano":
        return make_speaker("nano", temperature=config.temperature, max_new_tokens=length, path=options.path)
    return make_speaker("smollm2", temperature=config.temperature, max_new_tokens=length, examples=2)


def _measured(speaker: Any, options: argparse.Namespace, seed: int) -> dict[str, float]:
    """Measure nano as it now is on held-out tasks."""
    from tracer_env.agents.speakers.models.nano import Nano
    from tracer_env.trainers.nano.evaluation import figures

    cold = Nano(options.path, temperature=0.0, max_new_tokens=speaker.max_new_tokens)
    cold.adapters, cold.engine = dict(speaker.adapters), speaker.engine
    found = figures(speaker, cold, _mixed(options.split, options, seed, options.tasks))
    return {name: found[name] for name in ("sampled", "greedy", "reviewer", "reviewer_greedy", "reviewer_own")}


def _print(model: str, role: str, found: list[dict[str, Any]]) -> None:
    names = [name for name in found[0] if name != "course"]
    print(f"{model}, {role}, {len(found)} seeds: mean (lowest to highest)")
    for name in names:
        values = [one[name] for one in found]
        mean = sum(values) / len(values)
        digits = 0 if name.endswith(("seconds", "_mb")) else 3
        print(f"  {name:24} {mean:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})", flush=True)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _draw(courses: dict[str, list[list[float]]], options: argparse.Namespace) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for colour, (role, lines) in zip(("tab:blue", "tab:orange"), courses.items(), strict=False):
        for seed, line in zip(options.seeds, lines, strict=True):
            smooth = [
                sum(line[max(0, at - 4) : at + 1]) / len(line[max(0, at - 4) : at + 1]) for at in range(len(line))
            ]
            axes.plot(range(1, len(line) + 1), line, color=colour, alpha=0.2, linewidth=0.8)
            axes.plot(range(1, len(line) + 1), smooth, color=colour, label=role if seed == options.seeds[0] else None)
    axes.set(
        xlabel="training step", ylabel="share right of the candidates", ylim=(0, 1), title=f"GSPO on {options.model}"
    )
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(options.picture, dpi=130)
    print(options.picture)


if __name__ == "__main__":
    sys.exit(main())
