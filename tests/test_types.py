"""The nouns: numbers that other parts rely on, and immutability."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest
from moves import TASK

from tracer_env.types import UNTOLD, Action, Grade, Role, Seat, Signals, Task, Turn, Utterance, Verdict


def test_numbers_of_the_enums() -> None:
    assert [(a.name, a.value) for a in Action] == [("SKIP", 0), ("SPEAK", 1)]
    assert [(r.name, r.value) for r in Role] == [("PROPOSER", 0), ("REVIEWER", 1)]
    assert [(v.name, v.value) for v in Verdict] == [("WRONG", -1), ("NONE", 0), ("RIGHT", 1)]
    assert [(g.name, g.value) for g in Grade] == [("WRONG", 0), ("CORRECT", 1), ("UNPARSABLE", 2), ("TIMEOUT", 3)]


def test_a_seat_has_the_agents_name() -> None:
    assert Seat(3, Role.REVIEWER).name == "agent_3"
    assert str(Seat(0, Role.PROPOSER)) == "agent_0 (proposer)"


def test_signals_that_nobody_told_cross_processes_as_the_one_object() -> None:
    """Others recognise them by that, when they write."""
    said = pickle.loads(pickle.dumps(Utterance("x")))
    assert said.signals is UNTOLD
    told = pickle.loads(pickle.dumps(Signals(margin=1.5)))
    assert told == Signals(margin=1.5)
    assert type(told) is Signals
    assert copy.deepcopy(UNTOLD) is UNTOLD


def test_tokens_are_prompt_and_completion() -> None:
    assert Utterance("hello", prompt_tokens=12, completion_tokens=5).tokens == 17
    assert Utterance("hello").tokens == 0


def test_an_utterance_begins_unread() -> None:
    said = Utterance("hello")
    assert (said.answer, said.grade, said.verdict, said.finish, said.rule) == (None, None, Verdict.NONE, "stop", "")


@pytest.mark.parametrize("thing", [TASK, Utterance("x"), Seat(0, Role.PROPOSER)])
def test_nothing_can_be_changed(thing: object) -> None:
    with pytest.raises((FrozenInstanceError, TypeError)):
        thing.text = "other"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        Turn(1, Seat(0, Role.PROPOSER), Action.SPEAK, None).number = 2  # type: ignore[misc]


def test_metadata_is_no_part_of_a_tasks_identity() -> None:
    one, other = Task("a", "q", "1", metadata={"level": 1}), Task("a", "q", "1", metadata={"level": 2})
    assert one == other
    assert hash(one) == hash(other)
    assert one != Task("a", "q", "2")


def test_ids_of_tokens_stay_out_of_the_repr() -> None:
    assert "31337" not in repr(Utterance("x", token_ids=(31337,), prompt_ids=(31337,), logprobs=(-31337.0,)))


def test_a_verdict_fits_what_is_true() -> None:
    assert [verdict.fits(True) for verdict in (Verdict.RIGHT, Verdict.NONE, Verdict.WRONG)] == [True, False, False]
    assert [verdict.fits(False) for verdict in (Verdict.RIGHT, Verdict.NONE, Verdict.WRONG)] == [False, False, True]
