"""How often intervals over tasks and seeds hold the truth, and how often nothing is taken for something.

In each cell 2,000 comparisons are drawn: S seeds train, and all play the same n tasks. Task t is right under seed s
with a chance whose log-odds are a constant, what the task adds, what the seed adds, and what only the two together add.
Seeds are drawn in two ways: normal, and `silent` (one training in five learns much less). Tokens are log-normal, with
the same parts. The functions are those that `compare --seeds` calls.

    share        a method that each seed trains, on its own: coverage, and width by 3.92 standard errors
    difference   the same method less a fixed rule on the same tasks, played once: coverage and width
    p < .05      two methods that each seed trains, alike in the mean over seeds: how often p stays below 0.05
    tokens       log-normal lengths by task and seed

Wanted: coverage of at least 93%, 90% where seeds or lengths are skewed, less three errors of the simulation; p below
0.05 in at most 6%. What intervals of tasks alone would cover stands beside it. Where one training in five is silent, up
to five seeds often show none that is (0.8^5 = 0.33), and no interval made of them knows: these cells are `warned`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from tracer_env.statistics.means import mean_interval
from tracer_env.statistics.paired import difference_interval, sign_flip_p
from tracer_env.statistics.seeds import less_sure, wider
from tracer_env.statistics.shares import share_interval

Floats = NDArray[np.float64]
TASKS, SEEDS = (50, 200), (2, 3, 5, 10)
SPREADS = (0.0, 0.2, 0.6)  # standard deviation of log-odds between seeds
KINDS = ("normal", "silent")
LEVEL = 1.5  # log-odds of a task of the middle


@dataclass(frozen=True)
class Cell:
    """One line: what, where, coverage with and without the seeds, width, and what is short."""

    what: str
    tasks: int
    seeds: int
    spread: float
    kind: str
    covered: float
    alone: float
    width: float
    faults: str

    def __str__(self) -> str:
        where = f"{self.what:<11}{self.tasks:>4} tasks {self.seeds:>3} seeds  sd {self.spread:<4g}{self.kind:<7}"
        return f"{where} {self.covered:.3f} (tasks alone {self.alone:.3f})  {self.width:.2f}  {self.faults}"


def of_seeds(rng: np.random.Generator, kind: str, spread: float, shape: tuple[int, ...]) -> Floats:
    """Draw what seeds add, with mean 0 and this standard deviation."""
    if kind == "normal":
        return spread * rng.standard_normal(shape)
    silent = rng.random(shape) < 0.2
    return spread * np.where(silent, -2.0, 0.5)


def chances(
    rng: np.random.Generator, kind: str, spread: float, number: int, tasks: int, seeds: int, task: Floats | None = None
) -> Floats:
    """Draw the chance of each task under each seed, (number, n, S)."""
    task = 1.5 * rng.standard_normal((number, tasks, 1)) if task is None else task
    both = (0.5 * spread) * rng.standard_normal((number, tasks, seeds))
    return 1 / (1 + np.exp(-(LEVEL + task + of_seeds(rng, kind, spread, (number, 1, seeds)) + both)))


@cache
def truth(kind: str, spread: float) -> float:
    """Return the mean chance over tasks and seeds, from four million draws."""
    return float(chances(np.random.default_rng(1), kind, spread, 1000, 400, 10).mean())


def _cell(
    what: str, place: tuple[int, int, float, str], seen: Floats, both: Floats, alone: Floats, true: float
) -> Cell:
    tasks, seeds, spread, kind = place
    hit, before = (((x[:, 0] <= true) & (true <= x[:, 1])).mean() for x in (both, alone))
    least = 0.9 if kind == "silent" or what == "tokens" else 0.93
    short = hit < least - 3 * sqrt(least * (1 - least) / len(seen))
    width = (both[:, 1] - both[:, 0]).mean() / (3.92 * seen.std())
    fault = ("warned" if kind == "silent" and seeds <= 5 else "short") if short else ""
    return Cell(what, tasks, seeds, spread, kind, float(hit), float(before), float(width), fault)


def shares(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """A method on its own."""
    for place in product(TASKS, SEEDS, SPREADS, KINDS):
        tasks, seeds, spread, kind = place
        right = rng.random((number, tasks, seeds)) < chances(rng, kind, spread, number, tasks, seeds)
        seen, alone = right.mean((1, 2)), share_interval(right.sum(2), seeds)
        yield _cell("share", place, seen, wider(alone, seen, right, 0.0), alone, truth(kind, spread))


def differences(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """The same less a fixed rule, played once on the same words: right nine times of ten that the task alone is."""
    for place in product(TASKS, SEEDS, SPREADS, KINDS):
        tasks, seeds, spread, kind = place
        luck, task = rng.random((number, tasks, 1)), 1.5 * rng.standard_normal((number, tasks, 1))
        chance = chances(rng, kind, spread, number, tasks, seeds, task)
        rule = luck < 0.9 / (1 + np.exp(-LEVEL - task))
        change = (luck < chance).astype(np.int8) - rule
        seen = change.mean((1, 2))
        alone = difference_interval((change > 0).sum(2), (change < 0).sum(2), seeds)
        yield _cell(
            "difference",
            place,
            seen,
            wider(alone, seen, change, -1.0),
            alone,
            truth(kind, spread) - 0.9 * truth(kind, 0.0),
        )


def alarms(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Two methods of equal means: how often p, with the seeds and by tasks alone, stays below 0.05."""
    for place in product(TASKS, SEEDS, SPREADS, KINDS):
        tasks, seeds, spread, kind = place
        task = 1.5 * rng.standard_normal((number, tasks, 1))
        either = [
            rng.random((number, tasks, seeds))
            < 1 / (1 + np.exp(-(LEVEL + task + of_seeds(rng, kind, spread, (number, 1, seeds)))))
            for _ in range(2)
        ]
        change = either[0].astype(np.int8) - either[1]
        seen, up, down = change.mean((1, 2)), (change > 0).sum(2), (change < 0).sum(2)
        alone, p = difference_interval(up, down, seeds), sign_flip_p(up - down)
        both = wider(alone, seen, change, -1.0)
        told = np.array([less_sure(*each) for each in zip(p, map(tuple, alone), map(tuple, both), seen, strict=True)])
        often, before = float((told < 0.05).mean()), float((p < 0.05).mean())
        yield Cell("p < .05", tasks, seeds, spread, kind, often, before, 1.0, "often" * (often > 0.06))


def lengths(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Tokens a task."""
    for place in product(TASKS, SEEDS, SPREADS, KINDS):
        tasks, seeds, spread, kind = place
        noise = 0.5 * rng.standard_normal((number, tasks, 1)) + 0.3 * rng.standard_normal((number, tasks, seeds))
        y = np.exp(noise) * (1 + 0.3 * of_seeds(rng, kind, spread, (number, 1, seeds)))
        seen, alone = y.mean((1, 2)), mean_interval(y.sum(2), seeds)
        yield _cell("tokens", place, seen, wider(alone, seen, y), alone, float(np.exp(0.5 * (0.25 + 0.09))))


def main() -> None:
    """Print every cell that falls short, and a summary of each part."""
    parser = argparse.ArgumentParser(description="Coverage of intervals over tasks and seeds, and false alarms.")
    parser.add_argument("--simulations", type=int, default=2000, help="comparisons in each cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="print every cell")
    asked = parser.parse_args()
    begun = time.process_time()
    for place, part in enumerate((shares, differences, alarms, lengths)):
        cells = []
        for cell in part(np.random.default_rng([asked.seed, place]), asked.simulations):
            cells.append(cell)
            if cell.faults or asked.all:
                print(cell, flush=True)
        told = [cell for cell in cells if cell.faults != "warned"]
        covered, alone = (np.array([getattr(cell, name) for cell in told]) for name in ("covered", "alone"))
        widths = {s: np.median([cell.width for cell in cells if cell.seeds == s]) for s in SEEDS}
        held = sum(cell.faults in ("", "warned") for cell in cells)
        print(
            f"{cells[0].what}: {held} of {len(cells)} cells hold; {covered.min():.3f} to {covered.max():.3f} "
            f"(tasks alone {alone.min():.3f} to {alone.max():.3f}); width in the middle "
            + ", ".join(f"{width:.2f} with {s}" for s, width in widths.items()),
            flush=True,
        )
    print(f"{asked.simulations} comparisons a cell, {time.process_time() - begun:.0f} s of one core")


if __name__ == "__main__":
    main()
