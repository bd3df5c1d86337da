"""Which reviews a reviewer learns from, when proposals are mostly right.

The better the proposer, the rarer a wrong proposal, and a reviewer that always says RIGHT is nearly always right: with
nineteen right proposals in twenty the few groups that would teach it to say WRONG are outvoted, and it stops looking.
That was seen on nano, where balancing alone did not yet mend it: wrong proposals are too few in a short training.

    AllReviews        every review teaches (the paper, arXiv 2605.28699, says nothing else)
    BalancedReviews   groups of the more frequent kind are left out at random, so that right and wrong proposals
                      teach about equally often; what the controllers are told stays as it was

The share that is kept follows the counts of earlier steps, which fade; the draw is the episode's own noise, so batch
and number of processes change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tracer_env.errors import ConfigError
from tracer_env.intake.checked import number, read, record

__all__ = ["REVIEWS", "AllReviews", "BalancedReviews", "ReviewChoice"]


class ReviewChoice(Protocol):
    """Says which groups of reviews are learnt from."""

    def keeps(self, correct: bool, noise: float) -> bool:
        """Return whether reviews of a proposal that is ``correct`` or not are learnt from; ``noise`` in [0, 1)."""
        ...

    def seen(self, right: int, wrong: int) -> None:
        """Be told how many right and wrong proposals were reviewed in a step."""
        ...

    def state_dict(self) -> dict[str, float]:
        """Return what is remembered."""
        ...

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError for anything else."""
        ...


class AllReviews:
    """Every review teaches."""

    def keeps(self, correct: bool, noise: float) -> bool:
        return True

    def seen(self, right: int, wrong: int) -> None:
        """Do nothing."""

    def state_dict(self) -> dict[str, float]:
        return {}

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Do nothing."""


class BalancedReviews:
    """Right and wrong proposals teach about equally often. ``fading``: how much of the counts is left after a step."""

    def __init__(self, fading: float = 0.9) -> None:
        self.fading, self.right, self.wrong = fading, 0.0, 0.0

    def keeps(self, correct: bool, noise: float) -> bool:
        kind, other = (self.right, self.wrong) if correct else (self.wrong, self.right)
        return noise < (other + 1) / (kind + 1)

    def seen(self, right: int, wrong: int) -> None:
        self.right = self.fading * self.right + right
        self.wrong = self.fading * self.wrong + wrong

    def state_dict(self) -> dict[str, float]:
        return {"right": self.right, "wrong": self.wrong}

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        counts = record({"right": number(0), "wrong": number(0)})
        found = read(data, counts, "the reviews that were seen", error=ConfigError)
        self.right, self.wrong = found["right"], found["wrong"]


REVIEWS: dict[str, type[AllReviews] | type[BalancedReviews]] = {"balanced": BalancedReviews, "all": AllReviews}
"""The choices that a configuration can name."""
