"""Published gates and reinforcement learning against tables and `logistic`, at equal tokens, on held-out tasks.

    OMP_NUM_THREADS=1 python benchmarks/gates.py                    both recordings, three seeds, ten minutes
    OMP_NUM_THREADS=1 python benchmarks/gates.py --speakers recorded --seeds 1 --only down,cfr_plus

The train split of a recording teaches, its test split is judged. Each method is trained at each of `CALLS`, prices in
accuracy a call (the price of a token is that over the mean tokens of an utterance in the train trees), a gate also
under both rules of debate: these points, and silence, are its own frontier.

**Equal tokens.** Budgets lie between the tokens of `never` and of `always` on the train tasks. At a budget a method
plays one of two of its points, drawn for each dialogue; which two is read off the upper hull of its points on the
*train* tasks, how often each so that the mean tokens on the test tasks are the budget. No correctness of a test task
is looked at before all is chosen. A method whose best point on the train tasks costs less than the budget plays that.

Means are over seeds of training; ± is half of Student's 95% interval over test tasks of the mean over seeds, and
differences are paired by task. A recording says the same words under every seed, so seeds are seeds of training alone,
and `down` and `imad`, which draw nothing, are the same under all.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tracer_env
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.rules import Rules
from tracer_env.runs.config import Config, EvaluationConfig, ScenarioConfig, SpeakerConfig, TrainingConfig
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.learning import School, untrained
from tracer_env.statistics.means import half_width
from tracer_env.terminal.progress import NoReporter

Array = NDArray[np.float64]

SPEAKERS = {"recorded": "nano", "recorded-smollm2": "SmolLM2"}
CALLS = (0.0, 0.006, 0.02, 0.06)
BUDGETS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)  # from `never` to `always`
KEY = "information=vote+time+confidence:bins=3"
METHODS: dict[str, tuple[str, ...]] = {
    "cfr_plus": (f"cfr_plus:{KEY},policy=greedy,starts=3",),
    "logistic": ("logistic:policy=greedy",),
    "down": ("down:then=until_approved", "down:then=always"),
    "imad": ("imad:then=until_approved", "imad:then=always"),
    "rumad": ("rumad:steps=10000",),
    "sb3:ppo": ("sb3:ppo:steps=20000",),
    "sb3:dqn": ("sb3:dqn:steps=20000",),
    "epsilon_greedy": (f"epsilon_greedy:{KEY}",),
    "ucb": (f"ucb:{KEY}",),
    "thompson": (f"thompson:{KEY}",),
    "q_learning": (f"q_learning:{KEY}",),
}
"""How each method is made; the price is added. `sb3:maskable_ppo` learns as `sb3:ppo` does, all actions being legal."""
LEARNED = ("cfr_plus", "logistic")
GATES = ("down", "imad", "rumad")
SEEDLESS = ("down", "imad")
"""They draw nothing, and so are the same under every seed of training."""
FIXED = ("never", "until_approved", "always", "majority_voting")
SEEN = 0.001  # the smallest difference that counts: equal policies are mixed by shares that differ in the last digits
EPISODES = 2000  # that teach what learns from play


@dataclass(frozen=True)
class Point:
    """A policy on both splits: whether each task ended right, and what it cost."""

    name: str
    train_right: float
    train_tokens: float
    right: Array  # (tasks,) of the test split
    tokens: Array  # (tasks,)


@dataclass(frozen=True)
class Stand:
    """A speaker with both of its splits."""

    speaker: Speaker
    train: Scenario
    test: Scenario
    seed: int

    def point(self, name: str, controller: Controller) -> Point:
        """Play a policy on both splits."""
        taught, found = (self._played(controller, tasks) for tasks in (self.train, self.test))
        return Point(name, float(taught[0].mean()), float(taught[1].mean()), *found)

    def _played(self, controller: Controller, tasks: Scenario) -> tuple[Array, Array]:
        jobs = [Job(place, "m", controller, task, 0, self.seed) for place, task in enumerate(tasks)]
        played = rollout(jobs, self.speaker, tasks, Rules(), vote_and_time)
        spent = [sum(turn.utterance.tokens for turn in told.turns if turn.utterance) for told in played]
        return np.array([float(told.correct) for told in played]), np.array(spent, dtype=float)


def points_of(recording: str, seed: int, names: Sequence[str]) -> dict[str, list[Point]]:
    """Train all methods under one seed, and return the points of each by its name, fixed rules among them."""
    config = Config(
        scenario=ScenarioConfig(name=recording),
        speaker=SpeakerConfig(name=recording),
        training=TrainingConfig(episodes=EPISODES, seed=seed),
        evaluation=EvaluationConfig(methods=("never",)),
    )
    stand = Stand(
        tracer_env.make_speaker(recording),
        tracer_env.make_scenario(recording, split="train"),
        tracer_env.make_scenario(recording),
        config.seed,
    )
    found = {name: [stand.point(name, tracer_env.make_controller(name))] for name in FIXED}
    with tempfile.TemporaryDirectory() as folder:
        call = 0.0
        for name in names:
            found[name] = list(found["never"])
            if name in SEEDLESS and seed > 0:
                continue
            for number, (spec, price) in enumerate((spec, price) for spec in METHODS[name] for price in CALLS):
                school = _school(config, stand, Path(folder) / f"{name.replace(':', '-')}-{number}")
                call = call or _tokens_a_call(school)
                priced = f"{spec}{',' if '=' in spec else ':'}price={price / call:.3g}"
                controller = tracer_env.make_controller(priced, Rules(), config.information)
                assert untrained(controller)
                school.teach("m", controller)
                found[name].append(stand.point(priced, controller))
    return found


def _school(config: Config, stand: Stand, out: Path) -> School:
    asked = Config(
        **{**vars(config), "evaluation": EvaluationConfig(methods=("m",))},
    )
    return School(RunFolder.create(asked, "compare", out), stand.train, stand.speaker, NoReporter())


def _tokens_a_call(school: School) -> float:
    trees = school.trees.grown
    return school.trees.cost["tokens"] / sum(int((level.utterance >= 0).sum()) for level in trees.levels)


# -- equal tokens --------------------------------------------------------------------------------


def hull(points: Sequence[Point]) -> list[Point]:
    """Return the points of the upper hull on the train tasks, from the cheapest to the most accurate."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda each: (each.train_tokens, -each.train_right)):
        if kept and point.train_right <= kept[-1].train_right:
            continue
        while len(kept) > 1 and _slope(kept[-2], point) >= _slope(kept[-2], kept[-1]):
            kept.pop()
        kept.append(point)
    return kept


def _slope(left: Point, right: Point) -> float:
    return (right.train_right - left.train_right) / (right.train_tokens - left.train_tokens)


def at_budget(points: Sequence[Point], budget: float) -> Point:
    """Return the mixture whose mean tokens on the test tasks are the budget: how likely each task ends right."""
    best = hull(points)
    costs = [float(point.tokens.mean()) for point in best]
    over = next((place for place, cost in enumerate(costs) if cost > budget), None)
    if not over:
        return best[-1 if over is None else 0]
    share = (budget - costs[over - 1]) / (costs[over] - costs[over - 1])
    low, high = best[over - 1], best[over]
    return Point(
        f"{high.name} for {share:.0%}, else {low.name}",
        (1 - share) * low.train_right + share * high.train_right,
        (1 - share) * low.train_tokens + share * high.train_tokens,
        (1 - share) * low.right + share * high.right,
        (1 - share) * low.tokens + share * high.tokens,
    )


# -- tables --------------------------------------------------------------------------------------


def judged(by_seed: Sequence[Mapping[str, list[Point]]], names: Sequence[str]) -> dict[str, Any]:
    """Return accuracies at each budget, differences to the learned ones, and the points themselves, as plain data."""
    first = by_seed[0]
    ends = [first[name][0].train_tokens for name in ("never", "always")]
    budgets = [ends[0] + share * (ends[1] - ends[0]) for share in BUDGETS]
    rivals = [name for name in LEARNED if name in names]
    cells: dict[str, Any] = {name: [] for name in names}
    for budget in budgets:
        mixed = {name: [at_budget(found[name], budget) for found in by_seed] for name in names}
        for name in names:
            mean = _mean(mixed[name])
            against = {rival: _paired(mean - _mean(mixed[rival])) for rival in rivals if rival != name}
            cells[name].append(
                {
                    "accuracy": float(mean.mean()),
                    "half_width": half_width(mean),
                    "seeds": [float(one.right.mean()) for one in mixed[name]],
                    "train_accuracy": float(np.mean([one.train_right for one in mixed[name]])),
                    "against": against,
                }
            )
    fixed = {}
    for name in FIXED:
        rule = first[name][0]
        same = {rival: [at_budget(found[rival], float(rule.tokens.mean())) for found in by_seed] for rival in rivals}
        fixed[name] = {**_told(rule), "less": {rival: _paired(_mean(one) - rule.right) for rival, one in same.items()}}
    points = {name: [[_told(point) for point in found[name]] for found in by_seed] for name in names}
    return {"tasks": len(first["never"][0].right), "budgets": budgets, "cells": cells, "fixed": fixed, "points": points}


def _mean(points: Sequence[Point]) -> Array:
    """Return how likely each test task ends right, the mean over seeds, (tasks,)."""
    mean: Array = np.mean([point.right for point in points], axis=0)
    return mean


def _paired(gap: Array) -> tuple[float, float | None]:
    return float(gap.mean()), half_width(gap)


def _told(point: Point) -> dict[str, Any]:
    return {
        "name": point.name,
        "train": [point.train_right, point.train_tokens],
        "test": [float(point.right.mean()), float(point.tokens.mean())],
    }


def show(speaker: str, found: Mapping[str, Any], seeds: int) -> None:
    """Print one speaker's tables as Markdown, and what they come to."""
    budgets, cells = found["budgets"], found["cells"]
    print(f"\n### {SPEAKERS[speaker]}: {found['tasks']} test tasks, {seeds} seeds\n")
    fixed = "; ".join(f"{name} {one['test'][0]:.3f} at {one['test'][1]:,.0f}" for name, one in found["fixed"].items())
    print(f"Fixed rules: {fixed}.\n\nAccuracy at equal tokens a task:\n")
    head = " | ".join(f"{budget:,.0f}" for budget in budgets)
    print(f"| method | {head} |\n|---|{'---|' * len(budgets)}")
    for name, row in cells.items():
        told = " | ".join(f"{cell['accuracy']:.3f} ± {cell['half_width'] or 0:.3f}" for cell in row)
        print(f"| `{name}` | {told} |")
    for rival in LEARNED:
        others = [name for name in cells if name != rival and rival in cells]
        if not others:
            continue
        print(f"\nLess `{rival}`, paired by task (**bold**: above 0 by more than the interval):\n")
        print(f"| method | {head} |\n|---|{'---|' * len(budgets)}")
        for name in others:
            print(f"| `{name}` | {' | '.join(_gap(cell['against'][rival]) for cell in cells[name])} |")
    for sentence in verdicts(found):
        print(f"\n{sentence}")


def _gap(gap: Sequence[float]) -> str:
    told = f"{gap[0]:+.3f} ± {gap[1] or 0:.3f}"
    return f"**{told}**" if _above(gap[0], gap[1]) else told


def _above(gap: float, half: float | None) -> bool:
    """Return whether a difference is above its interval, and large enough to be seen."""
    return gap >= SEEN and gap > (half or 0.0)


def verdicts(found: Mapping[str, Any]) -> list[str]:
    """Say where a gate, a learner or a fixed rule is above `cfr_plus` or `logistic`: the better on the train tasks."""
    cells, told = found["cells"], []
    rivals = [name for name in LEARNED if name in cells]
    for name, rule in found["fixed"].items():
        gaps = "; ".join(f"`{rival}` {gap:+.3f} ± {half or 0:.3f}" for rival, (gap, half) in rule["less"].items())
        told.append(f"- at the tokens of `{name}`, and less its accuracy: {gaps or 'nothing to hold against it'}.")
    for gate in (name for name in cells if name not in LEARNED):
        above, below = [], []
        for place, budget in enumerate(found["budgets"]):
            if gate in rivals or not rivals:
                continue
            best = max(rivals, key=lambda name: cells[name][place]["train_accuracy"])
            gap, half = cells[gate][place]["against"][best]
            if _above(gap, half):
                above.append(f"{budget:,.0f} (over {best}, {gap:+.3f} ± {half or 0:.3f})")
            if _above(-gap, half):
                below.append(f"{budget:,.0f}")
        kind = "the gate" if gate in GATES else "the learner"
        where = f"above the better of both at {', '.join(above)}" if above else "nowhere above the better of both"
        worse = f"; below it at {', '.join(below)}" if below else "; nowhere below it beyond the interval"
        told.append(f"- {kind} `{gate}` is {where}{worse}.")
    return told


def _job(job: tuple[str, int, tuple[str, ...]]) -> tuple[str, int, dict[str, list[Point]]]:
    return job[0], job[1], points_of(*job)


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the study and return it, by speaker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", default=",".join(SPEAKERS), help="recordings, with commas between")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds of training")
    parser.add_argument("--only", default=",".join(METHODS), help="methods, with commas between")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path, help="a file for all figures")
    given = parser.parse_args(arguments)
    names, speakers = tuple(given.only.split(",")), given.speakers.split(",")
    for name, known in [(name, METHODS) for name in names] + [(name, SPEAKERS) for name in speakers]:  # type: ignore[list-item]
        if name not in known:
            parser.error(f"there is no {name!r}; choose from {', '.join(known)}")
    began = time.perf_counter()
    jobs = [(speaker, seed, names) for seed in range(given.seeds) for speaker in speakers]
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        done = {(speaker, seed): points for speaker, seed, points in pool.map(_job, jobs)}
    for (speaker, seed), points in done.items():
        points |= {name: done[speaker, 0][name] for name in names if name in SEEDLESS and seed}
    found = {}
    for speaker in speakers:
        found[speaker] = judged([done[speaker, seed] for seed in range(given.seeds)], names)
        show(speaker, found[speaker], given.seeds)
    print(f"\n{time.perf_counter() - began:,.0f} s with {given.processes} processes")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
