"""Exact figures by hand, against dialogues played one by one, and against many drawn at random."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from forest import SUMS, HashSpeaker
from moves import Script

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_controller
from tracer_env.rules import FINAL_ANSWERS, Rules
from tracer_env.runs.playing import evaluate
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.scenarios.base import TaskList
from tracer_env.statistics.metrics import summarise
from tracer_env.trees.evaluation import evaluate_policy, reaches
from tracer_env.trees.growth import expand
from tracer_env.trees.policy import clairvoyant, speak_probabilities
from tracer_env.types import Task

SUM = Task("sum-1", "What is 6 times 7?", "42")
FIXED = ("always", "never", "periodic:k=3", "vote_threshold:threshold=1", "until_approved", "oracle")
CAST = {"proposer": "until_approved", "reviewer": "oracle"}


def one_decision():
    """Wrong at first; a review says WRONG; a second proposal is right. Every utterance costs 7 + 3 tokens."""
    return expand([SUM], Script("W?C", "-"), Rules(max_turns=3))


def test_one_tree_by_hand():
    trees = one_decision()
    told = evaluate_policy(trees, [np.array([[0.5]]), np.array([[0.25, 0.75]])])
    reach = reaches(trees, speak_probabilities(trees, [np.array([[0.5]]), np.array([[0.25, 0.75]])]))
    assert [level.tolist() for level in reach] == [[[1.0]], [[0.5, 0.5]], [[0.375, 0.125, 0.125, 0.375]]]
    assert told.accuracy == 0.5  # P(the proposer speaks at turn 3)
    assert told.calls_per_task == 1 + 0.5 + 0.5
    assert told.tokens_per_task == 20.0
    assert told.figure("prompt_tokens_per_task") == 14.0
    assert told.figure("completion_tokens_per_task") == 6.0
    assert told.speak_rate == 0.5
    assert (told.correction_rate, told.corruption_rate, told.preservation_rate) == (0.5, None, None)
    assert told.figure("reviewer_tnr") == 1.0
    assert told.figure("reviewer_tpr") is None
    assert told.role_rewards == (-1.0 + 0.5 - 0.5, 0.5 - 0.5)
    assert told.value(price=0.01) == pytest.approx(0.3)
    assert told.standard_error("accuracy") is None


def test_the_clairvoyant_takes_the_cheapest_correct_leaf():
    trees = one_decision()
    assert [c.tolist() for c in clairvoyant(trees)] == [[[0.0]], [[1.0, 1.0]]]
    assert trees.evaluate(clairvoyant(trees)).accuracy == 1.0
    assert trees.evaluate(clairvoyant(trees)).tokens_per_task == 20.0
    dear = trees.evaluate(clairvoyant(trees, price=0.2))  # ten tokens cost 2, more than being right is worth
    assert (dear.accuracy, dear.calls_per_task) == (0.0, 1.0)
    with pytest.raises(ConfigError, match="price per token"):
        clairvoyant(trees, -1.0)


@pytest.mark.parametrize("final_answer", FINAL_ANSWERS)
@pytest.mark.parametrize("stop_when", ["horizon", "kept"])
@pytest.mark.parametrize("speaker", [SimulatedSpeaker(invalid=0.1), HashSpeaker()], ids=["simulated", "any"])
def test_choices_without_chance_come_to_what_evaluate_counts(speaker, stop_when, final_answer):
    rules = Rules(stop_when=stop_when, final_answer=final_answer)
    trees = expand(SUMS, speaker, rules, seed=4, worlds=5)
    for policy in (*FIXED, CAST):
        controller = make_controller(policy, rules)
        played = [
            t for block in evaluate({"m": controller}, TaskList(SUMS), speaker, rules, 4, worlds=5) for t in block
        ]
        row, told = summarise(played), trees.evaluate(controller)
        for name in (
            "accuracy",
            "tokens_per_task",
            "prompt_tokens_per_task",
            "completion_tokens_per_task",
            "calls_per_task",
            "speak_rate",
            "correction_rate",
            "corruption_rate",
            "preservation_rate",
            "reviewer_tpr",
            "reviewer_tnr",
        ):
            assert told.figure(name) == pytest.approx(getattr(row, name), abs=1e-12), (policy, name)
        assert told.rows["accuracy"].tolist() == [t.correct for t in played]
        earned = np.zeros(2)
        for transcript in played:
            for turn in transcript.turns:
                value = turn.speak_value if turn.utterance is not None else turn.skip_value
                assert value is not None
                earned[turn.agent] += value
        assert told.role_rewards == pytest.approx(tuple(earned / len(played)))


def test_random_choices_come_to_the_exact_figures():
    trees = expand(SUMS, "simulated", seed=1, worlds=50)
    table = RegretMatching(rules=trees.rules)
    names = trees.keys().names
    for place, name in enumerate(names):
        table.accumulate(name, (0.0, 0.0), speak=(place + 1) / (len(names) + 1), visits=2.0)
    told = trees.evaluate(table)
    rounds = 40
    sums = []
    for number in range(rounds):  # fresh choices on the same trees: the controller is told another random number
        shifted = _Redrawn(table, number)
        played = [
            t
            for block in evaluate({"m": shifted}, TaskList(SUMS), SimulatedSpeaker(), trees.rules, 1, worlds=50)
            for t in block
        ]
        row = summarise(played)
        sums.append((row.accuracy, row.tokens_per_task, row.calls_per_task))
    mean, error = np.mean(sums, axis=0), np.std(sums, axis=0, ddof=1) / math.sqrt(rounds)
    exact = (told.accuracy, told.tokens_per_task, told.calls_per_task)
    assert np.abs(mean - exact).max() > 0
    assert (np.abs(mean - exact) < 4 * error).all()


class _Redrawn:
    """Plays a table's policy with draws of its own, so that the trees' noise stays as it is."""

    def __init__(self, table: RegretMatching, seed: int) -> None:
        self._table, self._draws = table, np.random.default_rng(seed)

    def speak_probability(self, state, key):
        return float(self._draws.random() < self._table.speak_probability(state, key))


def test_all_forms_of_a_policy_come_to_the_same():
    trees = expand(SUMS, "simulated", worlds=4)
    keys = trees.keys()
    table = np.linspace(0.1, 0.9, len(keys.names))
    controller = RegretMatching(rules=trees.rules)
    for name, speak in zip(keys.names, table, strict=True):
        controller.accumulate(name, (0.0, 0.0), speak=float(speak), visits=1.0)
    by_name = dict(zip(keys.names, table.tolist(), strict=True))
    forms = [table, by_name, controller, speak_probabilities(trees, table)]
    told = [evaluate_policy(trees, form) for form in forms]
    for other in told[1:]:
        for name in other.figures:
            assert other.figure(name) == pytest.approx(told[0].figure(name))
    assert trees.evaluate("always").accuracy == trees.evaluate(np.ones(len(keys.names))).accuracy


@pytest.mark.parametrize("information", ["vote_and_time", "vote_only", "time_only", "history"])
def test_a_table_over_each_key(information):
    trees = expand(SUMS, "simulated", Rules(num_agents=3), worlds=3)
    keys = trees.keys(information)
    table = np.arange(len(keys.names)) / len(keys.names)
    controller = RegretMatching(information, trees.rules)
    for name, speak in zip(keys.names, table, strict=True):
        controller.accumulate(name, (0.0, 0.0), speak=float(speak), visits=1.0)
    told = trees.evaluate(controller, information)
    assert controller.unseen == 0
    assert told.accuracy == pytest.approx(trees.evaluate(table, information).accuracy)


def test_no_policy_beats_the_clairvoyant():
    trees = expand(Arithmetic(limit=50), "simulated", worlds=2)
    best = trees.evaluate(clairvoyant(trees))
    for name in FIXED:
        assert (trees.evaluate(name).rows["accuracy"] <= best.rows["accuracy"]).all()
    assert best.accuracy == trees.levels[-1].final_correct.any(axis=1).mean()


def test_standard_errors_are_between_tasks():
    trees = expand(SUMS, "simulated", worlds=7)
    told = trees.evaluate("always")
    means = told.rows["accuracy"].reshape(7, 8).mean(axis=0)
    assert told.by_task("accuracy").tolist() == means.tolist()
    assert told.standard_error("accuracy") == pytest.approx(means.std(ddof=1) / math.sqrt(8))
    twice = expand(SUMS, "simulated", worlds=7, seed=0).evaluate("never")
    gap, error = told.difference(twice)
    pairs = means - twice.by_task("accuracy")
    assert gap == pytest.approx(pairs.mean())
    assert error == pytest.approx(pairs.std(ddof=1) / math.sqrt(8))
    with pytest.raises(ConfigError, match="no paired difference"):
        told.difference(twice, "correction_rate")
    with pytest.raises(ConfigError, match="on the same trees"):
        told.difference(expand(SUMS, "simulated").evaluate("never"))


def test_the_data_is_json():
    data = expand(SUMS, "simulated", worlds=20).evaluate("until_approved").to_data()
    assert json.loads(json.dumps(data)) == data
    assert data["standard_errors"]["correction_rate"] > 0
    assert "accuracy" in repr(expand(SUMS, "simulated").evaluate("never"))


def test_a_timeout_is_neither_right_nor_wrong():
    trees = expand([SUM, Task("sum-2", "What is 6 times 7?", "42")], Script("W?T", "-"), Rules(max_turns=3))
    told = trees.evaluate("always")
    assert (told.accuracy, told.correction_rate, told.role_rewards[0]) == (0.0, None, -1.0)
    majority = expand([SUM], Script("C?T", "-"), Rules(max_turns=3, final_answer="highest_vote")).evaluate("always")
    assert (majority.accuracy, majority.corruption_rate) == (0.0, None)


def test_policies_that_do_not_fit():
    trees = expand(SUMS, "simulated")
    names = trees.keys().names
    with pytest.raises(ConfigError, match=r"trained under other rules: max_turns 7 not 5"):
        trees.evaluate(RegretMatching(rules=Rules(max_turns=7)))
    with pytest.raises(ConfigError, match="no probability for 1 keys"):
        trees.evaluate(dict.fromkeys(names[1:], 0.5))
    with pytest.raises(ConfigError, match="has the shape"):
        trees.evaluate(np.ones(3))
    with pytest.raises(ConfigError, match="arrays of the shapes"):
        trees.evaluate([np.ones((8, 1))])
    with pytest.raises(ConfigError, match="outside \\[0, 1\\]"):
        trees.evaluate(np.full(len(names), 1.5))
    with pytest.raises(ConfigError, match="outside \\[0, 1\\]"):
        trees.evaluate(np.full(len(names), np.nan))
    with pytest.raises(ConfigError, match="no figure 'acuracy'"):
        trees.evaluate("always").figure("acuracy")


class _Reader:
    def speak_probability(self, state, key):
        return float(state.task.difficulty > 0.5)


class _Listener:
    def speak_probability(self, state, key):
        return float(len(state.turns[-1].utterance.text))


def test_a_controller_that_reads_what_it_is_not_shown_is_refused():
    trees = expand(SUMS, "simulated")
    with pytest.raises(ConfigError, match="this one reads the task's 'difficulty'"):
        trees.evaluate(_Reader())
    with pytest.raises(ConfigError, match="this one reads the utterance's 'text'"):
        trees.evaluate(_Listener())
