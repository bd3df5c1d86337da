"""TRACER on nano: the whole method, the paper's six ablations, one more, and what it has to beat, in one table.

    python benchmarks/tracer_ablations.py                     nine variants and two baselines, three seeds
    python benchmarks/tracer_ablations.py --jobs 2            two trainings at a time, one thread each

    base           nano as it ships, one proposal                  (the paper's CoT)
    base, SC 3     the majority of three proposals
    GSPO           a lone proposer, trained by GSPO on the same tasks with as many candidates for each
    GSPO, SC 3     the majority of three of its proposals
    GSPO x5 ...    the same on five times the tasks: at least the candidates that TRACER draws for both roles
    TRACER ...     `trainers.tracer.trainer.VARIANTS`, average policies, candidate 0; choices valued by what they come
                   to less a price for tokens (``--credit``), tables settled on ``--settle`` further tasks of the train
                   split
    ... :one_step  the whole method with the paper's one-step values, tables as they were learnt
    ... :confidence   controllers that see how sure the speaker was as well (``--information``), all else being equal

The paper's six leave out a part of its own method. Confidence is a part that the paper has not, so its ablation "no
confidence" is the whole method, against what it is with it; the last line says what is lost, seed by seed. Any variant
takes the suffix: ``--variants no_vote_state no_vote_state:confidence --information time+confidence:bins=3``.

All are trained on the train split and play the same held-out tasks at temperature 1. Accuracy, tokens (prompt and
completion) and calls a task are means over seeds, with the half width of a 95% t interval over the seeds, and the
differences to the whole method as the paper prints them: points of accuracy, tokens, calls.

Steps, fading, tasks to settle on and the price are what `choose_settings.py` chose on the split tune with seeds 0 and
1; they were judged once, with seeds 3 to 5. The command ``train --method tracer`` fades alike (0.9), but settles
nothing and takes one-step values unless it is told otherwise: trees have to be grown for both, which not every speaker
affords.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_CHANGES = ("one_step", "confidence")
STUDENT_T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""97.5% points of Student's t for 2 to 5 seeds."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--variants", nargs="+", help="only these (default: all)")
    parser.add_argument("--alone", nargs="*", default=["gspo", "gspo5"], help="which of the lone proposers")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--tasks-per-step", type=int, default=16)
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--level", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=1000, help="held-out tasks")
    parser.add_argument("--split", choices=("tune", "test"), default="test", help="where the held-out tasks are from")
    parser.add_argument("--reviews", choices=("balanced", "all"), default="balanced")
    parser.add_argument("--fading", type=float, default=0.9, help="1 forgets nothing, as the paper")
    parser.add_argument("--credit", default="team_minus_tokens:price=2e-4", help="what choices are told to be worth")
    parser.add_argument(
        "--settle", type=int, default=100, help="tasks on whose trees controllers are solved at the end"
    )
    parser.add_argument("--information", default="vote+time+confidence:bins=3", help="what :confidence lets them see")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--path", help="weights of another nano")
    parser.add_argument("--json", type=Path, help="write all figures into this file")
    parser.add_argument("--folder", type=Path, help="keep each training's figures here, and go on from there")
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(_one(options, options.one[0], int(options.one[1]))))
        return 0
    from tracer_env.trainers.tracer.settings import VARIANTS

    changes = {method.partition(":")[2] for method in options.variants or ()} - {"", *_CHANGES}
    if changes:
        parser.error(f"a variant ends with :{' or :'.join(_CHANGES)}, got :{min(changes)}")
    methods = [*(options.variants or [*VARIANTS, "full:one_step", "full:confidence"]), *options.alone]
    jobs = [(method, seed) for method in methods for seed in options.seeds]
    with ThreadPoolExecutor(options.jobs) as pool:
        found = list(pool.map(lambda job: _kept(options.folder, *job), jobs))
    rows: dict[str, list[dict[str, float]]] = {}
    for part in found:
        for name, figures in part.items():
            rows.setdefault(name, []).append(figures)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1))
    _print(rows)
    return 0


def _kept(folder: Path | None, method: str, seed: int) -> dict[str, dict[str, float]]:
    """Return what a training came to, from the folder when an earlier run has left it there."""
    file = None if folder is None else folder / f"{method.replace(':', '-')}-{seed}.json"
    if file is not None and file.is_file():
        kept: dict[str, dict[str, float]] = json.loads(file.read_text())
        return kept
    found = _in_its_own_process(method, seed)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    return found


def _in_its_own_process(method: str, seed: int) -> dict[str, dict[str, float]]:
    command = [sys.executable, __file__, *sys.argv[1:], "--one", method, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{method}, seed {seed} failed:\n{done.stderr}")
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    for name, figures in found.items():
        print(f"  {name}, seed {seed}: " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()), flush=True)
    return found


def _one(options: argparse.Namespace, method: str, seed: int) -> dict[str, dict[str, float]]:
    """Train one method with one seed and play the held-out tasks."""
    import torch

    from tracer_env.scenarios.arithmetic import Arithmetic
    from tracer_env.trainers.gspo.trainer import GSPOTrainer
    from tracer_env.trainers.tracer.settings import VARIANTS, TracerSettings
    from tracer_env.trainers.tracer.trainer import TracerTrainer

    torch.set_num_threads(1)
    # A dialogue of TRACER has up to five groups.
    groups = options.tasks_per_step * (5 if method == "gspo5" else 1)
    config = configured(seed, options.steps, groups, options.generations, options.learning_rate)
    train, test = (Arithmetic(split=split, level=options.level, seed=seed) for split in ("train", options.split))
    speaker = nano(options.path)
    begun = time.perf_counter()
    if method in ("gspo", "gspo5"):
        found = {}
        if method == "gspo":
            found = {"base": _alone(speaker, test, options, 1), "base, SC 3": _alone(speaker, test, options, 3)}
        trained = GSPOTrainer(speaker, train, config, wanted=False).train()
        cost = {"candidates": _drawn(trained.metrics), "seconds": time.perf_counter() - begun}
        name = "GSPO" if method == "gspo" else "GSPO x5"
        for votes, more in ((1, ""), (3, ", SC 3")):
            found[name + more] = {**_alone(speaker, test, options, votes), **cost}
        return found
    name, _, change = method.partition(":")
    one_step: Any = {"credit": "one_step", "settle": 0} if change == "one_step" else {}
    asked: Any = {key: getattr(options, key) for key in ("reviews", "fading", "credit", "settle")} | one_step
    information = options.information if change == "confidence" else None
    settings = TracerSettings(name, information=information, **asked)  # type: ignore[arg-type]  # checked there
    tracer = TracerTrainer(speaker, train, config, settings, wanted=False)
    trained = tracer.train()
    seconds = time.perf_counter() - begun
    row = _dialogues(speaker, test, tracer.controller, VARIANTS[name].information, options)
    return {f"TRACER {method}": {**row, "candidates": _drawn(trained.metrics), "seconds": seconds}}


def configured(seed: int, steps: int, tasks_per_step: int = 16, generations: int = 4, rate: float = 1e-3) -> Any:
    """Return how all of them are trained."""
    from tracer_env.trainers.gspo.config import GSPOConfig

    return GSPOConfig(
        num_generations=generations,
        tasks_per_step=tasks_per_step,
        max_steps=steps,
        steps_per_generation=4,
        epsilon=0.1,
        epsilon_high=0.1,
        learning_rate=rate,
        lr_scheduler_type="linear",
        max_completion_length=48,
        max_batch_tokens=16_384,
        seed=seed,
    )


def nano(path: str | None = None) -> Any:
    """Return the model that all of them begin with, sampling at temperature 1."""
    from tracer_env.agents.speakers.models.nano import Nano

    return Nano(path, temperature=1.0, max_new_tokens=48)


def _drawn(metrics: list[dict[str, Any]]) -> float:
    return float(sum(value for line in metrics for name, value in line.items() if name.endswith("candidates")))


def _alone(speaker: Any, scenario: Any, options: argparse.Namespace, votes: int) -> dict[str, float]:
    """Play one proposal a task, or the majority of several (ties to the first)."""
    from tracer_env.interfaces import Request
    from tracer_env.randomness import stream
    from tracer_env.rules import Rules, initial
    from tracer_env.types import Grade
    from tracer_env.verification.referee import ask

    states = [initial(scenario[index], Rules()) for index in range(options.tasks)]
    requests = [Request(state, state.seat, stream(0, state.task.id), votes) for state in states]
    said = ask(speaker, requests, scenario)
    right = tokens = 0
    for start in range(0, len(said), votes):
        group = said[start : start + votes]
        answers = Counter(one.answer for one in group if one.answer is not None)
        chosen = max(group, key=lambda one: answers.get(one.answer, 0))
        right += chosen.grade is Grade.CORRECT
        tokens += sum(one.tokens for one in group)
    return {"accuracy": right / len(states), "tokens": tokens / len(states), "calls": float(votes)}


def _dialogues(
    speaker: Any, scenario: Any, controller: Any, information: str, options: argparse.Namespace
) -> dict[str, float]:
    from tracer_env.rules import Rules
    from tracer_env.runs.playing import evaluate
    from tracer_env.scenarios.base import TaskList
    from tracer_env.statistics.metrics import summarise

    tasks = TaskList([scenario[index] for index in range(options.tasks)], name="arithmetic")
    blocks = evaluate({"tracer": controller}, tasks, speaker, Rules(), 0, information, counterfactuals="none")
    row = summarise([transcript for block in blocks for transcript in block])
    found = {"accuracy": row.accuracy, "tokens": row.tokens_per_task, "calls": row.calls_per_task}
    others = {"correction": row.correction_rate, "corruption": row.corruption_rate, "reviewer_tpr": row.reviewer_tpr}
    others["reviewer_tnr"] = row.reviewer_tnr
    return found | {name: value for name, value in others.items() if value is not None}


def _print(rows: dict[str, list[dict[str, float]]]) -> None:
    whole = rows.get("TRACER full")
    print(f"\n{'method':32} {'accuracy':>16} {'tokens':>14} {'calls':>12}   against the whole method")
    for name, found in rows.items():
        cells = [_interval([one[key] for one in found], digits) for key, digits in _COLUMNS]
        line = f"{name:32} {cells[0]:>16} {cells[1]:>14} {cells[2]:>12}"
        if whole is not None and name != "TRACER full":
            points, tokens, calls = (_mean(found, key) - _mean(whole, key) for key in ("accuracy", "tokens", "calls"))
            line += f"   {100 * points:+.2f} / {tokens:+,.0f} / {calls:+.2f}"
        print(line)
    for name, seeing in rows.items():
        blind = rows.get(name.removesuffix(":confidence"))
        if name.endswith(":confidence") and blind is not None:
            lost = [
                {key: one[key] - other[key] for key, _ in _COLUMNS} for one, other in zip(blind, seeing, strict=True)
            ]
            cells = ", ".join(f"{key} {_interval([one[key] for one in lost], digits)}" for key, digits in _COLUMNS)
            print(f"no confidence ({name.removesuffix(':confidence')} less {name}, seed by seed): {cells}")


_COLUMNS = (("accuracy", 3), ("tokens", 1), ("calls", 2))


def _mean(found: list[dict[str, float]], key: str) -> float:
    return sum(one[key] for one in found) / len(found)


def _interval(values: list[float], digits: int) -> str:
    mean = sum(values) / len(values)
    if len(values) not in STUDENT_T:
        return f"{mean:.{digits}f}"
    spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return f"{mean:.{digits}f} ± {STUDENT_T[len(values)] * spread / len(values) ** 0.5:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
