"""The view that a seat reads: the words, and nothing of the answer sheet."""

from __future__ import annotations

import inspect

import pytest
from moves import TASK, play

from tracer_env.dialogue import Dialogue, Line
from tracer_env.rules import DialogueState, Proposal, Rules
from tracer_env.types import Action, Grade, Role, Seat, Turn, Utterance, Verdict


def test_the_context_of_the_first_turn() -> None:
    assert Dialogue(play("")).context() == (
        "Question: What is 6 times 7?\n[turn 1 of 5, vote +0] agent_0 (proposer): propose a solution."
    )


def test_the_context_in_the_middle() -> None:
    assert Dialogue(play("W-")).context() == (
        "Question: What is 6 times 7?\n"
        "[turn 1, agent_0, proposer] proposal W\n"
        "[turn 2, agent_1, reviewer] review -\n"
        "[turn 3 of 5, vote -1] agent_0 (proposer): propose a solution, or skip."
    )
    assert Dialogue(play("W")).context().endswith("agent_1 (reviewer): judge the pending proposal, or skip.")


def test_the_context_at_the_end() -> None:
    assert Dialogue(play("C....")).context() == (
        "Question: What is 6 times 7?\n[turn 1, agent_0, proposer] proposal C\n[the dialogue is over]"
    )


def test_the_window_bounds_the_lines() -> None:
    dialogue = Dialogue(play("W-C", Rules(history_window=2)))
    assert [line.turn for line in dialogue.lines] == [2, 3]
    assert "turn 1," not in dialogue.context()


def test_what_it_tells() -> None:
    dialogue = Dialogue(play("W-"))
    assert (dialogue.question, dialogue.turn, dialogue.vote) == ("What is 6 times 7?", 3, -1)
    assert dialogue.seat == Seat(0, Role.PROPOSER)
    assert dialogue.pending == "proposal W"
    assert Dialogue(play("")).pending is None
    assert Dialogue(play("")).vote == 0


def test_lines_compare_by_what_is_seen() -> None:
    seat = Seat(0, Role.PROPOSER)
    one = Line(Turn(1, seat, Action.SPEAK, Utterance("words", grade=Grade.CORRECT)))
    other = Line(Turn(1, seat, Action.SPEAK, Utterance("words", grade=Grade.WRONG)))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Line(Turn(2, seat, Action.SPEAK, Utterance("words")))
    assert one != "words"
    assert Line(Turn(1, seat, Action.SKIP, None)).text == ""
    assert str(one) == repr(one) == "[turn 1, agent_0, proposer] words"


def test_views_of_the_same_state_are_equal() -> None:
    state = play("W-")
    assert Dialogue(state) == Dialogue(state)
    assert hash(Dialogue(state)) == hash(Dialogue(state))
    assert Dialogue(state) != Dialogue(play("W"))
    assert repr(Dialogue(state)) == "Dialogue(task='sum-1', turn=3, lines=2)"


@pytest.mark.parametrize("letters", ["", "C", "W-", "I0.", "W-C+.", "T...."])
def test_no_public_way_leads_to_the_answer_sheet(letters: str) -> None:
    """The gold answer is 42; nobody says it here, so nothing that can be read may hold it."""
    dialogue = Dialogue(play(letters))
    public = [name for name, _ in inspect.getmembers(Dialogue) if not name.startswith("_")]
    assert public == ["context", "lines", "pending", "question", "seat", "turn", "vote"]
    told = [repr(dialogue), dialogue.context(), *(repr(getattr(dialogue, name)) for name in public)]
    told += [name for line in dialogue.lines for name in dir(line) if not name.startswith("_")]
    for text in told:
        assert "42" not in text
        for word in ("grade", "answer", "correct", "unparsable", "timeout", "gold"):
            assert word not in text.lower()


class Written:
    """Words that count how often they are read."""

    grade, verdict = Grade.WRONG, Verdict.NONE

    def __init__(self) -> None:
        self.read = 0

    @property
    def text(self) -> str:
        self.read += 1
        return "words"


def test_nothing_is_rendered_before_it_is_read() -> None:
    words = Written()
    turn = Turn(1, Seat(0, Role.PROPOSER), Action.SPEAK, words)  # type: ignore[arg-type]
    state = DialogueState(Rules(), TASK, 2, (Proposal(words, 1),), (turn,))  # type: ignore[arg-type]
    dialogue = Dialogue(state)
    assert dialogue.lines[0].turn == 1
    assert dialogue.vote == 0
    assert repr(dialogue)
    assert words.read == 0
    dialogue.context()
    assert words.read == 1
