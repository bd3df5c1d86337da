"""Best of n: several answers that have not read each other, each judged, and the one with the highest vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.schedules import Independent, Schedule

__all__ = ["BestOfN"]


@dataclass(frozen=True)
class BestOfN(Recipe, at="method best_of_n: "):
    """A proposer answers ``k`` times, a reviewer judges each answer, and the best judged counts.

    After best-of-n with a verifier (Cobbe et al., arXiv 2110.14168). Here the verifier is a reviewer who says RIGHT or
    WRONG in words, so that a vote is 1, 0 or -1 and ties are many: they go to the newest. Left out: a trained verifier
    with a score.
    """

    ends_by: ClassVar[str] = "highest_vote"
    dial: ClassVar[str | None] = "k"
    k: FromOne = 4

    @property
    def schedule(self) -> Schedule:
        return Independent(self.k, reviewed=True)
