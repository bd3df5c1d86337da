"""Progress of long work, on stderr; a null object where nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tracer_env.terminal.screen import Screen

__all__ = ["Bars", "Named", "NoReporter", "Reporter", "reporting"]


class Reporter(Protocol):
    """Is told what starts, how far it is, and a word about its state."""

    def start(self, what: str, total: int, done: int = 0) -> None:
        """Begin a piece of work of ``total`` steps, ``done`` of which are behind."""
        ...

    def reach(self, done: int, note: str = "") -> None:
        """Say that ``done`` steps are behind."""
        ...


class NoReporter:
    """Says nothing."""

    def start(self, what: str, total: int, done: int = 0) -> None:
        """Do nothing."""

    def reach(self, done: int, note: str = "") -> None:
        """Do nothing."""


class Named:
    """Passes on to another reporter, with words before what starts."""

    def __init__(self, tell: Reporter, words: str) -> None:
        self._tell, self._words = tell, words

    def start(self, what: str, total: int, done: int = 0) -> None:
        """Begin a piece of work, under its name."""
        self._tell.start(f"{self._words}{what}", total, done)

    def reach(self, done: int, note: str = "") -> None:
        """Say how far it is."""
        self._tell.reach(done, note)


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
