"""Behaviour: who spoke, who mended, who judged well. Counts over transcripts, and the shares they give.

The finer tables behind a row of `metrics`, where the treatment of timeouts and of rates without a case is
described.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from tracer_env.transcript import Transcript
from tracer_env.types import Action, Grade, Role, Verdict

__all__ = [
    "Changes",
    "Reviews",
    "SpeakRate",
    "accuracy_by_turn",
    "changes",
    "changes_by_turn",
    "details",
    "review_counts",
    "share",
    "speak_rates",
]


def share(cases: int, total: int) -> float | None:
    """Return ``cases / total``, or None without a case."""
    return cases / total if total else None


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of answers from one proposal to a later one; timeouts at either end are left out."""

    wrong: int = 0
    corrected: int = 0
    right: int = 0
    corrupted: int = 0

    @property
    def correction(self) -> float | None:
        """P(later correct | earlier wrong)."""
        return share(self.corrected, self.wrong)

    @property
    def corruption(self) -> float | None:
        """P(later wrong | earlier correct)."""
        return share(self.corrupted, self.right)

    @property
    def preservation(self) -> float | None:
        """P(later correct | earlier correct)."""
        return share(self.right - self.corrupted, self.right)


@dataclass(frozen=True, slots=True)
class Reviews:
    """The reviewer's confusion matrix; each row counts (RIGHT, WRONG, unparsable) verdicts."""

    of_correct: tuple[int, int, int]
    of_wrong: tuple[int, int, int]
    unknown: int  # reviews of proposals whose grade is a timeout

    @property
    def tpr(self) -> float | None:
        """P(says RIGHT | pending correct)."""
        return share(self.of_correct[0], sum(self.of_correct))

    @property
    def tnr(self) -> float | None:
        """P(says WRONG | pending wrong)."""
        return share(self.of_wrong[1], sum(self.of_wrong))


@dataclass(frozen=True, slots=True)
class SpeakRate:
    """How often a seat spoke at a turn, of the times it had a real choice."""

    agent: int
    role: Role
    turn: int
    choices: int
    spoken: int

    @property
    def rate(self) -> float:
        """The share of choices that were SPEAK (there is at least one choice)."""
        return self.spoken / self.choices


def changes(transcripts: Iterable[Transcript]) -> Changes:
    """Count corrections and corruptions per episode: from the first proposal to the final answer."""
    firsts = ((t.proposals[0].utterance, t.final) for t in transcripts if t.proposals)
    return _count((first.grade, final.grade) for first, final in firsts if first is not None)


def changes_by_turn(transcripts: Iterable[Transcript]) -> dict[int, Changes]:
    """Count them from each proposal to the next one, by the turn of the later one.

    Only proposals that were written count: a proposer that keeps its answer changes nothing.
    """
    pairs: dict[int, list[tuple[Grade | None, Grade | None]]] = {}
    for transcript in transcripts:
        grades = [(turn.turn, turn.utterance.grade) for turn in transcript.proposals if turn.utterance]
        for (_, before), (number, after) in pairwise(grades):
            pairs.setdefault(number, []).append((before, after))
    return {number: _count(pairs[number]) for number in sorted(pairs)}


def review_counts(transcripts: Iterable[Transcript]) -> Reviews:
    """Count spoken reviews by the truth about the pending proposal and by the verdict."""
    seen = Counter(pair for transcript in transcripts for pair in _judgements(transcript))
    wrong = (Grade.WRONG, Grade.UNPARSABLE)
    return Reviews(
        of_correct=_triple(seen[Grade.CORRECT, verdict] for verdict in _VERDICTS),
        of_wrong=_triple(sum(seen[grade, verdict] for grade in wrong) for verdict in _VERDICTS),
        unknown=sum(seen[Grade.TIMEOUT, verdict] for verdict in _VERDICTS),
    )


def speak_rates(transcripts: Iterable[Transcript]) -> list[SpeakRate]:
    """Return how often each seat spoke where it had a real choice, by agent, role and turn."""
    seen = Counter((x.agent, x.role, x.turn, x.action) for t in transcripts for x in t.turns if x.free)
    rates = []
    for agent, role, turn in sorted({key[:3] for key in seen}):
        skipped, spoken = (seen[agent, role, turn, action] for action in (Action.SKIP, Action.SPEAK))
        rates.append(SpeakRate(agent, role, turn, skipped + spoken, spoken))
    return rates


def accuracy_by_turn(transcripts: Sequence[Transcript]) -> list[float]:
    """Return the share of episodes whose pending proposal is correct after each turn, from turn 1.

    An episode that ended early keeps its last proposal, so every entry is over all episodes.
    """
    hits = [0] * max((t.max_turns for t in transcripts), default=0)
    for transcript in transcripts:
        correct, played = False, iter(transcript.turns)
        for number in range(len(hits)):
            turn = next(played, None)
            if turn is not None and turn.utterance is not None and turn.role is Role.PROPOSER:
                correct = turn.utterance.grade is Grade.CORRECT
            hits[number] += correct
    return [count / len(transcripts) for count in hits]


def details(transcripts: Sequence[Transcript]) -> dict[str, Any]:
    """Return the finer tables of one method as JSON-ready data."""
    reviews = review_counts(transcripts)
    return {
        "speak_rates": [{**asdict(x), "role": x.role.name.lower(), "rate": x.rate} for x in speak_rates(transcripts)],
        "reviews": {**asdict(reviews), "tpr": reviews.tpr, "tnr": reviews.tnr},
        "changes": _changes_data(changes(transcripts)),
        "changes_by_turn": [{"turn": n, **_changes_data(c)} for n, c in changes_by_turn(transcripts).items()],
        "accuracy_by_turn": accuracy_by_turn(transcripts),
    }


_VERDICTS = (Verdict.RIGHT, Verdict.WRONG, Verdict.NONE)


def _triple(counts: Iterable[int]) -> tuple[int, int, int]:
    right, wrong, none = counts
    return right, wrong, none


def _count(pairs: Iterable[tuple[Grade | None, Grade | None]]) -> Changes:
    seen = Counter(
        (before is Grade.CORRECT, after is Grade.CORRECT)
        for before, after in pairs
        if Grade.TIMEOUT not in (before, after)
    )
    mended, broken = seen[False, True], seen[True, False]
    return Changes(mended + seen[False, False], mended, broken + seen[True, True], broken)


def _changes_data(counted: Changes) -> dict[str, Any]:
    return {**asdict(counted), "correction": counted.correction, "corruption": counted.corruption}


def _judgements(transcript: Transcript) -> Iterator[tuple[Grade, Verdict]]:
    pending: Grade | None = None
    for turn in transcript.turns:
        if turn.utterance is None:
            continue
        if turn.role is Role.PROPOSER:
            pending = turn.utterance.grade
        elif pending is not None:
            yield pending, turn.utterance.verdict
