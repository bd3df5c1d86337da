"""Stable-Baselines3's PPO on the vector environment against exact solutions, all scored on the same trees.

    python benchmarks/ppo_vector.py [--steps 200000] [--seed 0] [--rate skill=0.6 ...]

PPO sees the eleven features and the team reward of `balanced` (T = 5, two agents); what is scored is its argmax
policy. Baselines, one-step regret matching and the optimum over ``vote_and_time`` keys are scored exactly on
100,000 dialogue trees of 10,000 test tasks. Nobody was trained on any of these tasks, except that the optimum is the
best policy for these very trees. The last lines say what share of the gain over the best baseline each learner
reached, and how long it took.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from stable_baselines3 import PPO

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.envs.sb3 import sb3_vec_env
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.information import features
from tracer_env.rules import DialogueState, Rules
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.cfr.optima import joint_optimum
from tracer_env.trainers.cfr.solver import TreeSolver, random_start
from tracer_env.trainers.regret.trainer import train_controller
from tracer_env.trees.growth import expand
from tracer_env.trees.payoffs import team_payoffs
from tracer_env.trees.tree import DialogueTrees

BASELINES = ("always", "never", "random", "periodic", "vote_threshold", "until_approved")
SIZE, EVALUATIONS = 64, 8
STARTS, ITERATIONS = 8, 800
SETTINGS: dict[str, Any] = {
    "n_steps": 64,
    "batch_size": 1024,
    "n_epochs": 10,
    "learning_rate": 2e-3,
    "gamma": 1.0,
    "gae_lambda": 1.0,
    "ent_coef": 0.005,
    "policy_kwargs": {"net_arch": [32, 32]},
}


class Greedy:
    """The argmax policy of a PPO model as a controller."""

    def __init__(self, model: PPO) -> None:
        self.model = model

    def speak_probability(self, state: DialogueState, key: str) -> float:
        action, _ = self.model.predict(features(state), deterministic=True)
        return float(action)


def learning_curve(trees: DialogueTrees, speaker: Any, steps: int, seed: int, floor: float, top: float) -> float:
    """Train PPO, print its value as it learns, and return the last."""
    scenario = tracer_env.make_scenario("arithmetic", split="train")
    envs = sb3_vec_env(make_vector_env(SIZE, scenario, speaker, reward="team", autoreset_mode="SameStep"))
    model = PPO("MlpPolicy", envs, seed=seed, device="cpu", **SETTINGS)
    spent, value = 0.0, 0.0
    for part in range(1, EVALUATIONS + 1):
        start = time.perf_counter()
        goal = steps * part // EVALUATIONS
        model.learn(max(goal - model.num_timesteps, 1), reset_num_timesteps=False)
        spent += time.perf_counter() - start
        value = trees.evaluate(Greedy(model)).accuracy
        share = (value - floor) / (top - floor)
        print(
            f"  PPO {model.num_timesteps:>8,} steps {spent:6.1f} s   {value:.4f}   {share:6.1%} of the gain", flush=True
        )
    return value


def solved(train: Any, speaker: Any, seed: int) -> tuple[dict[str, float], str]:
    """Solve trees of the training tasks by CFR+ from several starts; return the policy of the best, and the times."""
    begin = time.perf_counter()
    trees = expand(train, speaker, Rules(), seed=seed, worlds=2, texts=False)
    merged = merge(tree_game(trees, team_payoffs(trees)))
    grown = time.perf_counter()
    solvers = [
        TreeSolver(merged, "cfr_plus", start=random_start(merged.size, seed + start) if start else None)
        for start in range(STARTS)
    ]
    for solver in solvers:
        solver.iterate(ITERATIONS)
    best = max(solvers, key=lambda solver: float(merged.values(solver.average).mean()))
    policy = {name: float(speak) for name, speak in zip(merged.names, best.average, strict=False)}
    now = time.perf_counter()
    solving, growing = now - grown, grown - begin
    facts = f"{STARTS} starts x {ITERATIONS} iterations {solving:.2f} s, growing {trees.rows:,} trees {growing:.2f} s"
    return policy, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rates = {name: float(value) for name, _, value in (rate.partition("=") for rate in asked.rate)}
    speaker = tracer_env.make_speaker("simulated", **rates)
    train = tracer_env.make_scenario("arithmetic", split="train")
    test = tracer_env.make_scenario("arithmetic", size=10_000)
    trees = expand(test, speaker, Rules(), seed=10_000 + asked.seed, worlds=10, texts=False)
    values = {name: trees.evaluate(name).accuracy for name in BASELINES}
    for name, value in values.items():
        print(f"{name:<16} {value:.4f}")
    floor = max(values.values())
    start = time.perf_counter()
    best = joint_optimum(merge(tree_game(trees, team_payoffs(trees))), seed=asked.seed)
    print(
        f"{'optimum':<16} {best.value:.4f}   gain {best.value - floor:.4f}   "
        f"{time.perf_counter() - start:.1f} s ({best.how}, bound {best.bound:.4f})"
    )
    print(f"{'oracle':<16} {trees.evaluate('oracle').accuracy:.4f}")
    table = RegretMatching()
    run = train_controller(table, train, speaker, Rules(), 10_000, seed=asked.seed)
    value = trees.evaluate(table).accuracy
    share = (value - floor) / (best.value - floor)
    print(f"one-step regret matching, 10,000 episodes {run.seconds:.1f} s   {value:.4f}   {share:.1%} of the gain")
    policy, facts = solved(train, speaker, asked.seed)
    value = trees.evaluate(policy).accuracy
    print(f"CFR+ {facts}   {value:.4f}   {(value - floor) / (best.value - floor):.1%} of the gain")
    learning_curve(trees, speaker, asked.steps, asked.seed, floor, best.value)


if __name__ == "__main__":
    main()
