"""Debate before a judge: one side answers, the other objects, a third decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.schedules import Schedule, Sides

__all__ = ["DebateJudge"]


@dataclass(frozen=True)
class DebateJudge(Recipe, at="method debate_judge: "):
    """An affirmative side, a negative side that is told to object, and a judge who answers (arXiv 2305.19118).

    After Liang et al., MAD. Here: both sides speak ``rounds`` times in turn, everybody reads all that was said inside
    the history window, and the judge's answer is the end. Left out: that the judge may end the debate after each round.
    """

    dial: ClassVar[str | None] = "rounds"
    rounds: FromOne = 2

    @property
    def schedule(self) -> Schedule:
        return Sides(self.rounds)
