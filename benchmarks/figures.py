"""Whether what is stated still comes out: runs the scripts behind the figures of README, CHANGELOG and docs.

    python benchmarks/figures.py                    the quick ones (`make figures`), a few minutes
    python benchmarks/figures.py --kind long        those that take minutes each; `training` those that train models
    python benchmarks/figures.py --only paired-trees,vector-ratio

`figures.toml` names for each figure its script, the pattern that finds it in the output, the value that is stated and
how far off it may come out. In the texts a mark that shows nothing follows a figure, ``0.040<!--paired-played-->``;
`tests/test_figures.py` holds marks and entries together. Exit code 1 when a figure is not found, or is off.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = ("quick", "long", "training")
PICKS = {"first": lambda found: found[0], "last": lambda found: found[-1], "least": min, "most": max}


@dataclass(frozen=True)
class Figure:
    """One stated figure. ``off`` is how far off it may be, as a share of the value."""

    name: str
    command: str  # a script of benchmarks/ with its options, or a command of tracer-env
    find: str  # a pattern with one group
    value: str  # as it is stated
    off: float
    kind: str = "quick"
    pick: str = "first"  # of several places that fit

    def found_in(self, output: str) -> float | None:
        """Return the figure in an output, None where the pattern finds nothing."""
        numbers = [number(text) for text in re.findall(self.find, output, re.MULTILINE)]
        return PICKS[self.pick](numbers) if numbers else None

    def holds(self, found: float | None) -> bool:
        """Whether what was found is what is stated, within what is allowed."""
        stated = number(self.value)
        return found is not None and abs(found - stated) <= self.off * abs(stated) + 1e-12


def number(text: str) -> float:
    """Read a figure as people write it: ``1,462``, ``−0.71``, ``38``."""
    return float(text.replace(",", "").replace("−", "-"))


def read(path: Path = ROOT / "benchmarks" / "figures.toml") -> list[Figure]:
    """Return the figures of a file; raises ValueError for an entry that makes no sense."""
    figures = [Figure(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["figure"]]
    for one in figures:
        if one.kind not in KINDS or one.pick not in PICKS or not 0 <= one.off < 1 or re.compile(one.find).groups != 1:
            raise ValueError(f"figure {one.name!r}: kind, pick, off or find makes no sense")
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="quick")
    parser.add_argument("--only", help="names, comma separated, of any kind")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else None
    asked = [one for one in read() if (one.kind == given.kind if names is None else one.name in names)]
    if names is not None and (unknown := set(names) - {one.name for one in asked}):
        parser.error(f"there is no figure {sorted(unknown)[0]!r} in figures.toml")
    outputs: dict[str, str] = {}
    wrong = 0
    print(f"{'figure':<24} {'stated':>10} {'found':>12} {'allowed':>8}")
    for one in asked:
        if one.command not in outputs:
            outputs[one.command] = run(one.command)
        found = one.found_in(outputs[one.command])
        wrong += not one.holds(found)
        shown = "none" if found is None else f"{found:g}"
        mark = "" if one.holds(found) else "  OFF"
        print(f"{one.name:<24} {one.value:>10} {shown:>12} {one.off:>8.1%}{mark}", flush=True)
    print(f"{len(asked)} figures, {wrong} off")
    return 1 if wrong else 0


def run(command: str) -> str:
    """Return what a command prints on stdout; a failure is told in its place."""
    first, *rest = command.split()
    start = ["-m", "tracer_env.cli"] if first == "tracer-env" else [f"benchmarks/{first}"]
    width = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *start, *rest], cwd=ROOT, env=width, capture_output=True, text=True)
    if done.returncode:
        print(f"{command} ended with {done.returncode}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
