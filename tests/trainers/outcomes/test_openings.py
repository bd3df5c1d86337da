"""Openings and what came of them, on dialogues written by hand."""

from __future__ import annotations

from moves import TASK, Script

from tracer_env.agents.controllers.down import Down
from tracer_env.agents.controllers.imad import IMAD
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules
from tracer_env.terminal.progress import NoReporter
from tracer_env.trainers.outcomes.openings import play_openings


def test_both_branches_of_one_dialogue() -> None:
    """W - C + and then silence: an utterance costs 10."""
    tasks, speaker = make_scenario([TASK]), Script("W.C.C", "----+"[:4] + "+")
    speaker.reviews = ".-.+."
    openings = play_openings(Down(0.5), tasks, speaker, Rules(), 2, 0, NoReporter())
    assert openings.silent_right.tolist() == [False, False]
    assert openings.debate_right.tolist() == [True, True]
    assert openings.debate_tokens.tolist() == [30.0, 30.0]  # turns 2, 3 and 4; turn 5 is silent, approved
    assert openings.tokens == 80
    assert openings.turns == 10
    assert [heard.answer.text for heard in openings.heard] == ["proposal W", "proposal W"]
    assert openings.gains(0.01).tolist() == [0.7, 0.7]


def test_what_is_heard_is_no_part_of_the_debate() -> None:
    tasks, speaker = make_scenario([TASK]), Script("C.W.W", ".-.-.")
    openings = play_openings(IMAD(), tasks, speaker, Rules(), 1, 0, NoReporter())
    assert openings.silent_right.tolist() == [True]
    assert openings.debate_right.tolist() == [False]
    assert openings.debate_tokens.tolist() == [30.0]  # turns 3 to 5; the review was paid for
    review = openings.heard[0].review
    assert review is not None
    assert review.text == "review -"
    assert openings.gains(0.01).tolist() == [-1.3]
