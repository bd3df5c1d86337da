"""The study of what is worth seeing: held-out figures, bounds in order, wishes refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tree_games import misleading, random_trees

import tracer_env
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.rules import Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.statistics.quantiles import t_quantile
from tracer_env.trainers.cfr.best_start import best_of_starts
from tracer_env.trainers.cfr.game import tree_game
from tracer_env.trainers.cfr.merged import merge
from tracer_env.trainers.seeing.study import RULES, see
from tracer_env.trees.evaluation import evaluate_policy
from tracer_env.trees.payoffs import team_payoffs

TREES = tracer_env.expand(Arithmetic(split="train", limit=60), "simulated", texts=False)
TESTS = tracer_env.expand(Arithmetic(split="test", limit=40), "simulated", texts=False)
FEW: dict[str, Any] = {"informations": ["vote_and_time", "time_only"], "iterations": 20, "starts": 2}


def test_a_row_is_what_the_policy_comes_to_on_the_test_trees() -> None:
    found = see(TREES, TESTS, price=1e-4, **FEW)
    merged = merge(tree_game(TREES, team_payoffs(TREES, 1e-4), "time_only"))
    speak = best_of_starts(merged, 20, 2)
    expected = evaluate_policy(TESTS, dict(zip(merged.names, speak.tolist(), strict=False)), "time_only")
    row = found["informations"][1]
    assert row["accuracy"] == pytest.approx(expected.accuracy, abs=1e-12)
    assert row["tokens_per_task"] == pytest.approx(expected.tokens_per_task)
    assert row["value"] == pytest.approx(expected.value(1e-4))
    assert (row["states"], row["unseen_states"], found["tasks"], found["trained_on"]) == (4, 0, 40, 60)
    rules = {rule["name"]: rule["accuracy"] for rule in found["rules"]}
    assert set(rules) == set(RULES)
    assert rules[found["best_rule"]] == max(rules.values())
    gap = found["oracle"]["accuracy"] - max(rules.values())
    assert row["gap_closed"] == pytest.approx((row["accuracy"] - max(rules.values())) / gap)
    policy = dict(zip(merged.names, speak.tolist(), strict=False))
    played, best, oracle = (
        evaluate_policy(TESTS, one, "time_only").by_task("accuracy") for one in (policy, found["best_rule"], "oracle")
    )
    left_out = [np.delete(played - best, task).mean() / np.delete(oracle - best, task).mean() for task in range(40)]
    jackknife = np.std(left_out) * np.sqrt(39) * t_quantile(0.975, 39)
    assert row["gap_closed_half_width"] == pytest.approx(jackknife, rel=0.25)
    bound = found["clairvoyant"]["value"]
    assert all(one["value"] <= bound + 1e-12 for one in (*found["rules"], *found["informations"], found["flexible"]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_halves_score_each_task_by_a_policy_that_never_saw_it() -> None:
    found = see(TREES, **FEW)
    assert found["tasks"] == 60
    assert found["trained_on"] == [30, 30]
    assert see(TREES, **FEW) == found
    assert found["rules"][0]["accuracy"] == pytest.approx(evaluate_policy(TREES, "never").accuracy)
    signals = {row["signal"]: row for row in found["signals"]}
    assert signals["logprob_mean"]["area"] > 0.6
    ends = signals["logprob_mean"]["area_ci"]
    assert ends[0] < signals["logprob_mean"]["area"] < ends[1]


def test_a_key_that_the_lessons_never_met_is_counted() -> None:
    trees = random_trees(Rules(), 24, seed=8)
    tasks = tuple(tracer_env.Task(f"t{place}", f"question {place}", "") for place in range(24))
    found = see(tracer_env.DialogueTrees(trees.rules, tasks, 1, 0, trees.levels), informations=["history"], starts=1)
    assert found["informations"][0]["unseen_states"] > 0
    assert np.isfinite(found["informations"][0]["accuracy"])


def test_impossible_wishes_are_refused() -> None:
    with pytest.raises(ConfigError, match="hold one question"):
        see(misleading())
    with pytest.raises(ConfigError, match="60 of the 60 held-out tasks are among those"):
        see(TREES, TREES)
    with pytest.raises(UnknownNameError):
        see(TREES, informations=["votes"])
    for wish, message in (
        ({"price": -1.0}, "price is of a token"),
        ({"iterations": 0}, "iterations must be"),
        ({"starts": True}, "starts must be"),
    ):
        with pytest.raises(ConfigError, match=message):
            see(TREES, **wish)  # type: ignore[arg-type]
