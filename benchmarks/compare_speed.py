"""A long comparison here and in another checkout: episodes a second, bytes of the folder, and what the run costs later.

    git worktree add ../before 80253dc
    python benchmarks/compare_speed.py --against ../before [--episodes 100000] [--pairs 3]

`compare` plays four methods without training on simulated words that draw both branches (as `episodes_scale.py`), in a
process of its own, the checkouts in turn; what is printed is the middle of the pairs, by the wall clock and by the
processor time of the process, imports in both. On the last pair's runs follow the sizes of the folders, and once each,
a finished run resumed, its report and the replay of one episode: seconds, processor seconds, peak memory. The exit code
is 1 where a bound of this benchmark is missed: three times the episodes a second (by processor time, which other work
on the machine disturbs least), half the bytes, a report in 60 seconds, a replay in one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

METHODS = ("always", "never", "until_approved", "random")
HERE = Path(__file__).parents[1]
FASTER, SMALLER, REPORT, REPLAY = 3.0, 0.5, 60.0, 1.0
_CHILD = """
import contextlib, json, os, sys, time
sys.path.append({benchmarks!r})
from measured import peak
try:
    from tracer_env.cli.app import main
except ModuleNotFoundError:  # a checkout whose command line is one file
    from tracer_env.cli import main
with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
    code = main({arguments!r})
print(json.dumps([code, time.process_time(), peak()]))
"""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    processor: float  # seconds
    peak: float  # MB


def cost(checkout: Path, *arguments: str) -> Cost:
    """Run a command line in a checkout, in a process of its own with one thread; stop where it fails."""
    code = _CHILD.format(benchmarks=str(Path(__file__).parent), arguments=list(arguments))
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env={**os.environ, **single}, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else [1, 0.0, 0.0]
    if found[0]:
        sys.exit(f"{' '.join(arguments)} failed in {checkout}:\n{done.stderr[-2000:]}")
    return Cost(seconds, found[1], found[2])


def played(checkout: Path, run: Path, episodes: int) -> Cost:
    """Play a run anew."""
    shutil.rmtree(run, ignore_errors=True)
    tasks = min(1000, episodes // len(METHODS))
    worlds = episodes // (tasks * len(METHODS))
    asked = ("--scenario", "arithmetic", "--speaker", "simulated", "--methods", ",".join(METHODS), "--seed", "1")
    return cost(checkout, "compare", *asked, "--limit", str(tasks), "--worlds", str(worlds), "--out", str(run))


def size(run: Path) -> int:
    """Return the bytes of all files of a folder."""
    return sum(path.stat().st_size for path in run.rglob("*") if path.is_file())


def compared(against: Path, folder: Path, episodes: int, pairs: int) -> tuple[float, float]:
    """Play the pairs, print their middle, and return the ratios by the wall clock and by processor time."""
    costs: dict[Path, list[Cost]] = {HERE: [], against: []}
    for pair in range(pairs):
        for checkout in (HERE, against) if pair % 2 else (against, HERE):
            costs[checkout].append(played(checkout, folder / ("here" if checkout == HERE else "there"), episodes))
    ratios = []
    for name in ("seconds", "processor"):
        mine, theirs = ([getattr(each, name) for each in costs[checkout]] for checkout in (HERE, against))
        found = [their / my for my, their in zip(mine, theirs, strict=True)]
        speeds = [episodes / statistics.median(each) for each in (mine, theirs)]
        ratios.append(statistics.median(found))
        print(
            f"compare, by {'wall clock' if name == 'seconds' else 'processor time':<15}{speeds[0]:>9,.0f} /s "
            f"{speeds[1]:>9,.0f} /s   ratio {ratios[-1]:.2f} ({min(found):.2f} to {max(found):.2f})",
            flush=True,
        )
    peaks = [max(each.peak for each in costs[checkout]) for checkout in (HERE, against)]
    print(f"{'compare, peak':<27}{peaks[0]:>9,.0f} MB {peaks[1]:>9,.0f} MB   ratio {peaks[0] / peaks[1]:.2f}")
    return ratios[0], ratios[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--against", type=Path, required=True, help="the other checkout")
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args()
    against = given.against.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(f"{given.episodes:,} episodes{'':12}{'here':>14}{'there':>13}")
        _, faster = compared(against, folder, given.episodes, given.pairs)
        sizes = [size(folder / name) for name in ("here", "there")]
        smaller = sizes[0] / sizes[1]
        print(f"{'folder':<27}{sizes[0] / 1e6:>9,.1f} MB {sizes[1] / 1e6:>9,.1f} MB   ratio {smaller:.3f}")
        found = {}
        for name in ("compare --resume", "report", "replay --episode 5"):
            command, *options = name.split()
            order = [command, *options] if options == ["--resume"] else [command]
            found[name] = [
                cost(checkout, *order, str(folder / run), *(options if order == [command] else ()))
                for checkout, run in ((HERE, "here"), (against, "there"))
            ]
            mine, theirs = found[name]
            print(
                f"{name:<27}{mine.seconds:>9.2f} s  {theirs.seconds:>9.2f} s    processor {mine.processor:.2f} s and "
                f"{theirs.processor:.2f} s, peak {mine.peak:.0f} MB and {theirs.peak:.0f} MB",
                flush=True,
            )
    missed = {
        f"{FASTER:g} times the episodes a second": faster < FASTER,
        f"{SMALLER:g} of the bytes": smaller > SMALLER,
        f"a report in {REPORT:g} s": found["report"][0].seconds > REPORT,
        f"a replay in {REPLAY:g} s": found["replay --episode 5"][0].seconds > REPLAY,
    }
    for bound in (bound for bound, is_missed in missed.items() if is_missed):
        print(f"missed: {bound}")
    sys.exit(any(missed.values()))


if __name__ == "__main__":
    main()
