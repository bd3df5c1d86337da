"""What a run's length costs: memory and time of compare, report, verify, replay and calibrate, and the growth between.

    python benchmarks/episodes_scale.py [--sizes 1000,10000,100000] [--keep FOLDER]

Each command is a process of its own, started like a user's; its peak is the kernel's (`measured.peak`), its
time is the wall clock's, imports included. The runs are made by `compare` itself: simulated speakers that draw both
branches, four methods without training, so that an episode has five turns and about a thousand bytes. Growth is the
difference of two peaks by the difference of their episodes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METHODS = ("always", "never", "until_approved", "random")
COMMANDS = ("compare", "report", "verify", "replay --episode 5", "replay --json", "calibrate")
_CHILD = """
import contextlib, json, os, sys
sys.path.insert(0, {benchmarks!r})
from measured import peak
from tracer_env.cli.app import main
with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
    code = main({arguments!r})
print(json.dumps([code, peak()]))
"""


def arguments(command: str, run: Path, episodes: int) -> list[str]:
    """Return the command line of one measurement."""
    name, *rest = command.split()
    if name != "compare":
        return [name, str(run), *rest]
    tasks = min(1000, episodes // len(METHODS))
    chosen = ["--scenario", "arithmetic", "--speaker", "simulated", "--methods", ",".join(METHODS), "--seed", "1"]
    return [
        name,
        *chosen,
        "--limit",
        str(tasks),
        "--worlds",
        str(episodes // (tasks * len(METHODS))),
        "--out",
        str(run),
    ]


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command in a process of its own; return (seconds, peak in MB)."""
    code = _CHILD.format(benchmarks=str(Path(__file__).parent), arguments=command)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode or json.loads(done.stdout.splitlines()[-1])[0]:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return seconds, float(json.loads(done.stdout.splitlines()[-1])[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of episodes, rising")
    parser.add_argument("--keep", type=Path, help="folder for the runs (default: a temporary one)")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{'command':<20}" + "".join(f"{size:>12,} episodes" for size in sizes) + "   growth of the last step")
        for command in COMMANDS:
            found = [measure(arguments(command, folder / f"run{size}", size)) for size in sizes]
            cells = "".join(f"{seconds:10.2f} s {peak:6.0f} MB" for seconds, peak in found)
            growth = (found[-1][1] - found[-2][1]) * 1e6 / (sizes[-1] - sizes[-2]) if len(sizes) > 1 else 0.0
            print(f"{command:<20}{cells}   {growth:8.0f} B an episode", flush=True)


if __name__ == "__main__":
    main()
