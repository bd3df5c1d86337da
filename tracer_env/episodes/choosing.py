"""Which episodes are worth a look: flips, wrong answers, disagreements; and the one that is most worth it.

Both take the episodes one at a time and keep a few numbers of each, so a run of any length is one pass over its file;
what they return are numbers, from 0, of the episodes that were added. `look` is the one glance at an episode that all
of them need; who asks several hands it to each.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.types import Grade, Role

__all__ = ["SELECTIONS", "Chooser", "Highlights", "Look", "flip", "look", "most_interesting", "select"]

SELECTIONS = ("flips", "wrong", "disagreements")

_WRONG = (Grade.WRONG, Grade.UNPARSABLE)
# Members of an enum are read through a metaclass; `look` sees every turn of a run.
_CORRECT, _TIMEOUT, _PROPOSER = Grade.CORRECT, Grade.TIMEOUT, Role.PROPOSER


class Look(NamedTuple):
    """What a glance at an episode tells."""

    grade: Grade | None  # of the answer
    flips: bool  # see `flip`
    misjudged: bool  # whether a verdict contradicts the truth
    caught: bool  # whether a reviewer called a wrong proposal wrong
    length: tuple[int, int]  # utterances that were said, and their tokens


def look(told: Transcript) -> Look:
    """Look at an episode, once."""
    said = tokens = 0
    misjudged = caught = proposed = False
    first: Grade | None = None
    pending: Grade | None = None
    for turn in told.turns:
        words = turn.utterance
        if words is None:
            continue
        said += 1
        tokens += words.prompt_tokens + words.completion_tokens
        if turn.role is _PROPOSER:
            pending = words.grade
            first, proposed = first if proposed else pending, True
        elif proposed and (verdict := words.verdict) != 0:
            if pending is not _TIMEOUT and (verdict == 1) is not (pending is _CORRECT):
                misjudged = True
            if verdict == -1 and pending in _WRONG:
                caught = True
    grade = told.final.grade
    flips = (
        proposed
        and not told.failed
        and first is not _TIMEOUT
        and grade is not _TIMEOUT
        and (first is _CORRECT) is not (grade is _CORRECT)
    )
    return Look(grade, flips, misjudged, caught, (said, tokens))


def flip(transcript: Transcript) -> str:
    """Return ``wrong → right`` or ``right → wrong`` from the first proposal to the answer, else ``""``.

    Where the checker ran out of time on either, nobody knows, and it is no flip; nor is an episode that failed.
    """
    if not look(transcript).flips:
        return ""
    return "wrong → right" if transcript.correct else "right → wrong"


def select(transcripts: Sequence[Transcript], only: str | None = None) -> list[Transcript]:
    """Return the episodes of one kind, in order; all of them when ``only`` is None; see `Chooser`."""
    if only is None:
        return list(transcripts)
    chooser = Chooser(only)
    for transcript in transcripts:
        chooser.add(transcript)
    return [transcripts[place] for place in chooser.chosen()]


def most_interesting(by_method: Mapping[str, Iterable[Transcript]]) -> Transcript:
    """Return the episode that `Highlights` picks; raises ConfigError without an episode."""
    everything = [t for transcripts in by_method.values() for t in transcripts]
    highlights = Highlights()
    for transcript in everything:
        highlights.add(transcript)
    return everything[highlights.best()]


class Chooser:
    """The episodes of one kind.

    - ``flips``: the first proposal is wrong and the answer correct, or the other way round;
    - ``wrong``: the answer is wrong or unparsable (a timeout is unknown, so it is not among them);
    - ``disagreements``: a verdict that contradicts the truth, or methods among those added of which one is right and
      another wrong on the same task and world.
    """

    def __init__(self, only: str) -> None:
        if only not in SELECTIONS:
            raise ConfigError(f"--only is {only!r}{did_you_mean(only, SELECTIONS)}")
        self.only, self._count = only, 0
        self._fit = array("q")
        self._splits = _Splits()

    def add(self, told: Transcript, seen: Look | None = None) -> None:
        """Look at one more episode, or take what was ``seen`` of it."""
        seen = look(told) if seen is None else seen
        if self.only == "disagreements":
            self._splits.add(told, seen)
        elif seen.flips if self.only == "flips" else seen.grade in _WRONG and not told.failed:
            self._fit.append(self._count)
        self._count += 1

    def chosen(self) -> list[int]:
        """Return the numbers of those that are of the kind."""
        return self._splits.disagreeing() if self.only == "disagreements" else list(self._fit)


class Highlights:
    """The most interesting episode: a flip if there is one, else a disagreement, else the longest.

    Among flips, wrong made right goes first, and then where a reviewer saw the mistake; among equals the first in
    order, the episodes of the method that came first before those of the next. The longest has most utterances, then
    most tokens.
    """

    def __init__(self) -> None:
        self._methods: dict[str, int] = {}
        self._of = array("q")  # the method of each episode
        self._splits = _Splits()
        self._flip: tuple[Any, int] | None = None
        self._longest: tuple[Any, int] | None = None

    def add(self, told: Transcript, seen: Look | None = None) -> None:
        """Look at one more episode, or take what was ``seen`` of it."""
        seen = look(told) if seen is None else seen
        place, method = len(self._of), self._methods.setdefault(told.method, len(self._methods))
        self._of.append(method)
        self._splits.add(told, seen)
        if seen.flips:
            mended = seen.grade is _CORRECT
            self._flip = _better(self._flip, (mended, mended and seen.caught, -method), place)
        self._longest = _better(self._longest, (*seen.length, -method), place)

    def best(self) -> int:
        """Return the number of the episode; raises ConfigError when none was added."""
        if self._longest is None:
            raise ConfigError("there is no episode to replay; run one first")
        if self._flip is not None:
            return self._flip[1]
        disagreeing = self._splits.disagreeing()
        return min(disagreeing, key=lambda place: (self._of[place], place)) if disagreeing else self._longest[1]


def _better(best: tuple[Any, int] | None, score: Any, place: int) -> tuple[Any, int]:
    return (score, place) if best is None or score > best[0] else best


class _Splits:
    """Which episodes hold a misjudgement, or a task and world on which one method is right and another wrong."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[str, int], int] = {}
        self._of = array("q")  # the pair of each episode
        self._outcomes = bytearray()  # of each pair: 1 where somebody was wrong, 2 where somebody was right
        self._misjudged = bytearray()

    def add(self, told: Transcript, seen: Look) -> None:
        pair = self._pairs.setdefault((told.task.id, told.world), len(self._pairs))
        if pair == len(self._outcomes):
            self._outcomes.append(0)
        if seen.grade is not _TIMEOUT and not told.failed:
            self._outcomes[pair] |= 2 if seen.grade is _CORRECT else 1
        self._of.append(pair)
        self._misjudged.append(seen.misjudged)

    def disagreeing(self) -> list[int]:
        return [place for place, pair in enumerate(self._of) if self._outcomes[pair] == 3 or self._misjudged[place]]
