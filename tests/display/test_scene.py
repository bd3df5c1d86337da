"""An episode as a renderable: what is on it, and that hostile texts do nothing."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console
from samples import NONE, RIGHT, episode, judge, mended, one_proposal, propose, silent

from tracer_env.display.scene import pieces, render, summary
from tracer_env.episodes.choosing import flip
from tracer_env.episodes.transcript import Transcript
from tracer_env.types import Grade, Role, Signals, Task, Utterance


def show(transcript: Transcript, width: int = 100, **options: object) -> str:
    file = io.StringIO()
    Console(file=file, width=width, **options).print(render(transcript))  # type: ignore[arg-type]
    return file.getvalue()


def test_all_that_happened_is_there() -> None:
    text = show(mended())
    for words in (
        "A bakery packs 12 rolls in a box.",
        "gold 76",
        "1  proposer agent_0",
        "no choice",
        "✗ wrong 66",
        "vote 0 · 233 tokens so far",
        "2  reviewer agent_1",
        "p(speak) 0.83 ━━━━━━━━──",
        "value: skip −1  speak +1",
        "✓ WRONG: well judged   had it skipped: silence",
        "vote −1 · 511 tokens so far",
        "leaves alone 76   had it spoken: ✓ RIGHT: well judged",
        "Each step checks out: 108, 113, 76.",
        "keeps 76   had it spoken: ✓ correct 76",
        "answer 76 (turn 3)   gold 76   ✓ correct    wrong → right",
        "3 calls · 851 tokens · 688 not said",
    ):
        assert words in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    long = replace(mended(), method="m" * 300, task=Task("i" * 300, "q" * 500, "a" * 300))
    for transcript in (mended(), long):
        assert all(len(line) <= width for line in show(transcript, width).splitlines())


def test_eighty_columns_keep_every_number() -> None:
    text = show(episode([propose(1, Grade.CORRECT), silent(2, Role.REVIEWER), judge(3, RIGHT)]), 80)
    assert "p(speak) 0.20   value: skip +1  speak not drawn" in text
    assert "p(speak) 0.80" in text
    assert "…" not in text


def _telling(told: Transcript, number: int, signals: Signals, agrees: int = 0) -> Transcript:
    turns = list(told.turns)
    name = "utterance" if turns[number - 1].utterance is not None else "other"
    said = replace(getattr(turns[number - 1], name), signals=signals, agrees=agrees)
    turns[number - 1] = replace(turns[number - 1], **{name: said})
    return replace(told, turns=tuple(turns))


def test_what_a_speaker_told_of_its_words_is_there_and_nothing_where_it_told_nothing() -> None:
    assert not any(word in show(mended()) for word in ("log-probability", "margin", "states"))
    told = _telling(mended(), 1, Signals(-3.0, -0.12345, -1.0))
    told = _telling(told, 2, Signals(-1.0, -0.5, -0.9, -2.44), -1)
    told = _telling(told, 4, Signals(margin=1e30), 1)
    text = show(told, 80)
    for words in (
        "     log-probability −0.123 a token\n",
        "log-probability −0.500 a token · margin −2.4 · states another answer",
        "margin +1e+30 · states the same answer",
    ):
        assert words.strip() in " ".join(text.split()), words
    assert all(len(line) <= 40 for line in show(told, 40).splitlines())


def test_what_was_not_drawn_is_said() -> None:
    text = show(episode([propose(1, Grade.CORRECT), silent(2, Role.REVIEWER)]))
    assert "speak not drawn" in text
    assert "had it spoken: not drawn" in text


def test_grades_and_verdicts_that_are_unknown() -> None:
    text = show(
        episode([propose(1, Grade.TIMEOUT), judge(2, RIGHT), propose(3, Grade.UNPARSABLE, answer=None), judge(4, NONE)])
    )
    assert "? the checker ran out of time" in text
    assert "? RIGHT, and the grade is unknown" in text
    assert "✗ no answer found" in text
    assert "? no verdict found" in text
    assert "misjudged" in show(episode([propose(1, Grade.WRONG), judge(2, RIGHT, finish="length")]))
    assert "cut at the token limit" in show(episode([propose(1, Grade.WRONG), judge(2, RIGHT, finish="length")]))


@pytest.mark.parametrize(
    "hostile", ["[red]", "[/]", "\x1b[2J", "\x9b2J", "a\x08b", "[link=file:///x]y[/link]", ":boom:"]
)
def test_markup_and_escapes_in_texts_are_shown_and_do_nothing(hostile: str) -> None:
    said = Utterance(f"before {hostile} after", 1, 1, answer=hostile, grade=Grade.WRONG)
    turns = [
        replace(propose(1, Grade.WRONG), utterance=said),
        silent(2, Role.REVIEWER, other=replace(said, grade=None)),
    ]
    told = replace(episode(turns), method=hostile, task=Task(hostile, hostile, hostile, scenario=hostile))
    text = show(told, width=120)
    shown = hostile.replace("\x1b", "\\x1b").replace("\x9b", "\\x9b").replace("\x08", "\\x08")
    assert text.count(f"before {shown} after") == 2
    assert not set(text) & {"\x1b", "\x9b", "\x08"}


def test_a_terminal_sees_only_our_colours() -> None:
    text = show(
        replace(one_proposal(Grade.WRONG), method="\x1b]0;title\x07"), force_terminal=True, color_system="standard"
    )
    assert "\x1b]" not in text
    assert "\x07" not in text


def test_a_megabyte_is_shown_at_once() -> None:
    start = time.process_time()
    text = show(episode([propose(1, Grade.WRONG, text="x y\u202e" * 250_000 + "the end")]))
    assert time.process_time() - start < 20
    assert "the end" in text
    assert len(text) < 5_000


def test_flips() -> None:
    assert flip(mended()) == "wrong → right"
    pairs = [(Grade.CORRECT, Grade.UNPARSABLE), (Grade.WRONG, Grade.UNPARSABLE), (Grade.TIMEOUT, Grade.CORRECT)]
    found = [flip(replace(episode([propose(1, a), propose(3, b)]), final_turn=2)) for a, b in pairs]
    assert found == ["right → wrong", "", ""]


def test_pieces_are_the_opening_each_turn_and_the_end() -> None:
    assert len(list(pieces(mended()))) == 1 + 5 + 1


def test_who_plays_blind_is_told_neither_gold_nor_grades_nor_values_before_the_end() -> None:
    *before, end = pieces(mended(), blind=True)
    file = io.StringIO()
    console = Console(file=file, width=80)
    for piece in before:
        console.print(piece)
    text = file.getvalue()
    assert not any(word in text for word in ("gold", "correct", "wrong", "judged", "value", "had it", "Checking 113"))
    for words in ("answers 66", "says WRONG", "answers 76", "leaves alone 76", "p(speak) 0.83"):
        assert words in text
    console.print(end)
    console.print(summary(mended()))
    text = file.getvalue()
    for words in ("gold 76", "1  proposer SPEAK ✗ wrong 66", "4  reviewer SKIP  had it spoken: ✓ RIGHT: well judged"):
        assert words in text


def test_values_stand_beside_their_turn_where_there_is_room() -> None:
    lines = show(mended(), 160).splitlines()
    (line,) = [line for line in lines if "value: skip −1  speak +1" in line and "WRONG" in line]
    assert "2  reviewer" not in line
    assert max(map(len, lines)) <= 132
