"""The rules: masks, votes, ends and final answers, move by move."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import GRADES, TASK, VERDICTS, play, proposal, review, utterance

from tracer_env.errors import ConfigError, IllegalActionError
from tracer_env.rules import (
    Rules,
    advance,
    final_answer,
    initial,
    is_over,
    legal_actions,
    seat,
)
from tracer_env.schedules import RoundRobin, Schedule
from tracer_env.types import Action, Role, Seat, Turn, Verdict

P, R = Role.PROPOSER, Role.REVIEWER


@dataclass(frozen=True)
class ReviewFirst:
    """A schedule that begins with a review: nothing is pending then."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % num_agents, R if turn % 2 else P)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return tuple(turn for turn in turns if turn.seat.agent == seat.agent)


# -- who sits where ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agents", "expected"),
    [
        (1, [(0, P), (0, R), (0, P), (0, R), (0, P)]),
        (2, [(0, P), (1, R), (0, P), (1, R), (0, P)]),
        (3, [(0, P), (1, R), (2, P), (0, R), (1, P)]),
        (5, [(0, P), (1, R), (2, P), (3, R), (4, P)]),
    ],
)
def test_seats_go_round(agents: int, expected: list[tuple[int, Role]]) -> None:
    rules = Rules(num_agents=agents)
    assert [(s.agent, s.role) for s in rules.seats[1:]] == expected
    assert rules.seats[0] == rules.seats[1]


def test_seat_of_a_state_is_the_one_to_move() -> None:
    assert seat(play("")) == Seat(0, P)
    assert seat(play("C")) == Seat(1, R)
    assert play("C+C+C").seat == Seat(0, P)  # after the end: who acted last


def test_proposal_turns_left_counts_this_turn() -> None:
    assert Rules(max_turns=5).proposal_turns_left == (3, 3, 2, 2, 1, 1, 0)
    assert Rules(max_turns=4).proposal_turns_left == (2, 2, 1, 1, 0, 0)


# -- masks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "mask"),
    [
        ("", (0, 1)),
        ("C", (1, 1)),
        ("W", (1, 1)),
        ("I", (1, 1)),  # an invalid text is pending all the same
        ("I.", (1, 1)),
        ("T", (1, 1)),
        ("C+", (1, 1)),
        ("C+.-", (1, 1)),
        ("C+.-.", (0, 0)),
    ],
)
def test_masks(letters: str, mask: tuple[int, int]) -> None:
    assert legal_actions(play(letters)) == mask


def test_with_nothing_pending_a_reviewer_must_skip() -> None:
    rules = Rules(schedule=ReviewFirst())
    assert legal_actions(initial(TASK, rules)) == (1, 0)
    assert legal_actions(play(".", rules)) == (0, 1)  # and then the proposer must speak
    with pytest.raises(IllegalActionError, match=r"illegal action 1 for agent_0 \(reviewer\).* is \(1, 0\)"):
        advance(initial(TASK, rules), 1, review("+"))


@pytest.mark.parametrize(
    ("letters", "action", "line"),
    [
        ("", 0, r"illegal action 0 for agent_0 \(proposer\): the action mask \(SKIP, SPEAK\) is \(0, 1\)"),
        ("C", 2, r"illegal action 2 for agent_1 \(reviewer\): the action mask \(SKIP, SPEAK\) is \(1, 1\)"),
        ("C", -1, r"illegal action -1 for agent_1"),
        ("C", None, r"illegal action None for agent_1"),
        ("C....", 0, r"illegal action 0 for agent_0 \(proposer\): the action mask \(SKIP, SPEAK\) is \(0, 0\)"),
    ],
)
def test_illegal_actions_are_named(letters: str, action: int, line: str) -> None:
    with pytest.raises(IllegalActionError, match=line):
        advance(play(letters), action)


def test_speaking_needs_words_and_skipping_forbids_them() -> None:
    with pytest.raises(ValueError, match="SPEAK at turn 1 goes with an utterance"):
        advance(play(""), 1)
    with pytest.raises(ValueError, match="SKIP at turn 2 goes with no utterance"):
        advance(play("C"), 0, review("+"))
    with pytest.raises(ValueError, match="the proposal at turn 1 has no grade"):
        advance(play(""), 1, review("+"))


# -- votes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "vote", "reviews", "last"),
    [
        ("C", 0, 0, Verdict.NONE),
        ("C+", 1, 1, Verdict.RIGHT),
        ("C-", -1, 1, Verdict.WRONG),
        ("C0", 0, 1, Verdict.NONE),
        ("C.", 0, 0, Verdict.NONE),
        ("C+.+", 2, 2, Verdict.RIGHT),
        ("C+.-", 0, 2, Verdict.WRONG),
        ("C-.-", -2, 2, Verdict.WRONG),
        ("C+.0", 1, 2, Verdict.NONE),
        ("C+W", 0, 0, Verdict.NONE),  # a new proposal starts afresh
        ("C+W-", -1, 1, Verdict.WRONG),
        ("I-", -1, 1, Verdict.WRONG),
    ],
)
def test_votes(letters: str, vote: int, reviews: int, last: Verdict) -> None:
    pending = play(letters).pending
    assert pending is not None
    assert (pending.vote, pending.reviews, pending.last_verdict) == (vote, reviews, last)


def test_earlier_proposals_keep_the_vote_they_last_had() -> None:
    state = play("C+W-C")
    assert [(p.turn, p.vote) for p in state.proposals] == [(1, 1), (3, -1), (5, 0)]


def test_turns_record_what_was_done() -> None:
    state = play("C.W")
    assert [(t.number, t.seat.agent, t.action) for t in state.turns] == [
        (1, 0, Action.SPEAK),
        (2, 1, Action.SKIP),
        (3, 0, Action.SPEAK),
    ]
    assert state.turns[1].utterance is None


# -- ends ----------------------------------------------------------------------------------------


def test_the_horizon_plays_all_turns() -> None:
    assert not is_over(play("C..."))
    assert is_over(play("C...."))
    assert play("C....").turn == 6


def test_a_kept_answer_ends_the_dialogue_when_asked_for() -> None:
    rules = Rules(stop_when="kept")
    assert not is_over(play("C.", rules))  # a silent reviewer ends nothing
    assert is_over(play("C..", rules))
    assert play("C..", rules).turn == 4
    assert not is_over(play("C.W.", rules))
    assert is_over(play("C.W.C", rules))


@pytest.mark.parametrize("horizon", [1, 2, 3, 9])
def test_the_last_turn_is_the_last(horizon: int) -> None:
    rules = Rules(max_turns=horizon)
    assert is_over(play("C" + "." * (horizon - 1), rules))
    if horizon > 1:
        assert not is_over(play("C" + "." * (horizon - 2), rules))


# -- final answers -------------------------------------------------------------------------------


def _final(letters: str, rule: str) -> int | None:
    answer = final_answer(play(letters, Rules(final_answer=rule, max_turns=9)))
    return None if answer is None else answer.turn


@pytest.mark.parametrize(
    ("letters", "rule", "turn"),
    [
        ("", "last", None),
        ("", "majority", None),
        ("C+W-", "last", 3),
        ("C+I", "last", 3),
        ("C+W-", "highest_vote", 1),
        ("C.W.", "highest_vote", 3),  # a tie goes to the newest
        ("C-W.", "highest_vote", 3),
        ("C-I+", "highest_vote", 1),  # unparsable ones are out
        ("I-I+", "highest_vote", 3),  # unless all are
        ("I+I-", "highest_vote", 1),
        ("C.W.C.", "majority", 5),
        ("C.C.W.", "majority", 3),
        ("C.W.", "majority", 3),  # a tie goes to the newest
        ("W.C.C.W.", "majority", 7),
        ("C.I.I.", "majority", 1),
        ("I.I.", "majority", 3),
    ],
)
def test_final_answers(letters: str, rule: str, turn: int | None) -> None:
    assert _final(letters, rule) == turn


def test_majority_counts_strings() -> None:
    state = initial(TASK, Rules(max_turns=5, final_answer="majority"))
    for answer in ("7", None, "8", None, "7"):
        said = None if answer is None else proposal("W", answer)
        state = advance(state, 0 if said is None else 1, said)
    assert [p.utterance.answer for p in state.proposals] == ["7", "8", "7"]
    winner = final_answer(state)
    assert winner is not None
    assert (winner.turn, winner.utterance.answer) == (5, "7")


def test_validity_and_correctness_of_a_proposal() -> None:
    seen = {letter: play(letter).proposals[0] for letter in GRADES}
    assert {letter: p.valid for letter, p in seen.items()} == {"C": True, "W": True, "I": False, "T": True}
    assert {letter: p.correct for letter, p in seen.items()} == {"C": True, "W": False, "I": False, "T": False}


# -- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "numbers"),
    [(0, []), (1, [5]), (2, [3, 5]), (3, [2, 3, 5]), (4, [1, 2, 3, 5]), (9, [1, 2, 3, 5])],
)
def test_the_window_holds_the_newest_spoken_turns(window: int, numbers: list[int]) -> None:
    state = play("C-W.C", Rules(max_turns=9, history_window=window))
    assert [turn.number for turn in state.history] == numbers


def test_a_schedule_says_what_a_seat_may_read() -> None:
    state = play(".C+.", Rules(schedule=ReviewFirst(), max_turns=9))
    assert state.seat.agent == 0
    assert [turn.number for turn in state.history] == [3]  # agent 0 reads its own words only


# -- rules that cannot be ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"num_agents": 0}, "rules.num_agents must be a whole number from 1 to 4096, got 0"),
        ({"num_agents": -2}, "rules.num_agents must be a whole number from 1 to 4096, got -2"),
        ({"max_turns": 0}, "rules.max_turns must be a whole number from 1 to 4096, got 0"),
        ({"max_turns": 2.5}, "rules.max_turns must be a whole number from 1 to 4096, got 2.5"),
        ({"max_turns": True}, "rules.max_turns must be a whole number from 1 to 4096, got True"),
        ({"max_turns": 4097}, "rules.max_turns must be a whole number from 1 to 4096, got 4097"),
        ({"history_window": -1}, "rules.history_window must be a whole number from 0 to 4096, got -1"),
        ({"stop_when": "keep"}, "rules.stop_when is 'keep'; did you mean 'kept'?"),
        (
            {"final_answer": "first"},
            "rules.final_answer is 'first'; choose one of: last, highest_vote, majority, majority_of_agents",
        ),
        ({"schedule": "round"}, "rules.schedule must have seat() and readable(), or be a schedule's name, got 'round'"),
    ],
)
def test_impossible_rules_are_refused(settings_: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Rules(**settings_)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_round_robin_is_a_schedule() -> None:
    assert isinstance(RoundRobin(), Schedule)
    assert RoundRobin() == RoundRobin()
    assert Rules() == Rules(num_agents=2, max_turns=5, stop_when="horizon", final_answer="last", history_window=4)


# -- properties ----------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    agents=st.integers(1, 5),
    horizon=st.integers(1, 9),
    stop=st.sampled_from(["horizon", "kept"]),
    rule=st.sampled_from(["last", "highest_vote", "majority"]),
    first=st.sampled_from([RoundRobin(), ReviewFirst()]),
    luck=st.lists(st.tuples(st.booleans(), st.sampled_from("CWIT"), st.sampled_from("+-0")), min_size=9, max_size=9),
)
def test_any_legal_play_ends_in_time(agents, horizon, stop, rule, first, luck) -> None:
    rules = Rules(agents, horizon, first, stop, rule)
    state = initial(TASK, rules)
    moves = 0
    for speak, grade, verdict in luck:
        if state.over:
            break
        mask = legal_actions(state)
        assert sum(mask) >= 1
        action = int(speak) if mask == (1, 1) else mask[1]
        said = utterance(grade if state.seat.role is P else verdict) if action else None
        before, count = repr(state), len(state.turns)
        after = advance(state, action, said)
        assert repr(state) == before  # the old state stands as it was
        assert len(after.turns) == count + 1
        assert after.turns[:count] == state.turns
        state, moves = after, moves + 1
    assert state.over
    assert moves <= horizon
    assert moves == horizon or stop == "kept"
    assert legal_actions(state) == (0, 0)
    pending = state.pending
    if pending is not None:
        assert abs(pending.vote) <= pending.reviews <= horizon
        assert final_answer(state) in state.proposals
    with pytest.raises(IllegalActionError):
        advance(state, 0)


def test_letters_cover_all_verdicts() -> None:
    assert set(VERDICTS.values()) == set(Verdict)
