"""One pass over the episodes of a run: what is there, what it comes to, and which episodes are worth a look.

    found = survey(path, promise)               counts, digest and ledger
    found = survey(path, promise, check)        and what ``check`` has to say of each episode
    found.add(told, line)                       the same while the lines are written; `Survey.is_of` asks the file

So a run is looked through once: while it is written, or while it is read. Some hundred bytes an episode are kept,
whatever its texts are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracer_env.episodes.choosing import Highlights, look
from tracer_env.episodes.picking import Picker
from tracer_env.episodes.promise import Ledger, Promise
from tracer_env.episodes.transcript import Transcript, placed_transcripts
from tracer_env.statistics.metrics import Tally

__all__ = ["Counted", "Survey", "survey"]

_TOLD = 3  # of many departures are told


@dataclass(frozen=True)
class Counted:
    """What a report needs of the episodes of a run, or of the runs of all its seeds."""

    tally: Tally
    pickers: Mapping[Path, Picker]  # by the file of the episodes


@dataclass
class Survey:
    """What a pass has found; updated in place while it goes, line by line in file order."""

    ledger: Ledger
    tally: Tally = field(default_factory=Tally)
    highlights: Highlights = field(default_factory=Highlights)
    picker: Picker = field(default_factory=Picker)
    size: int = 0  # bytes of all lines
    lines: int = 0
    departed: int = 0  # episodes of which the check had something to say
    departures: list[str] = field(default_factory=list)  # the first of them
    _digest: Any = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> str:
        """SHA-256 of all lines."""
        return str(self._digest.hexdigest())

    def add(self, told: Transcript, line: bytes, check: Callable[[Transcript], str] | None = None) -> None:
        """Take the next episode and its line, break included; a foreign one is entered in the ledger alone.

        Raises DataError for an episode of another scenario than the first.
        """
        offset = self.size
        self.size, self.lines = offset + len(line), self.lines + 1
        self._digest.update(line)
        if self.ledger.add(told, offset, self.lines):
            return
        self.tally.add(told)
        seen = look(told)
        self.highlights.add(told, seen)
        self.picker.add(told, offset, seen)
        wrong = check(told) if check is not None else ""
        if wrong:
            self.departed += 1
            self.departures += [f"line {self.lines}: {wrong}"] if self.departed <= _TOLD else []

    def counted(self, path: Path) -> Counted:
        """Return what a report needs, of the lines of the file ``path``."""
        return Counted(self.tally, {path: self.picker})

    def is_of(self, path: Path) -> bool:
        """Whether a file holds these lines and nothing else, to the byte; False where it cannot be read."""
        try:
            if path.stat().st_size != self.size:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.digest
        except OSError:
            return False

    def problems(self) -> list[str]:
        """Return what is wrong with the episodes, in words; nothing when all promised ones stand there once."""
        told = self.ledger.problems()
        if self.departed:
            more = ", ..." if self.departed > len(self.departures) else ""
            told.append(f"{self.departed} do not follow from the run's settings ({'; '.join(self.departures)}{more})")
        return told


def survey(path: Path, promise: Promise, check: Callable[[Transcript], str] | None = None) -> Survey:
    """Read all episodes once. Raises DataError for a damaged line."""
    found = Survey(Ledger(promise))
    for _, line, told in placed_transcripts(path):
        found.add(told, line, check)
    return found
