"""A person at the terminal: asked until there is an answer."""

from __future__ import annotations

import io

import pytest
from moves import play

from tracer_env.agents.controllers.human import Human
from tracer_env.dialogue import Dialogue
from tracer_env.errors import ConfigError


@pytest.mark.parametrize(
    ("typed", "chance"),
    [("y\n", 1.0), ("n\n", 0.0), (" YES \n", 1.0), ("No\n", 0.0), ("speak\n", 1.0), ("skip\n", 0.0), ("1", 1.0)],
)
def test_words_for_yes_and_no(typed: str, chance: float) -> None:
    asks = io.StringIO()
    state = play("W")
    assert Human(asks, io.StringIO(typed)).speak_probability(state, "key") == chance
    shown = asks.getvalue().removesuffix("\nspeak (y) or skip (n)? ")
    assert " ".join(shown.split()) == " ".join(Dialogue(state).context().split())


def test_anything_else_is_asked_again() -> None:
    asks = io.StringIO()
    assert Human(asks, io.StringIO("maybe\n\ny\nn\n")).speak_probability(play("W"), "") == 1.0
    assert "'maybe' is neither; type y or n\n" in asks.getvalue()
    assert "'' is neither; type y or n\n" in asks.getvalue()
    assert asks.getvalue().count("speak (y) or skip (n)? ") == 3


def test_the_end_of_the_input_is_an_error() -> None:
    with pytest.raises(ConfigError, match="controller human: the input ended before a choice was made"):
        Human(io.StringIO(), io.StringIO("what\n")).speak_probability(play("W"), "")


def test_the_terminal_is_used_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert Human().speak_probability(play("W"), "") == 0.0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Question: What is 6 times 7?")


def test_what_has_been_shown_is_not_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    asks = io.StringIO()
    human = Human(asks, io.StringIO("y\ny\ny\n"))
    human.speak_probability(play("W"), "")
    first = len(asks.getvalue())
    human.speak_probability(play("W-"), "")
    again = asks.getvalue()[first:]
    assert "Question:" not in again
    assert "[turn 3 of 5" in again
    human.speak_probability(play("C"), "")  # another dialogue is shown whole
    assert asks.getvalue().count("Question: What is 6 times 7?") == 2
    assert max(map(len, asks.getvalue().splitlines())) <= 60
