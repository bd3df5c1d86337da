"""How many episodes tell `regret_matching` from `until_approved`: the same luck against luck of its own.

    OMP_NUM_THREADS=1 python benchmarks/paired_variance.py

Simulated speakers on arithmetic; the table is trained for 10,000 episodes on the train split. Needed is what brings
the standard error of the accuracy difference down to 0.01, counted in episodes of each method:

    independent        both methods play, each with luck of its own (another seed): Var(a) + Var(b)
    paired play        both play with the same luck, choices are drawn: Var(a - b)
    paired on trees    exact value of each tree under both policies, nothing is drawn: Var(E[a] - E[b])

All are measured on as many episodes. The pair cannot beat its share of *disagreements*: where a pair of dialogues ends
alike the difference is 0, and where they end differently it is +1 or -1, so that Var(a - b) is about P(a != b).
A tree costs up to 16 utterances where an episode costs three; what trees give is that they serve every policy.
"""

from __future__ import annotations

import time
from math import ceil

import numpy as np
from numpy.typing import NDArray

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.information import vote_and_time
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.trainers.cfr.solving import solve_trees
from tracer_env.trainers.regret.trainer import train_controller
from tracer_env.trees.tree import DialogueTrees

WANTED = 0.01
WORLDS = 20


def outcomes(
    name: str, controller: Controller, scenario: Scenario, speaker: Speaker, seed: int
) -> tuple[NDArray[np.float64], float]:
    """Return whether each episode ended correct, task by task in each world, and the mean number of calls."""
    jobs = [
        Job(place + world * len(scenario), name, controller, task, world, seed)
        for world in range(WORLDS)
        for place, task in enumerate(scenario)
    ]
    correct, calls = [], 0
    for first in range(0, len(jobs), 2000):
        for played in rollout(jobs[first : first + 2000], speaker, scenario, tracer_env.Rules(), vote_and_time):
            correct.append(float(played.correct))
            calls += sum(turn.utterance is not None for turn in played.turns)
    return np.array(correct), calls / len(jobs)


def needed(differences: NDArray[np.float64]) -> int:
    """Return how many of these differences have a mean with the wanted standard error."""
    return ceil(float(differences.var(ddof=1)) / WANTED**2)


def compare(name: str, table: Controller, trees: DialogueTrees, scenario: Scenario, speaker: Speaker) -> None:
    rival = tracer_env.make_controller("until_approved")
    ours, calls = outcomes(name, table, scenario, speaker, seed=1)
    theirs, other_calls = outcomes("until_approved", rival, scenario, speaker, seed=1)
    alone, _ = outcomes("until_approved", rival, scenario, speaker, seed=2)
    a, b = (trees.evaluate(policy).rows["accuracy"] for policy in (table, "until_approved"))
    independent, paired, exact = needed(ours - alone), needed(ours - theirs), needed(a - b)
    print(f"\n{name} against until_approved, {len(ours):,} episodes of {len(scenario)} tasks")
    print(f"accuracy        {a.mean():.4f} and {b.mean():.4f}, difference {np.mean(a - b):+.4f} exactly on these trees")
    print(f"                {np.mean(ours - theirs):+.4f} paired play, {np.mean(ours - alone):+.4f} independent play")
    print(f"disagreements   P(one right, the other not) = {np.mean(ours != theirs):.4f} paired, ", end="")
    print(f"{np.mean(ours != alone):.4f} independent")
    print(f"needed          independent {independent:,}   paired play {paired:,}   paired on trees {exact:,}")
    print(f"ratio           paired play {paired / independent:.3f}   on trees {exact / independent:.3f} (1/10 wanted)")
    both = calls + other_calls
    print(f"speaker calls   independent {independent * both:,.0f}   paired play {paired * both:,.0f}   ", end="")
    print(f"on trees {exact * 16:,} (16 a tree, which then serves every policy)")


def main() -> None:
    began = time.perf_counter()
    train, test = (tracer_env.make_scenario("arithmetic", split=split) for split in ("train", "test"))
    speaker = tracer_env.make_speaker("simulated")
    one_step = RegretMatching()
    train_controller(one_step, train, speaker, tracer_env.Rules(), 10_000)
    trees = tracer_env.expand(test, speaker, tracer_env.Rules(), seed=1, worlds=WORLDS, texts=False)
    compare("regret_matching", one_step, trees, test, speaker)
    lessons = tracer_env.expand(train, speaker, tracer_env.Rules(), seed=3, texts=False)
    compare("cfr_plus", solve_trees(lessons, "cfr_plus", 300, starts=4).controller(), trees, test, speaker)
    print(f"\n{time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
