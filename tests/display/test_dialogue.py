"""An episode as HTML: safe, bounded, and with both branches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import RIGHT, WRONG, episode, judge, mended, propose, silent

from tracer_env.display.dialogue import dialogue, safe, shortened
from tracer_env.types import Grade, Role, Task

BAD = '"><script>alert(1)</script>\x1b[2J\u202e'


def test_texts_are_escaped_wherever_they_stand() -> None:
    turns = [
        propose(1, Grade.WRONG, text=BAD, answer=BAD),
        silent(2, Role.REVIEWER, judge(2, RIGHT, text=BAD).utterance),
    ]
    told = replace(episode(turns), method=BAD, task=Task(BAD, BAD, BAD, scenario=BAD))
    for text in (dialogue(told), dialogue(replace(told, failed=BAD, final_turn=0))):
        assert "<script" not in text
        assert not set(text) & {"\x1b", "\u202e"}
        assert safe(BAD) in text


def test_what_speaking_would_have_said_and_what_silence_would_have_left() -> None:
    text = dialogue(mended())
    assert text.count('<div class="other">') == 4  # each turn with a choice has its other branch
    assert "had it skipped: silence, which leaves alone <b>66</b>" in text
    assert "Each step checks out: 108, 113, 76." in text
    assert "not drawn" in dialogue(episode([propose(1, Grade.CORRECT), silent(2, Role.REVIEWER)]))


@pytest.mark.parametrize(
    ("text", "expected"), [("a" * 10, "a" * 10), ("a" * 6 + "b" * 6, "aaaaa ⋯ 2 characters ⋯ bbbbb")]
)
def test_long_texts_lose_their_middle(text: str, expected: str) -> None:
    assert shortened(text, 10) == expected


def test_a_page_of_a_huge_episode_stays_small() -> None:
    turns = [propose(1, Grade.WRONG, text="x" * 1_000_000), *(judge(n, WRONG, text="y" * 9000) for n in range(2, 4097))]
    text = dialogue(episode(turns))
    assert "⋯ 4,056 turns ⋯" in text
    assert "996,000 characters" in text
    assert len(text) < 250_000
