"""What the benchmarks of generation share: memory of a process, and one process for each measurement.

A measurement is a run of the benchmark's own file with ``--side NAME`` added to its options, in a fresh process: the
peak that the kernel keeps cannot be mixed up with another side's. The child prints one line of JSON as its last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["measure", "peak", "ratio", "report", "resident"]


def resident() -> float:
    """Return this process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak() -> float:
    """Return the highest resident memory this process has had, in MB.

    Not ``ru_maxrss``: that one survives ``exec``, and a child would begin with its parent's peak.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def report(found: Mapping[str, Any]) -> None:
    """Print what a child has found."""
    print(json.dumps(dict(found)), flush=True)


def measure(side: str, threads: int) -> dict[str, Any]:
    """Run this very benchmark for one side, with the options it was called with, and return what it found."""
    words = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
    done = subprocess.run(
        [sys.executable, *sys.argv, "--side", side],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **words, **quiet},
    )
    if done.returncode:
        sys.exit(f"the side {side!r} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def ratio(name: str, ours: float, theirs: float, unit: str, wanted: str) -> None:
    """Print one line: what ours takes, what theirs takes, and the quotient."""
    print(f"{name:<34} {ours:10.2f} {unit:<4} {theirs:10.2f} {unit:<4} ratio {ours / theirs:6.2f}   {wanted}")
