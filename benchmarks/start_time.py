"""How long ``tracer-env --help`` and ``--version`` take, from the start of Python to its end.

    python benchmarks/start_time.py                        beside a bare Python
    python benchmarks/start_time.py --against CHECKOUT     beside another checkout, with the ratio

Both run by the Python of this script, from their checkouts' files, turn about; printed are medians of ``--pairs`` runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CALL = """
import sys
sys.argv = ["tracer-env", {flag!r}]
try:
    from tracer_env.cli.app import entry
except ImportError:  # an older checkout
    from tracer_env.cli import entry
entry()
"""


def seconds(code: str, checkout: Path | None = None) -> float:
    """Run a program once, with the packages of this Python and the files of a checkout."""
    aside = "import sys\nsys.meta_path[:] = [each for each in sys.meta_path if 'editable' not in repr(each).lower()]\n"
    place = {} if checkout is None else {"PYTHONPATH": str(checkout)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", aside + code], env={**os.environ, **place}, capture_output=True, check=False, cwd="/"
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="the time to the first answer")
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--pairs", type=int, default=15)
    asked = parser.parse_args()
    other = None if asked.against is None else asked.against.resolve()
    for flag in ("--version", "--help"):
        mine, theirs = [], []
        for _ in range(asked.pairs):
            mine.append(seconds(CALL.format(flag=flag), ROOT))
            theirs.append(seconds("pass") if other is None else seconds(CALL.format(flag=flag), other))
        name = "a bare Python" if other is None else "the other checkout"
        ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
        print(f"{flag:9}  {statistics.median(mine):.3f} s, {name} {statistics.median(theirs):.3f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
