"""Behaviour: who spoke, who mended, who judged well. Counts over transcripts, and the shares they give.

The finer tables behind a row of `metrics`, where the treatment of timeouts and of rates without a case is
described. `Behaviour` takes one episode after the other and keeps counts alone: how many there are costs no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tracer_env.episodes.transcript import Transcript
from tracer_env.types import Action, Grade, Role, Verdict

__all__ = ["Behaviour", "Changes", "Reviews", "SpeakRate", "share"]


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


class Behaviour:
    """The counts of one method; `add` takes its episodes, one at a time, in any order."""

    def __init__(self, transcripts: Iterable[Transcript] = ()) -> None:
        self.episodes = 0
        self._flips: Counter[tuple[bool, bool]] = Counter()
        self._steps: dict[int, Counter[tuple[bool, bool]]] = {}
        self._judged: Counter[tuple[Grade, Verdict]] = Counter()
        self._choices: Counter[tuple[int, Role, int, Action]] = Counter()
        self._right = [0]  # at each turn, of the episodes that played it
        self._kept = [0]  # of the episodes that ended before a turn, how many ended right
        self._horizon = 0
        for transcript in transcripts:
            self.add(transcript)

    def add(self, transcript: Transcript) -> None:
        """Count one more episode."""
        self.episodes += 1
        first: Grade | None = None
        pending: Grade | None = None
        self._horizon = max(self._horizon, len(transcript.turns), transcript.max_turns)
        more = [0] * (len(transcript.turns) + 1 - len(self._kept))
        self._right, self._kept = self._right + more, self._kept + more
        for place, turn in enumerate(transcript.turns):
            if turn.free:
                self._choices[turn.agent, turn.role, turn.turn, turn.action] += 1
            said = turn.utterance
            if said is not None and turn.role is Role.REVIEWER:
                if pending is not None:
                    self._judged[pending, said.verdict] += 1
            elif said is not None and said.grade is not None:
                if pending is not None:
                    _count(self._steps.setdefault(turn.turn, Counter()), pending, said.grade)
                first, pending = first if first is not None else said.grade, said.grade
            self._right[place] += pending is Grade.CORRECT
        self._kept[len(transcript.turns)] += pending is Grade.CORRECT
        if first is not None:
            _count(self._flips, first, transcript.final.grade)

    @property
    def changes(self) -> Changes:
        """Corrections and corruptions per episode: from the first proposal to the final answer."""
        return _changes(self._flips)

    @property
    def changes_by_turn(self) -> dict[int, Changes]:
        """The same from each proposal to the next one, by the turn of the later one.

        Only proposals that were written count: a proposer that keeps its answer changes nothing.
        """
        return {number: _changes(self._steps[number]) for number in sorted(self._steps)}

    @property
    def reviews(self) -> Reviews:
        """Spoken reviews by the truth about the pending proposal and by the verdict."""
        seen, wrong = self._judged, (Grade.WRONG, Grade.UNPARSABLE)
        right, no, none = Verdict.RIGHT, Verdict.WRONG, Verdict.NONE
        return Reviews(
            of_correct=(seen[Grade.CORRECT, right], seen[Grade.CORRECT, no], seen[Grade.CORRECT, none]),
            of_wrong=(
                sum(seen[g, right] for g in wrong),
                sum(seen[g, no] for g in wrong),
                sum(seen[g, none] for g in wrong),
            ),
            unknown=sum(seen[Grade.TIMEOUT, verdict] for verdict in (right, no, none)),
        )

    @property
    def speak_rates(self) -> list[SpeakRate]:
        """How often each seat spoke where it had a real choice, by agent, role and turn."""
        seen, rates = self._choices, []
        for agent, role, turn in sorted({key[:3] for key in seen}):
            skipped, spoken = (seen[agent, role, turn, action] for action in (Action.SKIP, Action.SPEAK))
            rates.append(SpeakRate(agent, role, turn, skipped + spoken, spoken))
        return rates

    @property
    def spoken(self) -> tuple[int, int]:
        """How often somebody spoke where there was a choice, and how many choices there were."""
        chosen = Counter[Action]()
        for (*_, action), times in self._choices.items():
            chosen[action] += times
        return chosen[Action.SPEAK], chosen.total()

    @property
    def accuracy_by_turn(self) -> list[float]:
        """The share of episodes whose pending proposal is correct after each turn, from turn 1.

        An episode that ended early keeps its last proposal, so every entry is over all episodes.
        """
        shares, kept = [], 0
        for here, ended in zip(self._right[: self._horizon], self._kept, strict=False):
            kept += ended
            shares.append((here + kept) / self.episodes)
        if len(shares) < self._horizon:  # nobody played these turns: all keep what they ended with
            shares += [(sum(self._kept)) / self.episodes] * (self._horizon - len(shares))
        return shares

    def to_data(self) -> dict[str, Any]:
        """Return the finer tables of the method as JSON-ready data."""
        reviews = self.reviews
        rates = [{**asdict(x), "role": x.role.name.lower(), "rate": x.rate} for x in self.speak_rates]
        return {
            "speak_rates": rates,
            "reviews": {**asdict(reviews), "tpr": reviews.tpr, "tnr": reviews.tnr},
            "changes": _changes_data(self.changes),
            "changes_by_turn": [{"turn": n, **_changes_data(c)} for n, c in self.changes_by_turn.items()],
            "accuracy_by_turn": self.accuracy_by_turn,
        }


def _count(seen: Counter[tuple[bool, bool]], before: Grade, after: Grade | None) -> None:
    if Grade.TIMEOUT not in (before, after):
        seen[before is Grade.CORRECT, after is Grade.CORRECT] += 1


def _changes(seen: Counter[tuple[bool, bool]]) -> Changes:
    mended, broken = seen[False, True], seen[True, False]
    return Changes(mended + seen[False, False], mended, broken + seen[True, True], broken)


def _changes_data(counted: Changes) -> dict[str, Any]:
    return {**asdict(counted), "correction": counted.correction, "corruption": counted.corruption}
