"""Walking with keys: turns, episodes, flips, ids, help, and a terminal that changes its size."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console
from samples import WRONG, episode, judge, mended, one_proposal, propose

from tracer_env.episodes.transcript import Transcript
from tracer_env.runs.walking import Walk
from tracer_env.types import Grade, Task


class Typed:
    """Keys from a list; what is typed as a line stands behind the key that asks for it."""

    def __init__(self, *commands: str) -> None:
        self._left: Iterator[str] = iter(commands)

    def read(self) -> str:
        return next(self._left, "quit")

    def line(self) -> str:
        return next(self._left, "")

    def pause(self, seconds: float) -> bool:
        return False


def walk(transcripts: list[Transcript], *commands: str, height: int = 24) -> list[str]:
    """Return the places that the status told, one after the other."""
    file = io.StringIO()
    Walk(transcripts, Console(file=file, width=80, height=height), Typed(*commands), 0.0).run()
    lines = file.getvalue().splitlines()
    return [line.partition("   ")[0] for line in lines if line[:1].isdigit() and " of " in line.partition("   ")[0]]


LONG = [mended(), replace(mended(), episode=13)]
SHORT = [one_proposal(Grade.CORRECT, n, task=f"task-{n}") for n in range(3)]


def test_space_walks_through_turns_and_on_to_the_next_episode() -> None:
    places = walk(LONG, *["forward"] * 5, "back")
    assert places == [*(f"1 of 2 · turn {n} of 5" for n in range(1, 6)), "2 of 2 · turn 1 of 5", "1 of 2 · turn 5 of 5"]


def test_what_fits_is_shown_whole_and_space_is_the_next_episode() -> None:
    assert walk(SHORT, "forward", "forward", "forward", "back", "previous") == [
        *("1 of 3", "2 of 3", "3 of 3", "2 of 3", "1 of 3")
    ]
    assert walk(LONG, "next", height=60) == ["1 of 2", "2 of 2"]


def test_flips_are_found_and_the_turn_that_turned_them() -> None:
    down = episode([propose(1, Grade.CORRECT), judge(2, WRONG), propose(3, Grade.WRONG)], 5)
    assert walk([*SHORT, down, mended()], "flip", "flip")[1:] == ["4 of 5", "5 of 5 · turn 3 of 5"]
    assert walk(SHORT, "flip") == ["1 of 3"]


def test_ids_are_found_by_a_part_of_them() -> None:
    names = ("Apple", "pear", "APP-2")
    named = [replace(told, task=Task(name, "?", "1")) for told, name in zip(SHORT, names, strict=True)]
    assert walk(named, "search", "app", "search", "", "search", "") == ["1 of 3", "3 of 3", "1 of 3", "3 of 3"]
    assert walk(named, "search", "kiwi", "go", "2", "go", "pear") == ["1 of 3", "1 of 3", "2 of 3", "2 of 3"]


def test_keys_are_told_and_any_key_goes_back_to_the_turn() -> None:
    assert walk(LONG, "forward", "help", "flip", "forward") == [
        *("1 of 2 · turn 1 of 5", "1 of 2 · turn 2 of 5", "1 of 2 · turn 2 of 5", "1 of 2 · turn 3 of 5")
    ]


def test_another_size_is_drawn_at_once_and_the_turn_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, height=24)

    class Growing(Typed):
        def read(self) -> str:
            command = super().read()
            if command == "resized":
                console.size = (80, 60)  # type: ignore[assignment]
            return command

    Walk(LONG, console, Growing("forward", "resized"), 0.0).run()
    assert "turn 2 of 5" in file.getvalue()
    assert file.getvalue().splitlines()[-1].startswith("1 of 2   space")
