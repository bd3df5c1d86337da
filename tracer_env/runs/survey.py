"""One pass over the episodes of a run: what is there, what it comes to, and which episode is worth a look.

    found = survey(path, promise)               counts, digest and ledger
    found = survey(path, promise, check)        and what ``check`` has to say of each episode

Some hundred bytes an episode are kept, whatever its texts are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tracer_env.episodes.choosing import Highlights
from tracer_env.episodes.promise import Ledger, Promise
from tracer_env.episodes.transcript import Transcript, placed_transcripts
from tracer_env.statistics.metrics import Tally

__all__ = ["Survey", "survey"]

_TOLD = 3  # of many departures are told


@dataclass
class Survey:
    """What a pass has found; updated in place while it goes."""

    ledger: Ledger
    tally: Tally = field(default_factory=Tally)
    highlights: Highlights = field(default_factory=Highlights)
    digest: str = ""  # SHA-256 of the file
    departed: int = 0  # episodes of which the check had something to say
    departures: list[str] = field(default_factory=list)  # the first of them

    def problems(self) -> list[str]:
        """Return what is wrong with the episodes, in words; nothing when all promised ones stand there once."""
        told = self.ledger.problems()
        if self.departed:
            more = ", ..." if self.departed > len(self.departures) else ""
            told.append(f"{self.departed} do not follow from the run's settings ({'; '.join(self.departures)}{more})")
        return told


def survey(path: Path, promise: Promise, check: Callable[[Transcript], str] | None = None) -> Survey:
    """Read all episodes once; foreign ones are entered in the ledger alone. Raises DataError for a damaged line."""
    found, digest = Survey(Ledger(promise)), hashlib.sha256()
    for number, (offset, line, told) in enumerate(placed_transcripts(path), start=1):
        digest.update(line)
        if found.ledger.add(told, offset, number):
            continue
        found.tally.add(told)
        found.highlights.add(told)
        wrong = check(told) if check is not None else ""
        if wrong:
            found.departed += 1
            found.departures += [f"line {number}: {wrong}"] if found.departed <= _TOLD else []
    found.digest = digest.hexdigest()
    return found
