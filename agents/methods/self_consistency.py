"""Self-consistency: several answers that have not read each other, and the one that most give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.schedules import Independent, Schedule

__all__ = ["SelfConsistency"]


@dataclass(frozen=True)
class SelfConsistency(Recipe, at="method self_consistency: "):
    """One agent answers ``k`` times, and the answer given most often counts (Wang et al., arXiv 2203.11171).

    Ties go to the answer that was given last; samples without an answer count only where all are. Here: k samples of
    the same prompt, each with noise of its own. Left out: weighing answers by their probability. At temperature 0 all
    samples are one.
    """

    ends_by: ClassVar[str] = "majority"
    seated: ClassVar[int] = 1
    dial: ClassVar[str | None] = "k"
    k: FromOne = 10

    @property
    def schedule(self) -> Schedule:
        return Independent(self.k)
