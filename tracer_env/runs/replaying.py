"""Replay: walk through episodes.

`replay` shows them in the terminal with keys for next, previous, go to and quit, or prints them all where nobody is
there to press keys. Of a whole run it reads those alone that it shows (`Episodes`). Which are worth a look is in
`episodes.choosing`, how one looks in `scene`, how it becomes a file in `pictures`; their doors stand here too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from math import isfinite

from rich.console import Console
from rich.text import Text

from tracer_env.display.pager import Keys, open_keys
from tracer_env.display.pictures import export
from tracer_env.display.scene import pieces, render
from tracer_env.episodes.choosing import SELECTIONS, most_interesting, select
from tracer_env.episodes.shelf import Episodes
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.terminal.plain import visible
from tracer_env.terminal.screen import Screen

__all__ = ["SELECTIONS", "export", "most_interesting", "render", "replay", "select"]


def replay(
    transcripts: Sequence[Transcript],
    *,
    console: Console | None = None,
    speed: float = 0.0,
    interactive: bool | None = None,
) -> None:
    """Show the episodes; with ``interactive``, one at a time with keys.

    ``speed`` is in turns a second, 0 shows an episode at once; any key but q then shows the rest.
    ``interactive=None`` asks whether a terminal is attached to both ends. Keys: n, space or arrow right for the
    next episode, p or arrow left for the one before, g for a task id or a number, q to leave. Raises
    ConfigError for a negative speed or without an episode.
    """
    screen = Screen() if console is None else console
    if not (isfinite(speed) and speed >= 0):
        raise ConfigError(f"--speed must be a number of turns a second, 0 or more, got {speed!r}")
    if not transcripts:
        raise ConfigError("there is no episode to replay; choose others, or leave --only out")
    if _attended(screen) if interactive is None else interactive:
        with open_keys() as keys:
            _walk(transcripts, screen, keys, speed)
        return
    for index, transcript in enumerate(transcripts):
        screen.print() if index else None
        _show(transcript, screen, speed, None)


def _attended(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()


def _walk(transcripts: Sequence[Transcript], console: Console, keys: Keys, speed: float) -> None:
    place, last, shown = 0, len(transcripts) - 1, -1
    while True:
        if place != shown:
            console.clear()
            if not _show(transcripts[place], console, speed, keys):
                return
            shown = place
            _status(console, f"{place + 1} of {last + 1}   n next · p previous · g go to · q quit")
        command = keys.read()
        if command == "quit":
            return
        if command == "next":
            place = min(place + 1, last)
        elif command == "previous":
            place = max(place - 1, 0)
        elif command == "go":
            console.print("go to (task id or number): ", end="", markup=False)
            wanted = keys.line()
            found = _find(transcripts, wanted, place)
            if found is None:
                _status(console, f"no episode '{visible(wanted)}'; give a task id, or a number from 1 to {last + 1}")
            place = place if found is None else found


def _show(transcript: Transcript, console: Console, speed: float, keys: Keys | None) -> bool:
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


def _status(console: Console, words: str) -> None:
    console.print(Text(words, "dim"))


def _find(transcripts: Sequence[Transcript], wanted: str, place: int) -> int | None:
    """Return the next episode after ``place`` with this task id, else the one with this number."""
    count = len(transcripts)
    for step in range(1, count + 1):
        index = (place + step) % count
        if _task_id(transcripts, index) == wanted:
            return index
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0
    return number - 1 if 1 <= number <= count else None


def _task_id(transcripts: Sequence[Transcript], index: int) -> str:
    return transcripts.task_id(index) if isinstance(transcripts, Episodes) else transcripts[index].task.id
