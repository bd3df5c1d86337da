"""How often the intervals and tests of `compare` hold what they say, over thousands of simulated comparisons.

Each cell of the grid has a number of tasks, of worlds, a correlation between worlds of a task, and a truth.
Comparisons are drawn in two ways that agree in these and in nothing else: beta-distributed chances, and a Gaussian
copula (tasks shift a threshold). The functions are those that `compare` calls.

    coverage   how often the interval holds the truth. Wanted: 93%; 90% for 20 tasks, shares below 0.05 or above 0.95,
               or skewed lengths; less three errors of the simulation
    width      mean width by that of an interval whose variance is known. Wanted: at most 1.5 where ten or more tasks
               are expected to differ
    p < .05    where nothing differs. Wanted: at most 6% of rows, and of tables of nine rows after Holm's correction
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import erf, exp, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tracer_env.statistics.expected import value_interval
from tracer_env.statistics.holm import holm
from tracer_env.statistics.means import mean_interval
from tracer_env.statistics.paired import difference_interval, sign_flip_p
from tracer_env.statistics.shares import share_interval

Ints, Floats = NDArray[np.int64], NDArray[np.float64]
Draw = Callable[[np.random.Generator, float, float, tuple[int, int], int], Ints]

TASKS = (20, 50, 200)
SHARES = (0.02, 0.05, 0.1, 0.3, 0.5, 0.8, 0.95, 0.98)
CHANGES = ((0.005, 0.005), (0.02, 0.0), (0.03, 0.01), (0.15, 0.05))
DEPENDENCE = [(1, 0.0), *((worlds, rho) for worlds in (5, 20) for rho in (0.0, 0.1, 0.3, 0.6))]
WARNED = "rare long texts"


@dataclass(frozen=True)
class Cell:
    """One line of the table; what it fell short of stands in ``faults``."""

    what: str
    tasks: int
    worlds: int
    rho: float
    truth: str
    drawn: str
    coverage: float
    width: float
    faults: str


# -- draws: successes of each task, shape (simulations, tasks) -----------------------------------


def beta(rng: np.random.Generator, share: float, rho: float, shape: tuple[int, int], worlds: int) -> Ints:
    """Draw tasks whose chances are beta distributed."""
    if rho == 0.0 or share in (0.0, 1.0):
        return rng.binomial(worlds, share, shape)
    size = (1 - rho) / rho
    return rng.binomial(worlds, rng.beta(share * size, (1 - share) * size, shape))


def copula(rng: np.random.Generator, share: float, rho: float, shape: tuple[int, int], worlds: int) -> Ints:
    """Draw tasks that shift a normal threshold, so that two worlds of a task have correlation ``rho``."""
    return (_latent(rng, share, rho, shape, worlds) < NormalDist().inv_cdf(share)).sum(-1)


def _latent(rng: np.random.Generator, share: float, rho: float, shape: tuple[int, int], worlds: int) -> Floats:
    shared = _shift(share, rho)
    task, world = rng.standard_normal((*shape, 1)), rng.standard_normal((*shape, worlds))
    return sqrt(shared) * task + sqrt(1 - shared) * world


def _shift(share: float, rho: float) -> float:
    """Return the share of the normal variance that tasks must have for answers to correlate by ``rho``."""
    if rho == 0.0:
        return 0.0
    at, weight = np.polynomial.hermite_e.hermegauss(80)
    cut, low, high = NormalDist().inv_cdf(share), 0.0, 1.0 - 1e-6
    for _ in range(50):
        middle = (low + high) / 2
        chance = [(1 + erf((cut + sqrt(middle) * x) / sqrt(2 - 2 * middle))) / 2 for x in at]
        both = float(np.square(chance) @ weight) / float(weight.sum()) - share * share
        low, high = (middle, high) if both < rho * share * (1 - share) else (low, middle)
    return low


def changes(
    draw: Draw, rng: np.random.Generator, rates: tuple[float, float], rho: float, shape: tuple[int, int], worlds: int
) -> tuple[Ints, Ints]:
    """Draw how many worlds of each task are gained and lost: changes and their directions, or both ends of a normal."""
    gain, loss = rates
    if draw is copula:
        latent, cuts = _latent(rng, gain, rho, shape, worlds), NormalDist()
        lost = (latent > cuts.inv_cdf(1 - loss)).sum(-1) if loss else np.zeros(shape, dtype=np.int64)
        return (latent < cuts.inv_cdf(gain)).sum(-1), lost
    changed, up = beta(rng, gain + loss, rho, shape, worlds), gain / (gain + loss)
    size = (1 - rho) / rho if rho else np.inf
    chance = rng.beta(up * size, (1 - up) * size, shape) if rho and up < 1 else up
    gained = rng.binomial(changed, chance)
    return gained, changed - gained


def _normal(rng: np.random.Generator, n: tuple[int, int], spread: float) -> Floats:
    return np.exp(spread * rng.standard_normal(n))


LENGTHS: dict[str, tuple[Callable[[np.random.Generator, tuple[int, int]], Floats], float]] = {
    "log-normal 0.5": (lambda rng, n: _normal(rng, n, 0.5), exp(0.125)),
    "log-normal 0.8": (lambda rng, n: _normal(rng, n, 0.8), exp(0.32)),
    "log-normal 1.0": (lambda rng, n: _normal(rng, n, 1.0), exp(0.5)),
    "gamma": (lambda rng, n: rng.gamma(1.0, 1.0, n), 1.0),
    "a third stops early": (
        lambda rng, n: _normal(rng, n, 0.3) * np.where(rng.random(n) < 0.3, 1, 5),
        exp(0.045) * 3.8,
    ),
    "difference of two": (lambda rng, n: _normal(rng, n, 0.8) - _normal(rng, n, 0.8), 0.0),
    WARNED: (lambda rng, n: _normal(rng, n, 0.4) * np.where(rng.random(n) < 0.02, 10, 1), exp(0.08) * 1.18),
}
"""Lengths by task, and their means; of the last, one task in fifty is ten times as long."""


# -- cells ---------------------------------------------------------------------------------------


def judged(interval: Floats, truth: float, found: Floats, differ: float, least: float) -> tuple[float, float, str]:
    """Return coverage, width by that of known variance, and what they fall short of."""
    covered = float(((interval[:, 0] <= truth) & (truth <= interval[:, 1])).mean())
    width = float((interval[:, 1] - interval[:, 0]).mean() / (2 * NormalDist().inv_cdf(0.975) * found.std()))
    short = bool(covered < least - 3 * sqrt(least * (1 - least) / len(found)))
    return covered, width, " ".join(["short"] * short + ["wide"] * bool(differ >= 10 and width > 1.5))


def _grid() -> Iterator[tuple[int, int, float, str, Draw]]:
    for tasks in TASKS:
        for worlds, rho in DEPENDENCE:
            for name, draw in (("beta", beta), ("copula", copula))[: 2 if rho else 1]:
                yield tasks, worlds, rho, name, draw


def shares(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Shares of one method."""
    for tasks, worlds, rho, name, draw in _grid():
        for share in SHARES:
            x = draw(rng, share, rho, (number, tasks), worlds)
            differ = np.minimum((x > 0).sum(1), (x < worlds).sum(1)).mean()
            least = 0.9 if tasks == 20 or not 0.05 <= share <= 0.95 else 0.93
            told = judged(share_interval(x, worlds), share, x.mean(1) / worlds, float(differ), least)
            yield Cell("share", tasks, worlds, rho, f"{share:g}", name, *told)


def differences(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Differences of two methods on the same tasks."""
    for tasks, worlds, rho, name, draw in _grid():
        for rates in CHANGES:
            up, down = changes(draw, rng, rates, rho, (number, tasks), worlds)
            differ, found = ((up + down) > 0).sum(1).mean(), (up - down).mean(1) / worlds
            interval = difference_interval(up, down, worlds)
            told = judged(interval, rates[0] - rates[1], found, float(differ), 0.9 if tasks == 20 else 0.93)
            yield Cell("difference", tasks, worlds, rho, f"+{rates[0]:g} -{rates[1]:g}", name, *told)


def lengths(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Means of lengths; a task's worlds are one number."""
    for tasks in TASKS:
        for name, (draw, truth) in LENGTHS.items():
            y = draw(rng, (number, tasks))
            covered, width, faults = judged(mean_interval(y), truth, y.mean(1), tasks, 0.9)
            warned = "warned" if name == WARNED and faults else faults
            yield Cell("tokens", tasks, 1, 0.0, name, "task", covered, width, warned)


def rates(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Shares of which a task has as many cases as come up, as of `by_turn`: tasks without a case are left out."""
    number = max(200, number // 4)
    for tasks, worlds, rho in ((50, 1, 0.0), (50, 5, 0.3), (200, 1, 0.0), (200, 5, 0.3)):
        for share in (0.1, 0.5, 0.9):
            cases = rng.binomial(worlds, 0.4, (number, tasks))
            size = (1 - rho) / rho if rho else np.inf
            chance = rng.beta(share * size, (1 - share) * size, (number, tasks)) if rho else share
            right = rng.binomial(cases, chance)
            interval = np.array([share_interval(x[m > 0], m[m > 0]) for x, m in zip(right, cases, strict=True)])
            differ = np.minimum((right > 0).sum(1), (right < cases).sum(1)).mean()
            found = right.sum(1) / np.maximum(cases.sum(1), 1)
            yield Cell("rate", tasks, worlds, rho, f"{share:g}", "cases", *judged(interval, share, found, differ, 0.93))


def worths(rng: np.random.Generator, number: int) -> Iterator[Cell]:
    """Means of exact values by task, as of `forced`: none for most tasks, else gained or lost in part or in whole."""
    for tasks in TASKS:
        for some in (0.1, 0.3, 0.6):
            for gain in (0.5, 0.8):
                for name, size in (("whole", np.ones(3)), ("Shapley", np.array([1 / 6, 1 / 3, 1.0]))):
                    there = rng.random((number, tasks)) < some
                    up = np.where(rng.random((number, tasks)) < gain, 1.0, -1.0)
                    y = there * up * rng.choice(size, (number, tasks))
                    truth = some * (2 * gain - 1) * size.mean()
                    told = judged(value_interval(y), truth, y.mean(1), some * tasks, 0.9 if tasks * some < 20 else 0.93)
                    yield Cell("credit", tasks, 1, 0.0, f"{some:g} {gain:g}", name, *told)


def tables(rng: np.random.Generator, number: int, methods: int = 9) -> Iterator[Cell]:
    """Tables whose methods do not differ: how often any p stays below 0.05, of one row and of all after Holm's."""
    for tasks in TASKS:
        for worlds, rho in DEPENDENCE:
            for share in (0.5, 0.9):
                size = (1 - rho) / rho if rho else np.inf
                chance = rng.beta(share * size, (1 - share) * size, (number, 1, tasks)) if rho else share
                right = rng.binomial(worlds, chance, (number, methods, tasks))
                p = sign_flip_p(right[:, 1:] - right[:, :1])
                row, table = float((p < 0.05).mean()), float((holm(p) < 0.05).any(-1).mean())
                faults = " ".join(["often"] * (row > 0.06 or table > 0.06))
                yield Cell("p < .05", tasks, worlds, rho, f"{share:g}", "row, table", row, table, faults)


def main() -> None:
    """Print every cell that falls short, the worst of the others, and a summary."""
    parser = argparse.ArgumentParser(description="Coverage of intervals, widths, and false alarms.")
    parser.add_argument("--simulations", type=int, default=2000, help="comparisons in each cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="print every cell")
    parser.add_argument(
        "--only", choices=["share", "difference", "tokens", "tables", "rate", "credit"], help="one part alone"
    )
    asked = parser.parse_args()
    begun = time.process_time()
    parts = {"share": shares, "difference": differences, "tokens": lengths, "tables": tables}
    parts |= {"rate": rates, "credit": worths}
    for place, (name, part) in enumerate(parts.items()):
        if asked.only not in (None, name):
            continue
        cells = []
        for cell in part(np.random.default_rng([asked.seed, place]), asked.simulations):
            cells.append(cell)
            if cell.faults or asked.all:
                print(_line(cell), flush=True)
        print(_summary(name, cells), flush=True)
    print(f"{asked.simulations} comparisons a cell, {time.process_time() - begun:.0f} s of one core")


def _line(cell: Cell) -> str:
    where = f"{cell.what:<10} {cell.tasks:>4} tasks {cell.worlds:>3} worlds  rho {cell.rho:<4g} {cell.truth:<20}"
    return f"{where} {cell.drawn:<10} {cell.coverage:.3f} {cell.width:.2f}  {cell.faults}"


def _summary(name: str, cells: list[Cell]) -> str:
    first, second = np.array([(cell.coverage, cell.width) for cell in cells]).T
    failed = sum(bool(cell.faults) and cell.faults != "warned" for cell in cells)
    if name == "tables":
        told = f"p < .05 in at most {first.max():.3f} of rows and {second.max():.3f} of tables after Holm's correction"
    else:
        usual = [cell for cell in cells if cell.tasks > 20 and cell.truth != WARNED]
        inner = np.array([cell.coverage for cell in usual])
        told = (
            f"coverage {first.min():.3f} to {first.max():.3f} (beyond 20 tasks {inner.min():.3f} to {inner.max():.3f}, "
            f"mean {first.mean():.3f}), width {np.median(second):.2f} in the middle, {second.max():.2f} at most"
        )
    return f"{name}: {len(cells) - failed} of {len(cells)} cells hold; {told}"


if __name__ == "__main__":
    main()
