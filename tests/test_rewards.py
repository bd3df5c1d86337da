"""What a move earns: the whole value table, literally."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import play, proposal, review, utterance

from tracer_env.errors import ConfigError
from tracer_env.rewards import RoleCredit, Team, TeamMinusTokens, skip_value, speak_value
from tracer_env.rules import DialogueState, Rules, advance, final_answer, initial, legal_actions
from tracer_env.types import Role, Task

P, R = Role.PROPOSER, Role.REVIEWER


@pytest.mark.parametrize(("letter", "value"), [("C", 1.0), ("W", -1.0), ("I", -1.0), ("T", 0.0)])
def test_skipping_is_worth_what_stands(letter: str, value: float) -> None:
    assert skip_value(play(letter).pending) == value


def test_skipping_with_nothing_pending_is_worth_nothing() -> None:
    assert skip_value(None) == 0.0


@pytest.mark.parametrize(("letter", "value"), [("C", 1.0), ("W", -1.0), ("I", -1.0), ("T", 0.0)])
@pytest.mark.parametrize("pending", ["C", "W", "I", "T"])
def test_a_new_proposal_is_worth_its_own_grade(pending: str, letter: str, value: float) -> None:
    assert speak_value(P, play(pending).pending, proposal(letter)) == value
    assert speak_value(P, None, proposal(letter)) == value


@pytest.mark.parametrize(
    ("pending", "verdict", "value"),
    [
        ("C", "+", 1.0),
        ("C", "-", -1.0),
        ("C", "0", 0.0),
        ("W", "+", -1.0),
        ("W", "-", 1.0),
        ("W", "0", 0.0),
        ("I", "+", -1.0),
        ("I", "-", 1.0),
        ("I", "0", 0.0),
        ("T", "+", 0.0),
        ("T", "-", 0.0),
        ("T", "0", 0.0),
    ],
)
def test_a_review_is_worth_being_right(pending: str, verdict: str, value: float) -> None:
    assert speak_value(R, play(pending).pending, review(verdict)) == value


def test_a_review_of_nothing_is_worth_nothing() -> None:
    assert speak_value(R, None, review("+")) == 0.0


def _move(letters: str, last: str, rules: Rules | None = None) -> tuple[DialogueState, DialogueState]:
    before = play(letters, rules)
    said = utterance(last, prompt=7, made=3)
    return before, advance(before, 0 if said is None else 1, said)


@pytest.mark.parametrize(
    ("letters", "last", "rewards"),
    [
        ("", "C", (1.0, 0.0)),
        ("", "I", (-1.0, 0.0)),
        ("C", ".", (0.0, 1.0)),
        ("W", "-", (0.0, 1.0)),
        ("W", "+", (0.0, -1.0)),
        ("W.", ".", (-1.0, 0.0)),
        ("W.", "C", (1.0, 0.0)),
        ("T", ".", (0.0, 0.0)),
    ],
)
def test_role_credit_pays_who_acted(letters: str, last: str, rewards: tuple[float, ...]) -> None:
    assert RoleCredit()(*_move(letters, last)) == rewards


def test_role_credit_with_five_agents() -> None:
    rules = Rules(num_agents=5, max_turns=9)
    assert RoleCredit()(*_move("W-C", "-", rules)) == (0.0, 0.0, 0.0, -1.0, 0.0)
    assert RoleCredit()(*_move("", "C", Rules(num_agents=1))) == (1.0,)


@pytest.mark.parametrize(
    ("letters", "last", "rewards"),
    [
        ("", "C", (0.0, 0.0)),
        ("C...", ".", (1.0, 1.0)),
        ("C...", "W", (0.0, 0.0)),
        ("W...", "C", (1.0, 1.0)),
        ("T...", ".", (0.0, 0.0)),
        ("I...", ".", (0.0, 0.0)),
    ],
)
def test_the_team_is_paid_at_the_end(letters: str, last: str, rewards: tuple[float, ...]) -> None:
    assert Team()(*_move(letters, last)) == rewards


def test_the_team_is_paid_for_the_final_answer_not_the_newest() -> None:
    assert Team()(*_move("C+W-", ".", Rules(final_answer="highest_vote"))) == (1.0, 1.0)
    assert Team()(*_move("C+W-", ".", Rules(final_answer="last"))) == (0.0, 0.0)


def test_tokens_cost_what_they_cost() -> None:
    paid = TeamMinusTokens(price=0.01)
    assert paid(*_move("", "C")) == pytest.approx((-0.1, -0.1))
    assert paid(*_move("C", ".")) == (0.0, 0.0)
    assert paid(*_move("C...", "C")) == pytest.approx((0.9, 0.9))
    assert paid(*_move("C...", ".")) == (1.0, 1.0)
    assert TeamMinusTokens().price == 1e-4


@pytest.mark.parametrize("price", [-0.1, float("nan"), float("inf")])
def test_impossible_prices_are_refused(price: float) -> None:
    with pytest.raises(ConfigError, match="the price per token must be a number of at least 0"):
        TeamMinusTokens(price)


@settings(deadline=None)
@given(
    agents=st.integers(1, 4),
    horizon=st.integers(1, 7),
    rule=st.sampled_from(["last", "highest_vote", "majority"]),
    luck=st.lists(st.tuples(st.booleans(), st.sampled_from("CWIT"), st.sampled_from("+-0")), min_size=7, max_size=7),
)
def test_a_teams_return_is_its_accuracy_less_the_tokens(agents, horizon, rule, luck) -> None:
    state = initial(Task("t", "?", "42"), Rules(agents, horizon, final_answer=rule))
    team, charged, spent = 0.0, 0.0, 0
    for speak, grade, verdict in luck[:horizon]:
        mask, said = legal_actions(state), None
        if speak or not mask[0]:
            said = utterance(grade if state.seat.role is P else verdict, prompt=5, made=2)
        after = advance(state, 0 if said is None else 1, said)
        for reward in (RoleCredit(), Team(), TeamMinusTokens(0.5)):
            assert len(reward(state, after)) == agents
        assert set(RoleCredit()(state, after)) <= {-1.0, 0.0, 1.0}
        team += Team()(state, after)[-1]
        charged += TeamMinusTokens(0.5)(state, after)[0]
        spent += 7 if said else 0
        state = after
    answer = final_answer(state)
    assert answer is not None
    assert team == float(answer.correct)
    assert charged == pytest.approx(team - 0.5 * spent)
