"""The paper's tables beside what comes out here: all eight methods, six ablations, correction and preservation.

    python benchmarks/paper_tables.py --models simulated          seconds
    python benchmarks/paper_tables.py --models nano --jobs 2      trainings, three seeds: an hour of two cores
    python benchmarks/paper_tables.py --models smollm2 --test 60 --untrained

Set, and no outcome: for the simulation its lone proposer's accuracy and tokens (the paper's row of chain of thought on
GSM8K) and nothing else; for language models the training's budget of utterances, the same for all methods that train
words, learning rate and lengths of the README's example. Everything else came out, on test tasks on which nothing was
chosen. Figures of the paper are of Qwen2.5-7B-Instruct on GSM8K (arXiv 2605.28699). A trained word costs weights, so
the simulation has the rows of rules and choices alone. Each training is a process of its own in ``--folder``; what is
there already is not done again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, SpeakerConfig, TrainingConfig
from tracer_env.runs.folder import load_run
from tracer_env.statistics.metrics import Row, Tally

TASKS, CANDIDATES = 4, 8


@dataclass(frozen=True)
class Line:
    """A row: its name in the paper, the method, what it trains (utterances a candidate), and the paper's figures."""

    name: str
    method: str
    trains: str = ""
    said: int = 1
    paper: tuple[float | None, ...] = (None, None, None, None)  # accuracy, tokens, calls, agents


MAIN = (
    Line("CoT", "cot", paper=(0.9160, 1355, 1.00, 1)),
    Line("Self-Consistency (10)", "self_consistency:k=10", paper=(0.9240, 13551, 10.00, 1)),
    Line("Single-agent GRPO", "grpo", "grpo", paper=(0.8825, 252, 1.00, 1)),
    Line("Single-agent GSPO", "gspo", "gspo", paper=(0.8741, None, 1.00, 1)),
    Line("MAD", "debate:agents=3,rounds=2", paper=(0.8862, 5909, 6.00, 3)),
    Line("MAGRPO", "magrpo", "magrpo", 5, (0.6960, 1297, 4.00, 2)),
    Line("MAPoRL", "maporl", "maporl", 5, (0.8385, 2099, 4.00, 2)),
    Line("TRACER", "tracer", "tracer", 5, (0.8901, 1014, 3.02, 2)),
)
ABLATIONS = (  # changes against TRACER: accuracy in points, tokens, calls
    Line("no reviewer", "no_reviewer", "tracer", 5, (-6.60, 1201, 1.98)),
    Line("no proposer controller", "no_proposer_controller", "tracer", 5, (-7.51, 498, 0.91)),
    Line("no reviewer GSPO", "no_reviewer_gspo", "tracer", 5, (-7.06, 381, 0.62)),
    Line("no proposer GSPO", "no_proposer_gspo", "tracer", 5, (-6.98, 376, 0.56)),
    Line("no vote state", "no_vote_state", "tracer", 5, (-2.73, 288, 0.30)),
    Line("no iteration state", "no_iteration_state", "tracer", 5, (-4.93, 371, 0.53)),
)
CHOICES = {  # what is left of TRACER and its ablations where words cannot be trained
    "tracer": "regret_matching",
    "no_reviewer": "proposer=regret_matching+reviewer=never",
    "no_proposer_controller": "proposer=always+reviewer=regret_matching",
    "no_vote_state": "regret_matching:information=time_only",
    "no_iteration_state": "regret_matching:information=vote_only",
}
LEVELS = {"simulated": 1, "nano": 2, "smollm2": 1}
LONE = {"skill": 0.9160, "slope": 0.0, "invalid": 0.0, "proposer_tokens": 1205.0, "proposer_prompt_tokens": 150}
"""What the simulation is set to: the accuracy and the tokens of the paper's lone proposer."""


def trainings(
    lines: Sequence[Line], model: str, seed: int, options: argparse.Namespace
) -> list[tuple[Path, list[str]]]:
    """Return folder and command of each training under a seed."""
    found = []
    for line in lines:
        if not line.trains:
            continue
        steps = max(1, round(options.utterances / (TASKS * CANDIDATES * line.said)))
        folder = options.folder / model / f"{line.method}-{seed}"
        settings = [
            *("gspo.learning_rate=1e-3", "gspo.epsilon=0.1", "gspo.max_completion_length=48"),
            *(f"gspo.tasks_per_step={TASKS}", f"gspo.num_generations={CANDIDATES}"),
            *(f"scenario.level={LEVELS[model]}", "training.held_out=0"),
        ]
        if line in ABLATIONS:
            settings.append(f"tracer.variant={line.method}")
        command = [sys.executable, "-m", "tracer_env.cli", "train", "--method", line.trains, "--speaker", model]
        command += ["--scenario", "arithmetic", "--steps", str(steps), "--seed", str(seed), "--out", str(folder)]
        found.append((folder, command + [word for each in settings for word in ("--set", each)]))
    return found


def train(asked: tuple[Path, list[str]]) -> None:
    """Do one training, where it is not done: a folder with adapters has ended."""
    folder, command = asked
    if not (folder / "adapters").is_dir():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        print(f"  trained {folder.name}", file=sys.stderr, flush=True)


def methods(model: str, seed: int, options: argparse.Namespace) -> dict[str, str]:
    """Return what is compared: the name that compare takes, by the row's name."""
    found = {}
    for line in (*MAIN, *ABLATIONS):
        if line.trains and (model == "simulated" or options.untrained):
            if line.method in CHOICES:
                found[line.name] = CHOICES[line.method]
        elif line.trains:
            found[line.name] = f"{line.trains}:run={options.folder / model / f'{line.method}-{seed}'}"
        else:
            found[line.name] = line.method
    return found


def played(model: str, seed: int, options: argparse.Namespace) -> Path:
    """Play all methods on the test tasks under a seed, and return the run's folder."""
    asked = methods(model, seed, options)
    config = Config(
        seed=seed,
        scenario=ScenarioConfig(limit=options.test, seed=0, settings={"level": LEVELS[model]}),
        speaker=SpeakerConfig(name=model, settings=LONE if model == "simulated" else {}),
        training=TrainingConfig(episodes=None if model == "simulated" else 100),
        evaluation=EvaluationConfig(methods=tuple(asked.values()), baseline=asked["TRACER"], batch_size=1024),
    )
    folder: Path = options.folder / model / f"played-{seed}"
    begun = (folder / "config.toml").is_file()
    compare(config, **({"resume": folder} if begun else {"out": folder}))
    return folder


def counted(model: str, folders: Sequence[Path], options: argparse.Namespace) -> list[Row]:
    """Return the rows over all seeds, under the names of the paper."""
    tally = Tally()
    for number, (seed, folder) in enumerate(zip(options.seeds, folders, strict=True)):
        names = {method: name for name, method in methods(model, seed, options).items()}
        for told in load_run(folder).stream():
            tally.add(replace(told, method=names[told.method]), seed=number)
    return tally.rows("TRACER")


def table(model: str, rows: dict[str, Row]) -> None:
    """Print the main table, the ablations, correction and preservation."""
    print(f"\n{model}: came out (paper)")
    print(f"{'method':24}{'accuracy [95%]':>36}{'tokens':>18}{'calls':>15}{'agents':>8}")
    for line in MAIN:
        print(f"{line.name:24}{_cells(rows.get(line.name), line.paper)}")
    whole = rows["TRACER"]
    print(f"\nwithout a part: change against TRACER\n{'':24}{'points':>18}{'tokens':>18}{'calls':>15}")
    for line in ABLATIONS:
        row, (points, tokens, calls, *_) = rows.get(line.name), line.paper
        if row is None:
            print(f"{line.name:24}{'no words are trained here':>36}")
            continue
        gain = (100 * (row.accuracy - whole.accuracy), row.tokens_per_task - whole.tokens_per_task)
        more = row.calls_per_task - whole.calls_per_task
        print(
            f"{line.name:24}{f'{gain[0]:+.1f} ({points:+.2f})':>18}{f'{gain[1]:+,.0f} ({tokens:+,.0f})':>18}"
            f"{f'{more:+.2f} ({calls:+.2f})':>15}"
        )
    print(f"\n{'':24}{'correction':>12}{'preservation':>14}{'sd of seeds':>14}")
    for name, row in rows.items():
        rates = [f"{rate:.3f}" if rate is not None else "-" for rate in (row.correction_rate, row.preservation_rate)]
        spread = "-" if row.spread is None else f"{row.spread:.3f}"
        print(f"{name:24}{rates[0]:>12}{rates[1]:>14}{spread:>14}")


def _cells(row: Row | None, paper: tuple[float | None, ...]) -> str:
    accuracy, tokens, calls, agents = paper
    theirs = "-" if tokens is None else f"{tokens:,.0f}"
    if row is None:
        untrained = f"no words are trained here ({accuracy:.4f})"
        return f"{untrained:>36}{f'({theirs})':>18}{f'({calls:.2f})':>15}{f'({agents})':>8}"
    ends = "" if row.accuracy_ci is None else f" [{row.accuracy_ci[0]:.2f}, {row.accuracy_ci[1]:.2f}]"
    return (
        f"{f'{row.accuracy:.3f}{ends} ({accuracy:.4f})':>36}{f'{row.tokens_per_task:,.0f} ({theirs})':>18}"
        f"{f'{row.calls_per_task:.2f} ({calls:.2f})':>15}{f'{row.agents} ({agents})':>8}"
    )


def main() -> None:
    """Train what is not trained yet, play, and print the tables of each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["simulated", "nano"], choices=list(LEVELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--utterances", type=int, default=1920, help="what each training draws to learn from")
    parser.add_argument("--test", type=int, default=200, help="test tasks")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--untrained", action="store_true", help="rules and choices only: no words are trained")
    parser.add_argument("--folder", type=Path, default=Path("paper-tables"), help="where trainings stand")
    options = parser.parse_args()
    for model in options.models:
        if model != "simulated" and not options.untrained:
            asked = [one for seed in options.seeds for one in trainings((*MAIN, *ABLATIONS), model, seed, options)]
            with ThreadPoolExecutor(options.jobs) as pool:
                list(pool.map(train, asked))
        with ProcessPoolExecutor(min(options.jobs, len(options.seeds))) as pool:
            folders = list(pool.map(partial(played, model, options=options), options.seeds))
        table(model, {row.method: row for row in counted(model, folders, options)})


if __name__ == "__main__":
    main()
