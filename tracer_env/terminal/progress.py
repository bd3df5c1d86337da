"""Progress of long work: who is told, and a null object where nobody looks; `bars` draws it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Named", "NoReporter", "Reporter"]


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
