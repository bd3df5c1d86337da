"""Make the recording that comes with the package: what `nano` says at every choice on level-1 sums, with its signals.

    python benchmarks/make_recording.py --out FOLDER          minutes; --resume goes on after an interruption
    python benchmarks/make_recording.py --out FOLDER --speaker smollm2 --tasks 200 --worlds 1 --max-new-tokens 48

The tasks are the first of the arithmetic scenario's test split at level 1, which no nano was trained on; questions that
come twice are taken once. Signals are rounded to float16, which tells them apart well enough and halves the folder;
everything else is as `tracer-env expand` leaves it. `scenarios.recorded` divides the tasks into train, tune and test by
their hashes, so a handful of tasks may leave one of them empty: it is said, and the recording stands all the same.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import tracer_env
from tracer_env.errors import ConfigError, UserError
from tracer_env.scenarios.recorded import RecordedTasks
from tracer_env.terminal.bars import reporting
from tracer_env.trees.run import expand_run
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import SIGNALS


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--speaker", default="nano")
    parser.add_argument("--tasks", type=int, default=1300)
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--max-new-tokens", type=int, help="of an utterance; 48 for smollm2, whose longer texts ramble")
    given = parser.parse_args()
    if given.tasks < 1:
        parser.error(f"--tasks must be at least 1, got {given.tasks}")
    try:
        _made(given)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _made(given: argparse.Namespace) -> None:
    """Grow the trees, save them and say what is in them."""
    first = {}
    for task in tracer_env.make_scenario("arithmetic", split="test", level=1, size=2 * given.tasks):
        first.setdefault(task.question, task)
    tasks = tracer_env.make_scenario(list(first.values())[: given.tasks])
    raw = given.out.with_name(f"{given.out.name}-raw")
    if raw.exists() and not given.resume:
        raise ConfigError(f"{raw} holds what an earlier call has grown; go on with --resume, or choose another --out")
    limit = {} if given.max_new_tokens is None else {"max_new_tokens": given.max_new_tokens}
    with reporting() as reporter:
        grown = expand_run(
            tasks,
            tracer_env.make_speaker(given.speaker, **limit) if limit else given.speaker,
            worlds=given.worlds,
            out=raw,
            resume=given.resume,
            tasks_at_once=50,
            reporter=reporter,
        )
    rounded(replace(grown, split="test")).save(given.out)
    counts = {split: _count(given.out, split) for split in ("train", "tune", "test")}
    for split, count in counts.items():
        print(f"{split:6} {count:,} tasks")
    print(f"{sum(file.stat().st_size for file in given.out.iterdir()):,} bytes")
    if empty := [split for split, count in counts.items() if not count]:
        print(f"no task falls on {' or '.join(empty)}: more --tasks are needed to train on this recording and compare")


def _count(folder: Path, split: str) -> int:
    """Return how many tasks of a recording are in a split."""
    try:
        return len(RecordedTasks(str(folder), split=split))
    except ConfigError:  # none is
        return 0


def rounded(trees: DialogueTrees) -> DialogueTrees:
    """Return the trees with each signal rounded to float16."""
    levels = tuple(
        replace(level, **{name: getattr(level, name).astype(np.float16).astype(np.float32) for name in SIGNALS})
        for level in trees.levels
    )
    return replace(trees, levels=levels)


if __name__ == "__main__":
    sys.exit(main())
