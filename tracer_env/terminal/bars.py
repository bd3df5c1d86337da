"""Bars on stderr for long work, where a terminal is there and they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.terminal.screen import Screen

__all__ = ["Bars", "reporting"]


class Bars:
    """One bar a piece of work, with the time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self, what: str, total: int, done: int = 0) -> None:
        self._task = self._progress.add_task(what, total=total, completed=done, note="")

    def reach(self, done: int, note: str = "") -> None:
        self._progress.update(self._task, completed=done, note=note)


@contextmanager
def reporting(wanted: bool = True) -> Iterator[Reporter]:
    """Give a reporter that draws bars on stderr if a terminal is there and they are wanted."""
    console = Screen(stderr=True)
    if not (wanted and console.is_terminal):
        yield NoReporter()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bars(progress)
