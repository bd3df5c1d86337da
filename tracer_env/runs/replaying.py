"""Replay: walk through episodes.

`replay` shows them in the terminal with keys (`walking`), or prints them all where nobody is there to press keys. Of a
whole run it reads those alone that it shows (`Episodes`). Which are worth a look is in `episodes.choosing`, how one
looks in `scene` and `stage`, how it becomes a file in `pictures`; their doors stand here too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import isfinite

from rich.console import Console

from tracer_env.display.pager import open_keys
from tracer_env.display.pictures import export
from tracer_env.display.scene import render
from tracer_env.episodes.choosing import SELECTIONS, most_interesting, select
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError
from tracer_env.runs.walking import Walk, show
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
    ``interactive=None`` asks whether a terminal is attached to both ends. An episode that is higher than the terminal
    is shown one turn at a time. Keys: space or arrows for turns, n and p for episodes, f for the next flip, / for a
    part of a task id, g for an id or a number, ? for all keys, q to leave. Raises ConfigError for a negative speed or
    without an episode.
    """
    screen = Screen() if console is None else console
    if not (isfinite(speed) and speed >= 0):
        raise ConfigError(f"--speed must be a number of turns a second, 0 or more, got {speed!r}")
    if not transcripts:
        raise ConfigError("there is no episode to replay; choose others, or leave --only out")
    if _attended(screen) if interactive is None else interactive:
        with open_keys() as keys:
            Walk(transcripts, screen, keys, speed).run()
        return
    for index, transcript in enumerate(transcripts):
        screen.print() if index else None
        show(transcript, screen, speed, None)


def _attended(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()
