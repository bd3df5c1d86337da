"""Fixed controllers: the baselines that a learned one has to beat, and the oracle that bounds it.

They are asked only where both actions are legal, and return the probability of SPEAK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from tracer_env.annotations import AtLeastOne, Words
from tracer_env.rules import DialogueState
from tracer_env.settings import Settings
from tracer_env.types import Role, Verdict

__all__ = ["Always", "MajorityVoting", "Never", "Oracle", "Periodic", "Random", "UntilApproved", "VoteThreshold"]


@dataclass(frozen=True)
class Always:
    """Speaks at every turn: the dialogue without a controller."""

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return 1.0


@dataclass(frozen=True)
class MajorityVoting(Always):
    """Speaks at every turn, and the answer that was proposed most often is the dialogue's; ties go to the newest.

    The same words as `Always` hears, counted: self-consistency (arXiv 2203.11171) over the proposals of one dialogue,
    which here have read each other.
    """

    final_answer = "majority"


@dataclass(frozen=True)
class Never:
    """Skips whenever it may: the first proposal stands (a lone chain of thought)."""

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return 0.0


@dataclass(frozen=True)
class Random(Settings, at="controller random: "):
    """Speaks with probability p."""

    p: Annotated[float, Ge(0), Le(1), Words.always("must be a probability between 0 and 1")] = 0.5

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return float(self.p)


@dataclass(frozen=True)
class Periodic(Settings, at="controller periodic: "):
    """Speaks at turns 1, 1 + k, 1 + 2k, ...: with two agents and k = 2 the proposer always, the reviewer never.

    A timetable. With an odd ``k`` both roles of two agents speak: k = 3 at turns 1 (proposer), 4 (reviewer), 7.
    """

    k: AtLeastOne = 2

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return 1.0 if (state.turn - 1) % self.k == 0 else 0.0


@dataclass(frozen=True)
class VoteThreshold(Settings, at="controller vote_threshold: "):
    """Reviewers always speak; a proposer writes anew while the vote is below ``threshold``."""

    threshold: int = 0

    def speak_probability(self, state: DialogueState, key: str) -> float:
        pending = state.pending
        if state.seat.role is Role.REVIEWER or pending is None or not pending.valid:
            return 1.0
        return 1.0 if pending.vote < self.threshold else 0.0


@dataclass(frozen=True)
class UntilApproved:
    """Everybody speaks until a RIGHT verdict stands on the pending proposal, then everybody is silent."""

    def speak_probability(self, state: DialogueState, key: str) -> float:
        pending = state.pending
        approved = pending is not None and pending.last_verdict is Verdict.RIGHT
        return 0.0 if approved else 1.0


@dataclass(frozen=True)
class Oracle:
    """Looks at the gold answer: leaves a correct proposal alone and has any other reviewed and rewritten.

    It cannot know what will be said, so it bounds what choosing well is worth, not what luck could give.
    """

    clairvoyant = True

    def speak_probability(self, state: DialogueState, key: str) -> float:
        pending = state.pending
        return 0.0 if pending is not None and pending.correct else 1.0
