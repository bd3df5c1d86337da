"""TRACER's dialogues by hand: choices, both branches valued, regrets, candidate 0, timeouts, processes."""

from __future__ import annotations

from typing import Any

import pytest
from moves import play, proposal, review
from training import Scripted, in_two_threads, tasks

from tracer_env.agents.controllers.baselines import Always, Never
from tracer_env.agents.controllers.cast import CastController
from tracer_env.agents.controllers.regret_matching import RegretMatching, Row
from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Controller
from tracer_env.randomness import Purpose, stream, uniform
from tracer_env.rules import DialogueState, Rules
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.hooks import Hooks
from tracer_env.trainers.gspo.rewards import PAPER
from tracer_env.trainers.gspo.rollouts import TaskOrder
from tracer_env.trainers.tracer.rollouts import TracerRollouts
from tracer_env.trainers.tracer.settings import TracerSettings

THREE = Rules(max_turns=3)
KEY = information_named("vote_and_time")
REVIEW = KEY(play("C", THREE))
KEPT, APPROVED = KEY(play("C.", THREE)), KEY(play("C+", THREE))
SAID = {1: [proposal("C"), proposal("W")], 2: [review("+"), review("-")], 3: [proposal("W"), proposal("C")]}


def _role(state: DialogueState) -> str:
    return state.seat.role.name.lower()


def _table(**speaks: tuple[float, float]) -> RegretMatching:
    """A table whose rows have these regrets of (SKIP, SPEAK)."""
    names = {"review": REVIEW, "kept": KEPT, "approved": APPROVED}
    table = RegretMatching(rules=THREE)
    table.rows = {names[name]: Row(regret=list(pair)) for name, pair in speaks.items()}
    return table


def _rollouts(controller: Controller, said: dict[int, Any] | None = None, **others: Any) -> TracerRollouts:
    order = TaskOrder(tasks(6), others.pop("per_step", 1), seed=2)
    settings = TracerSettings(
        **{"fading": 1.0, **{key: others.pop(key) for key in {"fading", "reviews"} & set(others)}}
    )
    others = {"rules": THREE, **others}
    return TracerRollouts(order, Scripted(said or SAID), 2, controller, _role, settings, **others)


def _regrets(table: RegretMatching) -> dict[str, list[float]]:
    return {key: row.cumulative_regret for key, row in table.rows.items()}


# -- forgetting --------------------------------------------------------------------------------


def test_what_was_learnt_fades_before_a_step_is_added() -> None:
    table = _table(review=(0, 1), approved=(1, 0))
    rollouts = _rollouts(table, fading=0.5)
    rollouts.play(0)
    rollouts.learn()
    first = {key: (list(row.cumulative_regret), list(row.strategy), row.visits) for key, row in table.rows.items()}
    rollouts.play(1)
    expected = {key: ([r / 2 for r in regret], visits / 2) for key, (regret, _, visits) in first.items()}
    decisions = list(rollouts._decisions)
    chances = {one.key: float(table.policy(one.key)[1]) for one in decisions}
    rollouts.learn()
    for one in decisions:
        value = (1 - chances[one.key]) * one.skip + chances[one.key] * one.speak
        regret, visits = expected[one.key]
        expected[one.key] = ([regret[0] + one.skip - value, regret[1] + one.speak - value], visits + 1)
    assert {key: (row.cumulative_regret, row.visits) for key, row in table.rows.items()} == expected


@pytest.mark.parametrize("fading", [0.0, 1.5, -1.0])
def test_an_impossible_fading_is_refused(fading: float) -> None:
    with pytest.raises(ConfigError, match=r"fading must lie in \(0, 1\]"):
        _rollouts(_table(), fading=fading)


# -- which reviews teach -------------------------------------------------------------------------


def test_reviews_of_the_frequent_kind_are_left_out_of_learning_alone() -> None:
    rollouts = _rollouts(_table(review=(0, 1), approved=(1, 0)), per_step=6)
    rollouts.reviews.seen(right=99, wrong=0)
    drawn = rollouts.play(0)
    reviews = [one for one in drawn if one.policy == "reviewer"]
    assert len(reviews) == 12
    kept = [uniform(stream(2, one.state.task.id), 2, Purpose.LEARNING) < 1 / 100 for one in reviews]
    assert [one.learns for one in reviews] == kept
    assert not all(kept)
    assert all(one.learns for one in drawn if one.policy == "proposer")
    assert rollouts.learn()["average_regret"] is not None
    assert rollouts.reviews.state_dict() == {"right": 0.9 * 99 + 6, "wrong": 0.0}
    everything = _rollouts(_table(review=(0, 1), approved=(1, 0)), reviews="all", per_step=6).play(0)
    assert all(one.learns for one in everything)
    assert [one[:-1] for one in everything] == [one[:-1] for one in drawn]


# -- by hand -------------------------------------------------------------------------------------


def test_choices_values_and_regrets() -> None:
    # The reviewer speaks for sure, the proposer then keeps for sure.
    table = _table(review=(0, 1), approved=(1, 0))
    rollouts = _rollouts(table)
    drawn = rollouts.play(0)
    assert [(one.policy, one.state.turn, one.reward) for one in drawn] == [
        ("proposer", 1, 1.0),
        ("proposer", 1, -1.0),
        ("reviewer", 2, 1.0),
        ("reviewer", 2, -1.0),
        ("proposer", 3, -1.0),
        ("proposer", 3, 1.0),
    ]
    metrics = rollouts.learn()
    # Review: v(SPEAK) = (1 - 1) / 2 = 0, v(SKIP) = 1, played value 0. Keeping: v(SPEAK) = 0, v(SKIP) = 1, played 1.
    assert _regrets(table) == {REVIEW: [1.0, 0.0], APPROVED: [0.0, -1.0]}
    assert table.rows[REVIEW].strategy == [0.0, 1.0]
    assert metrics["dialogue_accuracy"] == 1.0
    assert metrics["calls_per_task"] == 2
    assert metrics["speak_rate"] == 0.5
    assert metrics["average_regret"] == 0.5


def test_both_branches_are_valued_whatever_was_chosen() -> None:
    table = _table(review=(3, 1), kept=(3, 1), approved=(3, 1))
    rollouts = _rollouts(table)
    rollouts.play(0)
    rollouts.learn()
    # P(SPEAK) = 1/4, v = (1, 0): the policy was worth 3/4.
    assert _regrets(table)[REVIEW] == [0.25, -0.75]


def test_choices_are_drawn_with_the_probability_of_the_row_from_the_noise_of_the_episode() -> None:
    table = _table(review=(3, 1), kept=(1, 0), approved=(1, 0))
    rollouts = _rollouts(table)
    rollouts.order = TaskOrder(Arithmetic(split="train", level=1, limit=400), 400, seed=2)
    drawn = rollouts.play(0)
    third = [one.state for one in drawn if one.state.turn == 3][::2]
    spoke = [state.turns[1].utterance is not None for state in third]
    assert spoke == [uniform(stream(2, state.task.id), 2, Purpose.CHOICE) < 0.25 for state in third]
    assert sum(spoke) / 400 == pytest.approx(0.25, abs=0.07)
    assert rollouts.learn()["speak_rate"] == sum(spoke) / 800


def test_candidate_zero_enters_and_only_when_the_choice_was_to_speak() -> None:
    speaking, silent = _rollouts(_table(review=(0, 1), approved=(1, 0))), _rollouts(_table(review=(1, 0), kept=(1, 0)))
    for rollouts, vote, said in ((speaking, 1, SAID[2][0]), (silent, 0, None)):
        last = rollouts.play(0)[-1].state
        assert last.pending is not None
        assert last.pending.utterance == SAID[1][0]
        assert last.pending.vote == vote
        assert last.turns[1].utterance == said


def test_the_mean_runs_over_what_was_graded() -> None:
    table = _table(review=(1, 0), kept=(0, 1))
    rollouts = _rollouts(table, SAID | {3: [proposal("T"), proposal("C")]})
    drawn = rollouts.play(0)
    assert [one.reward for one in drawn[-2:]] == [None, 1.0]
    rollouts.learn()
    assert _regrets(table)[KEPT] == [0.0, 0.0]  # v(SPEAK) = 1 = v(SKIP)


@pytest.mark.parametrize(
    ("said", "learned"),
    [({3: [proposal("T"), proposal("T")]}, {REVIEW}), ({1: [proposal("T"), proposal("C")]}, set())],
)
def test_a_decision_that_needs_a_grade_that_timed_out_is_left_out(said: dict[int, Any], learned: set[str]) -> None:
    table = _table(review=(1, 0), kept=(1, 0))
    rollouts = _rollouts(table, SAID | said)
    rollouts.play(0)
    rollouts.learn()
    assert {key for key, row in table.rows.items() if row.visits} == learned


def test_seats_of_a_silent_controller_draw_nothing() -> None:
    rollouts = _rollouts(CastController({"proposer": _table(kept=(1, 0)), "reviewer": Never()}))
    assert {one.state.turn for one in rollouts.play(0)} == {1, 3}
    assert {request.state.turn for request in rollouts.speaker.asked} == {1, 3}  # type: ignore[attr-defined]
    assert rollouts.learn()["speak_rate"] == 0.0


def test_a_fixed_controller_that_speaks_draws_candidates_and_learns_nothing() -> None:
    table = _table(review=(1, 0))
    rollouts = _rollouts(CastController({"proposer": Always(), "reviewer": table}))
    assert [one.state.turn for one in rollouts.play(0)] == [1, 1, 2, 2, 3, 3]
    metrics = rollouts.learn()
    assert set(_regrets(table)) == {REVIEW}
    assert metrics["dialogue_accuracy"] == 0.0  # candidate 0 of turn 3 is wrong
    assert metrics["speak_rate"] == 0.5  # of two free choices; the fixed controller's counts as well
    parts = {"proposer": "Always()", "reviewer": "regret_matching"}
    assert rollouts.told == [2, "vote_and_time", parts, "BalancedReviews", 1.0, "one_step"]


def test_accuracy_is_that_of_the_answer_that_counts() -> None:
    rules = Rules(max_turns=3, final_answer="highest_vote")
    rollouts = _rollouts(CastController({"proposer": Always(), "reviewer": Always()}), rules=rules)
    rollouts.play(0)
    assert rollouts.learn()["dialogue_accuracy"] == 1.0  # the first proposal has the vote


def test_the_reward_object_pays_candidates_and_not_choices() -> None:
    table = _table(review=(0, 1), approved=(1, 0))
    rollouts = _rollouts(table, SAID | {2: [review("0"), review("0")]}, reward=PAPER)
    assert [one.reward for one in rollouts.play(0) if one.policy == "reviewer"] == [0.0, 0.0]


def test_the_value_hook_is_asked_for_both_actions() -> None:
    asked: list[tuple[str, float]] = []

    def value(action: str, default: float, **context: Any) -> float:
        asked.append((action, default))
        return 3.0 if action == "reviewer_speak" else default

    table = _table(review=(1, 0), kept=(1, 0))
    rollouts = _rollouts(table, hooks=Hooks(value=value))
    rollouts.play(0)
    rollouts.learn()
    assert asked == [
        ("reviewer_skip", 1.0),
        ("reviewer_speak", 0.0),
        ("proposal_keep", 1.0),
        ("proposal_refresh", 0.0),
    ]
    assert _regrets(table)[REVIEW] == [0.0, 2.0]


# -- batches, processes, going on ------------------------------------------------------------------


def _simulated(processes: Any = None) -> TracerRollouts:
    order = TaskOrder(Arithmetic(split="train", limit=20), 6, seed=4)
    unfaded = TracerSettings(fading=1.0)
    return TracerRollouts(order, SimulatedSpeaker(), 3, RegretMatching(), _role, unfaded, processes=processes)


def test_two_processes_are_one() -> None:
    alone = _simulated()
    lines = [(alone.play(step), alone.learn())[1] for step in range(4)]
    teams, drawn, found = in_two_threads(_simulated, 4)
    assert found == [lines, lines]
    assert teams[0].state_dict() == teams[1].state_dict() == alone.state_dict()
    assert {one.place % 2 for one in drawn[1][0]} == {1}


def test_tables_are_taken_over() -> None:
    first, second, whole = _simulated(), _simulated(), _simulated()
    for step in range(4):
        whole.play(step)
        whole.learn()
    for step in (0, 1):
        first.play(step)
        first.learn()
    second.load_state_dict(first.state_dict())
    for step in (2, 3):
        second.play(step)
        second.learn()
    assert second.state_dict() == whole.state_dict()


def test_how_much_a_language_model_writes_at_once_changes_no_text() -> None:
    played = []
    for budget in (200, 65_536):
        speaker = Nano(max_new_tokens=40, max_batch_tokens=budget)
        rollouts = TracerRollouts(TaskOrder(tasks(), 3), speaker, 2, RegretMatching(), _role)
        played.append([(one.place, one.state.turn, one.utterance.token_ids) for one in rollouts.play(0)])
        rollouts.learn()
    assert played[0] == played[1]
