"""Walking through episodes with keys: the whole episode where it fits the terminal, else one turn at a time.

The walk is drawn on the terminal's other screen, again whenever its size changes, and what stood there before comes
back at the end. Of a long run only the episodes that are shown are read; looking for a flip reads on from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.padding import Padding
from rich.segment import ControlType
from rich.text import Text

from tracer_env.display.pager import Keys
from tracer_env.display.scene import pieces
from tracer_env.display.stage import Stage, fits
from tracer_env.episodes.choosing import flip
from tracer_env.episodes.shelf import Episodes
from tracer_env.episodes.transcript import Transcript
from tracer_env.terminal.plain import visible

__all__ = ["Walk", "show"]

_HELP = (
    ("space → ↓ Enter", "the next turn, or more of a long one; after the last the next episode"),
    ("b ← ↑", "back again"),
    ("n  p", "the next episode, the one before"),
    ("f", "the next episode whose answer flipped: wrong → right, or right → wrong"),
    ("/", "the next episode whose task id holds what you type; / and Enter again the one after it"),
    ("g", "go to a task id or to a number"),
    ("q", "leave"),
)
_STATUS = (
    "space/← turn · n/p episode · f flip · / id · g go to · ? keys · q quit",
    "space/← turn · n/p episode · f flip · / id · ? keys · q",
    "space/← turn · n/p episode · ? keys · q quit",
    "? keys · q quit",
)


class Walk:
    """Where one is among the episodes, and what each key does there; `run` until ``quit``."""

    def __init__(self, transcripts: Sequence[Transcript], console: Console, keys: Keys, speed: float) -> None:
        self._all, self._console, self._keys, self._speed = transcripts, console, keys, speed
        self._place, self._turn, self._page, self._sought = 0, 0, 0, ""
        self._told: Transcript = transcripts[0]
        self._stage: Stage | None = None

    def run(self) -> None:
        """Show the first episode and follow the keys."""
        screen: AbstractContextManager[object] = nullcontext()
        if self._console.is_terminal:
            screen = self._console.screen(hide_cursor=True)
        with screen:
            self._open(0)
            if not self._play():
                return
            while (command := self._keys.read()) != "quit":
                if not self._follow(command):
                    return

    def _follow(self, command: str) -> bool:
        """Do what a key asks for; return False where ``quit`` came while turns appeared."""
        last = len(self._all) - 1
        if command in ("forward", "back"):
            self._step(1 if command == "forward" else -1)
        elif command == "next" and self._place < last:
            self._open(self._place + 1)
            return self._play()
        elif command == "previous" and self._place:
            self._open(self._place - 1)
            return self._play()
        elif command == "flip":
            self._look_for_flip()
        elif command in ("go", "search"):
            self._ask(command)
        elif command == "help":
            self._help()
        elif command == "resized":
            self._open(self._place, self._turn)
            self._draw()
        return True

    def _open(self, place: int, turn: int = 0) -> None:
        """Make an episode the current one, on the terminal as it is now."""
        if place != self._place:
            self._told = self._all[place]
        whole = fits(self._told, self._console, below=2) or not self._told.turns
        self._place, self._turn, self._page = place, min(turn, max(0, len(self._told.turns) - 1)), 0
        self._stage = None if whole else Stage(self._told, self._console)

    def _step(self, by: int) -> None:
        """Go on by a page, a turn or an episode."""
        if self._stage is not None:
            page = self._page + by
            if 0 <= page < self._stage.pages(self._turn):
                self._page = page
                return self._draw()
            turn = self._turn + by
            if 0 <= turn < len(self._told.turns):
                self._turn, self._page = turn, 0 if by > 0 else self._stage.pages(turn) - 1
                return self._draw()
        place = self._place + by
        if not 0 <= place < len(self._all):
            return None
        self._open(place)
        if by < 0 and self._stage is not None:
            self._turn = len(self._told.turns) - 1
            self._page = self._stage.pages(self._turn) - 1
        self._draw()
        return None

    def _look_for_flip(self) -> None:
        count = len(self._all)
        for step in range(1, count + 1):
            place = (self._place + step) % count
            told = self._all[place]
            if flip(told):
                self._open(place, told.final_turn - 1)
                return self._draw()
        return self._say(f"no answer of these {count:,} episodes flipped")

    def _ask(self, command: str) -> None:
        again = f" (Enter: {visible(self._sought)})" if command == "search" and self._sought else ""
        asked = "go to (task id or number): " if command == "go" else f"id holds{again}: "
        self._say(asked, typing=True)
        wanted = self._keys.line()
        if command == "search":
            wanted = self._sought = wanted or self._sought
        place = _find(self._all, wanted, self._place) if command == "go" else _holding(self._all, wanted, self._place)
        if place is not None:
            self._open(place)
            return self._draw()
        self._draw()
        if not wanted:
            return None
        remedy = (
            f"give a task id, or a number from 1 to {len(self._all):,}" if command == "go" else "no task id holds it"
        )
        return self._say(f"no episode '{visible(wanted)}'; {remedy}")

    def _help(self) -> None:
        keys: list[RenderableType] = [Text("keys", "bold"), Text()]
        for key, does in _HELP:
            keys += [Text(f"  {key}", "bold cyan"), Padding(Text(does), (0, 0, 0, 6))]
        self._clear()
        self._console.print(Group(*keys))
        self._say("any key goes back")
        while self._keys.read() == "resized":
            pass
        self._open(self._place, self._turn)
        self._draw()

    # -- drawing -----------------------------------------------------------------------------------

    def _play(self) -> bool:
        """Draw the current episode, turn by turn where a speed is wanted; return False after ``quit``."""
        if not self._speed:
            self._draw()
            return True
        if self._stage is None:
            self._clear()
            if not show(self._told, self._console, self._speed, self._keys):
                return False
            self._say(self._status())
            return True
        for turn in range(len(self._told.turns)):
            self._turn = turn
            self._draw()
            if turn + 1 < len(self._told.turns) and self._keys.pause(1 / self._speed):
                return self._keys.read() != "quit"
        return True

    def _draw(self) -> None:
        self._clear()
        if self._stage is None:
            self._console.print(Group(*pieces(self._told)))
        else:
            self._console.print(self._stage.page(self._turn, self._page), end="")
        self._say(self._status())

    def _clear(self) -> None:
        self._console.clear()

    def _status(self) -> str:
        where = f"{self._place + 1:,} of {len(self._all):,}"
        if self._stage is not None:
            where += f" · turn {self._turn + 1} of {len(self._told.turns)}"
        room = self._console.width - len(where) - 3
        return f"{where}   {next((words for words in _STATUS if len(words) <= room), '')}".rstrip()

    def _say(self, words: str, typing: bool = False) -> None:
        """Write on the last line, over what stood there; with ``typing`` the cursor waits behind it."""
        console = self._console
        if console.is_terminal:
            console.control(Control.move_to(0, console.height - 1), Control((ControlType.ERASE_IN_LINE, 2)))
            console.show_cursor(typing)
            console.print(Text(words, "" if typing else "dim", no_wrap=True, overflow="ellipsis"), end="")
        else:
            console.print(Text(words), end="" if typing else "\n")


def show(transcript: Transcript, console: Console, speed: float, keys: Keys | None) -> bool:
    """Print an episode piece by piece; return False when it was interrupted by ``quit``."""
    hurried = speed == 0
    for index, piece in enumerate(pieces(transcript)):
        if index and not hurried:
            if keys is None:
                time.sleep(1 / speed)
            elif keys.pause(1 / speed):
                hurried = True
                if keys.read() == "quit":
                    return False
        console.print(piece)
    return True


def _find(transcripts: Sequence[Transcript], wanted: str, place: int) -> int | None:
    """Return the next episode after ``place`` with this task id, else the one with this number."""
    count = len(transcripts)
    for step in range(1, count + 1):
        index = (place + step) % count
        if _task_id(transcripts, index) == wanted:
            return index
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0
    return number - 1 if 1 <= number <= count else None


def _holding(transcripts: Sequence[Transcript], wanted: str, place: int) -> int | None:
    """Return the next episode after ``place`` whose task id holds these characters, capital or not."""
    count, part = len(transcripts), wanted.casefold()
    places = ((place + step) % count for step in range(1, count + 1))
    return next((index for index in places if part and part in _task_id(transcripts, index).casefold()), None)


def _task_id(transcripts: Sequence[Transcript], index: int) -> str:
    return transcripts.task_id(index) if isinstance(transcripts, Episodes) else transcripts[index].task.id
