"""The long attack on everything that promises to hold: kills, full disks, links, fuzzed files and environments.

    python benchmarks/torture.py                 all sweeps, under an hour on two cores
    python benchmarks/torture.py --quick         the short form, which the tests run too
    python benchmarks/torture.py --seed 7 --only runs,turns

Each sweep is a file ``torture_NAME.py`` with ``sweep(seed, quick) -> counts``; it runs in a process of its own, two at
a time, and prints one line: what it did, how often, and how many failures it found (each told on stderr when it is
found). The exit code is 1 when anything failed, a sweep that is missing or that raised included. The same seed makes
the same attacks; moments of kills hang on the clock as well.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

SWEEPS = {
    "runs": "kill -9 at random moments, full disks, seeds and threads: a run ends in the same bytes",
    "turns": "random environments: every view agrees step by step, forks continue alike",
    "folders": "links in every folder, a kill at every file operation, many processes on one folder",
    "episodes": "episodes missing, doubled, altered or foreign are found; a hundred thousand are quick to read",
    "readers": "mutated files of every kind: one line, no traceback, nothing unbounded",
    "trust": "what files and names may not do: import, paste, steer a terminal",
    "parts": "speakers, controllers, rewards and workers that misbehave",
}


def run(name: str, seed: int, quick: bool) -> tuple[dict[str, int], float]:
    """Run one sweep in this process; return its counts and the seconds it took."""
    sys.path.insert(0, str(Path(__file__).parent))
    start = time.monotonic()
    counts = importlib.import_module(f"torture_{name}").sweep(seed, quick)
    return dict(counts), time.monotonic() - start


def line(name: str, counts: dict[str, int], seconds: float) -> str:
    """Return the line of one sweep."""
    done = ", ".join(f"{number:,} {what}" for what, number in counts.items() if what != "failures")
    return f"{name:9} {done or 'nothing done'}: {counts.get('failures', 0)} failures, {seconds:.0f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the short form: under a minute on two cores")
    parser.add_argument("--only", default=",".join(SWEEPS), help=f"some of: {', '.join(SWEEPS)}")
    parser.add_argument("--jobs", type=int, default=2, help="sweeps at once")
    given = parser.parse_args()
    names = given.only.split(",")
    if unknown := [name for name in names if name not in SWEEPS]:
        parser.error(f"unknown sweep {unknown[0]!r}; choose from {', '.join(SWEEPS)}")
    start, total, broken = time.monotonic(), Counter[str](), 0
    print(f"torture, seed {given.seed}: {', '.join(names)}", flush=True)
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = {pool.submit(run, name, given.seed, given.quick): name for name in names}
        while waiting:
            for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                broken += not _told(waiting.pop(done), done, total)
    failures = total.pop("failures", 0) + broken
    seconds = time.monotonic() - start
    print(f"all       {', '.join(f'{number:,} {what}' for what, number in total.items())}")
    print(f"{failures} failures in {seconds:.0f} s", flush=True)
    return 1 if failures else 0


def _told(name: str, done: Future[tuple[dict[str, int], float]], total: Counter[str]) -> bool:
    """Print a sweep's line and add its counts; return False when it could not be run to its end."""
    try:
        counts, seconds = done.result()
    except ModuleNotFoundError as error:
        print(f"{name:9} is not there: {error}", flush=True)
        return False
    except Exception as error:
        print(f"{name:9} ended by {type(error).__name__}: {error}", flush=True)
        return False
    total.update(counts)
    print(line(name, counts, seconds), flush=True)
    return True


if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
