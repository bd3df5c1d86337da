"""Speed of regret minimisation on dialogue trees, on one core, in one run.

    python benchmarks/cfr_speed.py

First the same 1,000 trees of depth 4 in OpenSpiel's C++ ``CFRSolver`` (through the .efg) and here, in alternating
rounds: milliseconds an iteration, medians. Then how the plain sweep grows from 100 to 100,000 trees whose leaves pay
random amounts, so that no two are alike; 100,000 such trees for 1,000 iterations of CFR+; and 100,000 trees of the
simulated speaker `balanced`. Each line says what was swept: ``plain`` all trees, ``identical`` equal trees once,
``merged`` the nodes that some policy can tell apart (exact for random leaves too, see `trainers.cfr.merged`). Nodes are
counted once an iteration, although each agent has a sweep of its own.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyspiel

import tracer_env
from tracer_env.trainers.cfr.game import TreeGame, collapsed, key_patterns, tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.solver import TreeSolver
from tracer_env.trainers.cfr.sweeps import DenseSweeps, Sweeps
from tracer_env.trees.efg import to_openspiel
from tracer_env.trees.growth import expand
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.tree import DialogueTrees

ROUNDS = 5


def timed(step: Callable[[], object], times: int) -> float:
    """Return the seconds that one of ``times`` steps took."""
    start = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - start) / times


def grown(rows: int) -> DialogueTrees:
    tasks = min(rows, 1000)
    scenario = tracer_env.make_scenario("arithmetic", split="train", limit=tasks)
    return expand(scenario, "simulated", tracer_env.Rules(), seed=0, worlds=rows // tasks, texts=False)


def random_leaves(trees: DialogueTrees) -> TreeGame:
    return tree_game(trees, np.random.default_rng(0).random((1, 1 << trees.depth, trees.rows)))


def counted(game: TreeGame) -> str:
    return (
        f"trees {game.rows:,}   distinct {collapsed(game).rows:,}   key patterns {key_patterns(game):,}"
        f"   nodes {game.nodes:,}   merged {merge(game).nodes:,}"
    )


def against_openspiel() -> None:
    trees = grown(1000)
    for label, payoffs in (("balanced", team_payoffs(trees)), ("random leaves", random_leaves(trees).payoffs)):
        game, theirs = tree_game(trees, payoffs), to_openspiel(trees, payoffs)
        solver = pyspiel.CFRSolver(theirs)
        plain, merged = TreeSolver(DenseSweeps(game)), TreeSolver(merge(game))
        rounds: list[tuple[float, float, float]] = []
        for _ in range(ROUNDS):
            peer = timed(solver.evaluate_and_update_policy, 40)
            rounds.append((peer, timed(plain.iterate, 400), timed(merged.iterate, 400)))
        peer, ours, less = (statistics.median(side) * 1e3 for side in zip(*rounds, strict=True))
        print(f"{label:<14} {counted(game)}")
        print(f"  OpenSpiel C++  {peer:8.3f} ms an iteration")
        print(f"  plain          {ours:8.3f} ms   1/{statistics.median(a / b for a, b, _ in rounds):.0f} of the time")
        print(f"  merged         {less:8.3f} ms   1/{statistics.median(a / c for a, _, c in rounds):.0f} of the time")
        fresh, again = pyspiel.CFRSolver(theirs), TreeSolver(DenseSweeps(game))
        for _ in range(100):
            fresh.evaluate_and_update_policy()
        again.iterate(100)
        value = float(merge(game).values(again.average)[0])
        peer_value = pyspiel.expected_returns(theirs.new_initial_state(), fresh.average_policy(), -1, True)[0]
        print(f"  values after 100 iterations   {value:.12f}   OpenSpiel {peer_value:.12f}")


def growth() -> None:
    print("\nplain sweep, random leaves, CFR+")
    sizes, times = (100, 1_000, 10_000, 100_000), []
    for size in sizes:
        game = random_leaves(grown(size))
        solver, count = TreeSolver(DenseSweeps(game), "cfr_plus"), max(10, 200_000 // size)
        solver.iterate(2)
        times.append(statistics.median(timed(solver.iterate, count) for _ in range(ROUNDS)))
        speed = game.nodes / times[-1] / 1e6
        print(f"  {counted(game)}   {times[-1] * 1e3:8.3f} ms an iteration   {speed:.0f} million nodes/s")
    slope = np.polyfit(np.log(sizes[1:]), np.log(times[1:]), 1)[0]
    each, start = np.polyfit(sizes, times, 1, w=1 / np.array(times))
    worst = max(abs(start + each * size - t) / t for size, t in zip(sizes, times, strict=True))
    print(f"  fit: {start * 1e6:.0f} microseconds + {each * 1e9:.0f} nanoseconds a tree, off by at most {worst:.0%}")
    print(f"  log-log slope from 1,000 trees: {slope:.2f}")


def thousand(label: str, game: TreeGame, reductions: dict[str, Callable[[], Sweeps]]) -> None:
    print(f"\n{label}: 1,000 iterations of CFR+\n  {counted(game)}")
    for name, make in reductions.items():
        start = time.perf_counter()
        sweeps = make()
        made = time.perf_counter() - start
        solver = TreeSolver(sweeps, "cfr_plus")
        solver.iterate(1000)
        taken = time.perf_counter() - start
        value = float(merge(game).values(solver.average)[0])
        print(f"  {name:<10} {taken:8.2f} s, {made:.2f} s of them to prepare   value {value:.9f}", flush=True)


def main() -> None:
    against_openspiel()
    growth()
    trees = grown(100_000)
    balanced = tree_game(trees, team_payoffs(trees))
    thousand(
        "balanced",
        balanced,
        {"merged": lambda: merge(balanced), "identical": lambda: DenseSweeps(collapsed(balanced))},
    )
    drawn = random_leaves(trees)
    thousand("random leaves", drawn, {"merged": lambda: merge(drawn), "plain": lambda: DenseSweeps(drawn)})


if __name__ == "__main__":
    main()
