"""What moving others is worth, by hand: scores, levels, and each term of the shaping alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moves import TASK, proposal, review

from tracer_env.rules import DialogueState, Rules, advance, initial
from tracer_env.trainers.gspo.rewards import PAPER
from tracer_env.trainers.team.influence import Influence, Spoken, incentive, levels, shaped, verification
from tracer_env.trainers.team.settings import MAPoRLSettings
from tracer_env.types import Role, Seat, Turn

POWERS = MAPoRLSettings(alpha0=1, alpha1=10, beta0=100, beta1=1000, discount=0.5)
"""Weights that tell apart which terms were paid."""
NONE = MAPoRLSettings(alpha0=0, alpha1=0, beta0=0, beta1=0, discount=0.5)


class Rounds:
    """Everybody proposes, having read what was said in earlier rounds."""

    agents = 3

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % self.agents, Role.PROPOSER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return turns[: len(turns) // self.agents * self.agents]


def told(text: str, agents: int = 2, rounds: bool = False) -> list[Spoken]:
    """``C`` right, ``W`` wrong, ``?`` not graded; agents in turn, a level each, or a level a round."""
    scores = {"C": True, "W": False, "?": None}
    return [Spoken(at % agents, at // agents if rounds else at, scores[c]) for at, c in enumerate(text)]


# -- verification --------------------------------------------------------------------------------


def test_verification_by_hand() -> None:
    """1 + 0.5 * 0 + 0.25 * 1 over 1.75; then 0 + 0.5 * 1 over 1.5; then 1."""
    said = told("CWC")
    assert [verification(said, at, 0.5) for at in range(3)] == pytest.approx([1.25 / 1.75, 0.5 / 1.5, 1.0])
    assert [verification(said, at, 0.0) for at in range(3)] == [1.0, 0.0, 1.0]


def test_verification_of_rounds_is_shared_by_all() -> None:
    """Agent 0 is right at once, then two of three are: (1 + 0.5 * 2/3) / 1.5; its peers of a round do not count."""
    said = told("CWWCCW", agents=3, rounds=True)
    assert verification(said, 0, 0.5) == pytest.approx((1 + 0.5 * 2 / 3) / 1.5)
    assert verification(said, 1, 0.5) == pytest.approx((0 + 0.5 * 2 / 3) / 1.5)
    assert [verification(said, at, 0.5) for at in (3, 4, 5)] == [1.0, 1.0, 0.0]


def test_what_was_not_graded_does_not_count() -> None:
    assert verification(told("C?W"), 0, 0.5) == pytest.approx(1 / 1.25)
    assert shaped(told("C?C"), NONE) == [1.0, None, 1.0]


# -- incentives ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("WCC", 2, 1),  # persuaded
        ("CWW", 2, -1),  # misled
        ("WWC", 2, 10),  # mended by itself
        ("CCW", 2, -10),  # spoilt by itself
        ("CWC", 2, 0),  # kept
        ("WCC", 1, 1000),  # corrected the other
        ("CWW", 1, -1000),  # led it astray
        ("WWC", 1, 100),  # of use all the same
        ("CCW", 1, -100),  # did not keep it
        ("WCC", 0, 0),  # nobody was there to be moved
        ("WCW", 1, 0),  # not heard
        ("?CC", 1, 0),  # from what, nobody knows
        ("?CC", 2, 0),
    ],
)
def test_every_term_by_hand(text: str, at: int, expected: float) -> None:
    assert incentive(told(text), at, POWERS) == expected
    assert incentive(told(text), at, NONE) == 0


@pytest.mark.parametrize(
    ("text", "earned"),
    [
        # Both others of agent 0 become right, and it was: 1000. Those two had one right and one wrong other: a tie.
        ("CWWCCC", [1000, 0, 0, 0, 0, 0]),
        # Agent 0 was wrong and is right, the two others were right before: 1.
        ("WCCCCC", [0, 0, 0, 1, 0, 0]),
        # All wrong, then all right: each was as wrong as the others that became right, and each mended by itself.
        ("WWWCCC", [100, 100, 100, 10, 10, 10]),
    ],
)
def test_a_debate_by_hand(text: str, earned: list[float]) -> None:
    said = told(text, agents=3, rounds=True)
    assert [incentive(said, at, POWERS) for at in range(6)] == earned


def test_alone_one_mends_and_spoils_by_oneself() -> None:
    assert [incentive(told("WCW", agents=1), at, POWERS) for at in range(3)] == [0, 10, -10]


@given(st.text("CW", min_size=1, max_size=9), st.integers(1, 4))
def test_changed_scores_change_the_sign(text: str, agents: int) -> None:
    """An incentive of the dialogue with every score turned round is its opposite."""
    turned = text.translate(str.maketrans("CW", "WC"))
    pairs = zip(*([told(each, agents) for each in (text, turned)]), strict=True)
    assert all(one.right != other.right for one, other in pairs)
    for at in range(len(text)):
        assert incentive(told(text, agents), at, POWERS) == -incentive(told(turned, agents), at, POWERS)


# -- dialogues -----------------------------------------------------------------------------------


def played(letters: str, rules: Rules) -> tuple[DialogueState, list[Any]]:
    state, said = initial(TASK, rules), []
    for letter in letters:
        utterance = review(letter) if letter in "+-0" else proposal(letter)
        said.append((state, utterance))
        state = advance(state, 1, utterance)
    return state, said


def test_levels_are_turns_where_all_is_read_and_rounds_in_a_debate() -> None:
    _, said = played("W-C+C", Rules())
    assert levels([state for state, _ in said]) == [0, 1, 2, 3, 4]
    _, said = played("WCWCCC", Rules(schedule=Rounds(), num_agents=3, max_turns=6))
    assert levels([state for state, _ in said]) == [0, 0, 0, 1, 1, 1]


def test_a_dialogue_by_hand() -> None:
    """A wrong proposal, a right WRONG, a right proposal: the review corrected it, and it was persuaded."""
    end, said = played("W-C", Rules(max_turns=3))
    assert Influence(POWERS)(PAPER, end, said) == pytest.approx(
        [(0 + 0.5 + 0.25) / 1.75, (1 + 0.5) / 1.5 + 1000, 1.0 + 1.0]
    )


def test_what_timed_out_is_no_sample() -> None:
    end, said = played("T-C", Rules(max_turns=3))
    assert Influence(POWERS)(PAPER, end, said) == [None, None, 1.0]
