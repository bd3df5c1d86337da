"""Where samples come from: order of tasks, right and wrong proposals in turn, what a team earns."""

from __future__ import annotations

from collections import Counter

import pytest
from moves import TASK, proposal, review
from training import Scripted

from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError
from tracer_env.randomness import stream
from tracer_env.rules import Rules, advance, initial
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.gspo.rewards import PAPER
from tracer_env.trainers.gspo.rollouts import (
    Drawn,
    ProposalRollouts,
    ReviewRollouts,
    TaskOrder,
    TeamRollouts,
    group_of,
    wants_right,
)
from tracer_env.types import Role, Seat, Turn

TASKS = Arithmetic(split="train", level=1, limit=6)
SPEAKER = SimulatedSpeaker()


class ReviewersFirst:
    """A schedule that begins with a review."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat(0, Role.PROPOSER if turn == 2 else Role.REVIEWER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return turns


# -- order of tasks ------------------------------------------------------------------------------


def test_each_task_comes_once_an_epoch_and_each_epoch_in_its_own_order() -> None:
    order = TaskOrder(TASKS, per_step=4, seed=3)
    dealt = [place for step in range(3) for place in order.of(step)]
    first, second = [p.task.id for p in dealt[:6]], [p.task.id for p in dealt[6:]]
    everything = sorted(task.id for task in TASKS)
    assert sorted(first) == sorted(second) == everything
    assert first != second
    assert [p.world for p in dealt] == [0] * 6 + [1] * 6
    assert [p.number for p in dealt] == [0, 1, 2, 3] * 3


def test_the_order_is_a_function_of_seed_and_step() -> None:
    late = TaskOrder(TASKS, 4, seed=3).of(7)
    assert late == TaskOrder(Arithmetic(split="train", level=1, limit=6), 4, seed=3).of(7)
    assert late != TaskOrder(TASKS, 4, seed=4).of(7)


def test_a_process_is_dealt_its_places_of_the_same_order() -> None:
    order = TaskOrder(TASKS, 4, seed=3)
    assert order.of(1, lambda place: place % 2 == 1) == order.of(1)[1::2]


def test_a_step_may_hold_more_than_an_epoch() -> None:
    worlds = Counter(place.world for place in TaskOrder(TASKS, 8, seed=0).of(0))
    assert worlds == {0: 6, 1: 2}


# -- lone roles ----------------------------------------------------------------------------------


def test_candidates_of_a_task_are_one_group_with_the_noise_of_seed_task_and_epoch() -> None:
    speaker = Scripted({1: [proposal("C"), proposal("W"), proposal("T")]})
    drawn = ProposalRollouts(TaskOrder(TASKS, 2, seed=5), speaker, 3).play(3)
    assert [(one.place, one.reward) for one in drawn] == [
        (0, 1.0),
        (0, -1.0),
        (0, None),
        (1, 1.0),
        (1, -1.0),
        (1, None),
    ]
    assert len({one.group for one in drawn}) == 2
    assert {one.policy for one in drawn} == {"proposer"}
    for request, place in zip(speaker.asked, TaskOrder(TASKS, 2, seed=5).of(3), strict=True):
        assert place.world == 1
        assert request.stream == stream(5, place.task.id, 1)
        assert request.candidates == 3


def test_groups_of_long_dialogues_stay_apart() -> None:
    rules = Rules(max_turns=600)
    states = [initial(TASK, rules)._replace(turn=turn) for turn in range(1, 601)]
    assert len({group_of(place, state) for place in range(3) for state in states}) == 1800


def test_right_and_wrong_proposals_are_wanted_in_turn() -> None:
    assert [wants_right(n) for n in range(8)] == [True, False, False, True, False, True, True, False]
    for stride in (1, 2, 4):
        assert sum(wants_right(n) for n in range(0, 64 * stride, stride)) == 32


def test_reviews_are_of_right_and_wrong_proposals_in_turn() -> None:
    speaker = Scripted({1: [proposal("T"), proposal("W"), proposal("C"), proposal("I")], 2: [review("+"), review("-")]})
    rollouts = ReviewRollouts(TaskOrder(TASKS, 4), speaker, 2)
    drawn = rollouts.play(0) + rollouts.play(1)
    pending = [one.state.pending.correct for one in drawn[::2] if one.state.pending is not None]
    assert pending == [wants_right(number) for number in range(8)]
    assert [one.reward for one in drawn[:4]] == [1.0, -1.0, -1.0, 1.0]
    assert {(one.policy, one.state.turn) for one in drawn} == {("reviewer", 2)}


def test_where_there_is_no_such_proposal_the_first_is_reviewed() -> None:
    speaker = Scripted({1: [proposal("C")] * 4, 2: [review("+"), review("-")]})
    drawn = ReviewRollouts(TaskOrder(TASKS, 2), speaker, 2).play(0)
    assert [one.reward for one in drawn] == [1.0, -1.0, 1.0, -1.0]


def test_a_reward_object_pays() -> None:
    speaker = Scripted({1: [proposal("C")] * 4, 2: [review("0"), review("+")]})
    drawn = ReviewRollouts(TaskOrder(TASKS, 1), speaker, 2, reward=PAPER).play(0)
    assert [one.reward for one in drawn] == [0.0, 1.0]


def test_rules_that_begin_with_a_review_are_refused() -> None:
    with pytest.raises(ConfigError, match="training needs a proposal first"):
        ProposalRollouts(TaskOrder(TASKS, 2), SPEAKER, 2, Rules(max_turns=2, schedule=ReviewersFirst()))


@pytest.mark.parametrize("kind", [ProposalRollouts, ReviewRollouts])
def test_a_rollout_is_a_function_of_the_step(kind: type[ProposalRollouts] | type[ReviewRollouts]) -> None:
    rollouts = kind(TaskOrder(TASKS, 4, seed=1), SPEAKER, 3)
    third = rollouts.play(2)
    rollouts.play(0)
    rollouts.play(1)
    assert rollouts.play(2) == third
    halves = [one for part in (0, 1) for one in rollouts.play(2, lambda place, part=part: place % 2 == part)]
    assert sorted(halves, key=_place) == sorted(third, key=_place)


def test_rollouts_that_learn_nothing_have_nothing_to_remember() -> None:
    rollouts = ProposalRollouts(TaskOrder(TASKS, 4), SPEAKER, 3)
    assert rollouts.learn() == {}
    assert rollouts.state_dict() is None
    rollouts.load_state_dict(None)
    assert rollouts.told[0] == 3
    assert ReviewRollouts(TaskOrder(TASKS, 4), SPEAKER, 3, choices=2).told[-1] == 2


# -- teams ---------------------------------------------------------------------------------------


def test_all_utterances_of_a_dialogue_earn_what_the_team_earns() -> None:
    class Two:
        """The first dialogue ends right, the second wrong."""

        def __init__(self) -> None:
            self.streams: list[int] = []

        def speak(self, requests: object) -> list[object]:
            said = []
            for request in requests:  # type: ignore[attr-defined]
                if request.stream not in self.streams:
                    self.streams.append(request.stream)
                turn, dialogue = request.state.turn, self.streams.index(request.stream)
                said.append(review("-") if turn == 2 else proposal("WC"[dialogue] if turn == 1 else "CW"[dialogue]))
            return said

    rules = Rules(max_turns=3)
    rollouts = TeamRollouts(TaskOrder(TASKS, 1), Two(), 2, lambda state: state.seat.role.name.lower(), rules)  # type: ignore[arg-type]
    drawn = rollouts.play(0)
    assert [(one.state.turn, one.reward) for one in drawn] == [
        (1, 1.0),
        (2, 1.0),
        (3, 1.0),
        (1, -1.0),
        (2, -1.0),
        (3, -1.0),
    ]
    assert [one.policy for one in drawn[:3]] == ["proposer", "reviewer", "proposer"]
    assert [one.group for one in drawn[:3]] == [one.group for one in drawn[3:]]
    assert len({one.group for one in drawn}) == 3


def test_a_team_whose_answer_timed_out_gives_no_samples() -> None:
    speaker = Scripted({1: [proposal("C")], 2: [review("+")], 3: [proposal("T")]})
    rollouts = TeamRollouts(TaskOrder(TASKS, 1), speaker, 2, lambda state: "proposer", Rules(max_turns=3))
    assert [one.reward for one in rollouts.play(0)] == [None] * 6


def test_dialogues_that_end_early_are_left_alone() -> None:
    # Everybody speaks, so nobody keeps an answer and the horizon ends all dialogues.
    rollouts = TeamRollouts(TaskOrder(TASKS, 3), SPEAKER, 2, lambda state: "proposer", Rules(stop_when="kept"))
    assert Counter(one.state.turn for one in rollouts.play(0)) == dict.fromkeys(range(1, 6), 6)
    assert advance(initial(TASK, Rules(max_turns=1)), 1, proposal("C")).over


def _place(one: Drawn) -> tuple[int, str, str]:
    return one.place, one.utterance.text, repr(one.utterance)
