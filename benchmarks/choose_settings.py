"""Which settings the benchmarks of training run with: chosen on the split `tune`, on which nothing is judged.

    python benchmarks/choose_settings.py tracer        steps, fading, settle and price of `tracer_ablations.py`
    python benchmarks/choose_settings.py gspo          steps of `gspo_learns.py`, for nano's two roles
    python benchmarks/choose_settings.py tracer --folder choices       keeps what is done, and goes on from there

All train on the train split with seeds 0 and 1 and are looked at on ``--tasks`` tasks of tune; test is for
`tracer_ablations.py` and `gspo_learns.py`, with other seeds (3, 4, 5). The rule was written down before the first run:

    worth     accuracy less 1e-4 for each token of a task (a point of accuracy buys 100 tokens); for gspo_learns the
              accuracy of the role that learns, sampled: a reviewer's balanced accuracy on nano's own proposals
    choice    of all settings whose worth is within 0.01 of the best, the one with the fewest steps, then the fewest
              tasks to settle on, then the dearer token, then the most worth

Shrunk to what half an hour of one core does: TRACER's speakers are trained for 6 and 12 steps without fading and for
12 with 0.9, choices valued at a price of 1e-4. Their tables are then settled for each number of tasks and each price,
on trees of the train split, and valued exactly on trees of tune: a price is tried in settling alone. Ablations have no
settings of their own; they take those of the whole method.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STEPS = {"proposer": (20, 40, 60), "reviewer": (60, 120)}
TRAININGS = ((6, 1.0), (12, 1.0), (12, 0.9))
"""Steps and fading of TRACER."""
SETTLED = (100, 300, 600)
PRICES = (5e-5, 1e-4, 2e-4)
TRADE, WITHIN = 1e-4, 0.01

Row = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("tracer", "gspo"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--tasks", type=int, default=400, help="tasks of tune")
    parser.add_argument("--folder", type=Path, help="where the figures of each training are kept")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(_tracer(options, *json.loads(options.one))))
        return 0
    with tempfile.TemporaryDirectory() as spare:
        folder = options.folder or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        if options.what == "tracer":
            jobs = [[steps, fading, seed] for steps, fading in TRAININGS for seed in options.seeds]
            rows = [row for job in jobs for row in _kept(folder, f"tracer-{job}", _words(options, job))]
            _choose("TRACER", rows, ("steps", "fading", "settle", "price"))
        else:
            for role in ("proposer", "reviewer"):
                rows = [_learnt(folder, role, steps, seed, options) for steps in STEPS[role] for seed in options.seeds]
                _choose(f"GSPO, {role}", rows, ("steps",))
    return 0


def _words(options: argparse.Namespace, job: Sequence[Any]) -> list[str]:
    return [__file__, "tracer", "--tasks", str(options.tasks), "--one", json.dumps(job)]


def _kept(folder: Path, name: str, words: Sequence[str]) -> Any:
    """Return what a process prints as its last line, or what it printed in an earlier run."""
    file = folder / f"{name.replace(' ', '')}.json"
    if not file.is_file():
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr}")
        file.write_text(done.stdout.splitlines()[-1])
        print(f"  {name} done", flush=True)
    return json.loads(file.read_text())


def _learnt(folder: Path, role: str, steps: int, seed: int, options: argparse.Namespace) -> Row:
    """Train a role by GSPO for so many steps, as `gspo_learns.py` does, and return what it comes to on tune."""
    script = str(Path(__file__).with_name("gspo_learns.py"))
    words = [script, "--role", role, "--steps", str(steps), "--split", "tune", "--tasks", str(options.tasks)]
    found = _kept(folder, f"{role}-{steps}-{seed}", [*words, "--threads", "1", "--one", str(seed)])
    worth = found["sampled_after" if role == "proposer" else "reviewer_own_after"]
    return {"steps": steps, "accuracy": worth, "tokens": 0.0, "seconds": found["seconds"]}


def _tracer(options: argparse.Namespace, steps: int, fading: float, seed: int) -> list[Row]:
    """Train TRACER once; settle its tables and value them in every way."""
    import torch
    from tracer_ablations import configured, nano

    from tracer_env.scenarios.arithmetic import Arithmetic
    from tracer_env.trainers.gspo.rollouts import TaskOrder
    from tracer_env.trainers.tracer.settings import TracerSettings
    from tracer_env.trainers.tracer.settling import settle_tables
    from tracer_env.trainers.tracer.trainer import TracerTrainer
    from tracer_env.trees.growth import expand
    from tracer_env.trees.split import take_tasks

    torch.set_num_threads(1)
    config, speaker = configured(seed, steps), nano()
    train, tune = (Arithmetic(split=split, level=2, seed=seed) for split in ("train", "tune"))
    settings = TracerSettings(fading=fading, credit=f"team_minus_tokens:price={TRADE}")
    tracer = TracerTrainer(speaker, train, config, settings, wanted=False)
    tracer.train()
    order, settled = TaskOrder(train, config.tasks_per_step, seed), max(SETTLED)
    ahead = range(steps, steps - (-settled // config.tasks_per_step))
    lessons = [place.task for step in ahead for place in order.of(step)][:settled]
    trees = expand(lessons, speaker, tracer.rules, seed, scenario=train, texts=False)
    looked = [tune[place] for place in range(options.tasks)]
    tests = expand(looked, speaker, tracer.rules, seed, scenario=tune, texts=False)
    rows = []
    for settle in SETTLED:
        for price in PRICES:
            settle_tables(tracer.controller, take_tasks(trees, range(settle)), price)
            found = tests.evaluate(tracer.controller)
            told = {"steps": steps, "fading": fading, "settle": settle, "price": price}
            rows.append({**told, "accuracy": found.accuracy, "tokens": found.tokens_per_task})
    return rows


def _choose(title: str, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Print the mean over seeds for each setting, and the choice."""
    points: dict[tuple[float, ...], list[Row]] = {}
    for row in rows:
        points.setdefault(tuple(row[name] for name in names), []).append(row)
    worths = {}
    print(f"\n{title} on tune\n" + "".join(f"{name:>10}" for name in (*names, "accuracy", "tokens", "worth", "seeds")))
    for point, found in points.items():
        accuracy, tokens = (sum(row[key] for row in found) / len(found) for key in ("accuracy", "tokens"))
        worths[point] = accuracy - TRADE * tokens
        cells = [*(f"{value:>10g}" for value in point), f"{accuracy:>10.3f}", f"{tokens:>10.0f}"]
        print("".join(cells) + f"{worths[point]:>10.4f}" + "   " + ", ".join(f"{row['accuracy']:.3f}" for row in found))
    best = max(worths.values())
    near = [point for point, worth in worths.items() if worth >= best - WITHIN]
    chosen = min(near, key=lambda point: (*_order(dict(zip(names, point, strict=True))), -worths[point]))
    print("chosen: " + ", ".join(f"{name} {value:g}" for name, value in zip(names, chosen, strict=True)), flush=True)


def _order(point: Row) -> tuple[float, ...]:
    return point["steps"], point.get("settle", 0), -point.get("price", 0)


if __name__ == "__main__":
    sys.exit(main())
