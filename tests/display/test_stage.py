"""One turn at a time: exactly as many lines as there are, every turn whole, the strip round the current one."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from samples import WRONG, episode, judge, mended, propose

from tracer_env.display.stage import Stage, fits, strip
from tracer_env.episodes.transcript import Transcript
from tracer_env.types import Grade, Task


def console(width: int, height: int) -> Console:
    return Console(file=io.StringIO(), width=width, height=height)


def page(told: Transcript, width: int, height: int, turn: int, page: int = 0) -> list[str]:
    screen = console(width, height)
    screen.print(Stage(told, screen).page(turn, page), end="")
    return screen.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 24), (160, 20), (100, 40)])
def test_a_page_fills_the_terminal_but_for_the_status(width: int, height: int) -> None:
    for turn in range(5):
        lines = page(mended(), width, height, turn)
        assert len(lines) == height - 1
        assert max(map(len, lines)) <= width


def test_a_page_holds_the_turn_and_what_stands_round_it() -> None:
    text = "\n".join(page(mended(), 80, 24, 1))
    for words in (
        "A bakery packs 12 rolls",
        "gold 76",
        "1 proposer      2 reviewer      3 proposer      4 reviewer      5 proposer",
        "SPEAK ✗ 66      SPEAK ✓ WRONG   SPEAK ✓ 76      SKIP            SKIP",
        "9 × 12 is 108, not 98.",
        "✓ WRONG: well judged",
        "answer 76 (turn 3)   ✓ correct    wrong → right",
    ):
        assert words in text
    assert "Checking the product" not in text  # that is the next turn


def test_whether_an_episode_fits() -> None:
    assert not fits(mended(), console(80, 24), below=1)
    assert fits(mended(), console(80, 60), below=1)


def test_a_long_turn_is_read_page_by_page_and_nothing_is_left_out() -> None:
    text = "\n".join(f"step {n}." for n in range(60))
    told = replace(mended(), turns=(propose(1, Grade.WRONG, text=text), *mended().turns[1:]))
    stage = Stage(told, console(80, 24))
    assert stage.pages(0) > 4
    assert stage.pages(1) == 1
    shown = [line.strip() for number in range(stage.pages(0)) for line in page(told, 80, 24, 0, number)]
    assert [line for line in shown if line.startswith("step ")] == text.splitlines()
    assert any("more lines: space" in line for line in page(told, 80, 24, 0))
    assert not any("more line" in line for line in page(told, 80, 24, 0, stage.pages(0) - 1))


def test_the_strip_shows_the_turns_round_the_current_one() -> None:
    told = episode([propose(1, Grade.WRONG), *(judge(n, WRONG) for n in range(2, 41))])
    upper, _ = strip(told, 0, 80)
    assert upper.plain.split() == ["1", "proposer", "2", "reviewer", "3", "reviewer", "4", "reviewer", "›"]
    upper, lower = strip(told, 20, 80)
    assert upper.plain.split()[:3] == ["‹", "19", "reviewer"]
    assert max(upper.cell_len, lower.cell_len) <= 80
    assert strip(told, 39, 80)[0].plain.split()[-2:] == ["40", "reviewer"]


def test_a_question_of_any_length_leaves_room_for_the_turn() -> None:
    told = replace(mended(), task=Task("id" * 200, "why " * 2000, "gold " * 300, scenario="s"))
    assert len(page(told, 80, 24, 0)) <= 24
    assert "lines folded" in "\n".join(page(told, 80, 24, 0))


def test_texts_do_nothing() -> None:
    hostile = propose(1, Grade.WRONG, text="\x1b[2J", answer="\x1b]0;x\x07")
    told = replace(mended(), turns=(hostile, *mended().turns[1:]), task=Task("\x1b[31m", "\x9b2J", "\x08"))
    assert "\x1b" not in "".join(page(told, 80, 24, 0))
