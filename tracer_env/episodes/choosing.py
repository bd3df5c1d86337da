"""Which episodes are worth a look: flips, wrong answers, disagreements; and the one that is most worth it.

Both take the episodes one at a time and keep a few numbers of each, so a run of any length is one pass over its file;
what they return are numbers, from 0, of the episodes that were added.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.types import Grade, Role, Utterance, Verdict

__all__ = ["SELECTIONS", "Chooser", "Highlights", "flip", "most_interesting", "select"]

SELECTIONS = ("flips", "wrong", "disagreements")

_WRONG = (Grade.WRONG, Grade.UNPARSABLE)


def flip(transcript: Transcript) -> str:
    """Return ``wrong → right`` or ``right → wrong`` from the first proposal to the answer, else ``""``.

    Where the checker ran out of time on either, nobody knows, and it is no flip; nor is an episode that failed.
    """
    if transcript.failed:
        return ""
    first = transcript.proposals[0].utterance if transcript.proposals else None
    if first is None or Grade.TIMEOUT in (first.grade, transcript.final.grade):
        return ""
    if (first.grade is Grade.CORRECT) is transcript.correct:
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

    def add(self, told: Transcript) -> None:
        """Look at one more episode."""
        if self.only == "disagreements":
            self._splits.add(told)
        elif bool(flip(told)) if self.only == "flips" else told.final.grade in _WRONG and not told.failed:
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

    def add(self, told: Transcript) -> None:
        """Look at one more episode."""
        place, method = len(self._of), self._methods.setdefault(told.method, len(self._methods))
        self._of.append(method)
        self._splits.add(told)
        if flip(told):
            self._flip = _better(self._flip, (told.correct, told.correct and _caught(told), -method), place)
        self._longest = _better(self._longest, (*_length(told), -method), place)

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

    def add(self, told: Transcript) -> None:
        pair = self._pairs.setdefault((told.task.id, told.world), len(self._pairs))
        if pair == len(self._outcomes):
            self._outcomes.append(0)
        if told.final.grade is not Grade.TIMEOUT and not told.failed:
            self._outcomes[pair] |= 2 if told.correct else 1
        self._of.append(pair)
        self._misjudged.append(_misjudged(told))

    def disagreeing(self) -> list[int]:
        return [place for place, pair in enumerate(self._of) if self._outcomes[pair] == 3 or self._misjudged[place]]


def _reviews(transcript: Transcript) -> list[tuple[Utterance, Utterance]]:
    """Pairs of a review and the proposal it was about."""
    pairs, pending = [], None
    for turn in transcript.turns:
        if turn.utterance is None:
            continue
        if turn.role is Role.PROPOSER:
            pending = turn.utterance
        elif pending is not None:
            pairs.append((turn.utterance, pending))
    return pairs


def _misjudged(transcript: Transcript) -> bool:
    return any(
        review.verdict is not Verdict.NONE
        and proposal.grade is not Grade.TIMEOUT
        and not review.verdict.fits(proposal.grade is Grade.CORRECT)
        for review, proposal in _reviews(transcript)
    )


def _caught(transcript: Transcript) -> bool:
    return any(
        review.verdict is Verdict.WRONG and proposal.grade in _WRONG for review, proposal in _reviews(transcript)
    )


def _length(transcript: Transcript) -> tuple[int, int]:
    said = [turn.utterance for turn in transcript.turns if turn.utterance is not None]
    return len(said), sum(u.tokens for u in said)
