"""Debate: several agents answer, then answer anew having read each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.schedules import Debate as Rounds
from tracer_env.schedules import Schedule

__all__ = ["Debate"]


@dataclass(frozen=True)
class Debate(Recipe, at="method debate: "):
    """All agents answer, then all revise having read the others, and most of the last round decide (arXiv 2305.14325).

    After Du et al., society of minds. Here: ``agents`` answer without reading each other; in each of the further
    ``rounds`` every agent reads what each of them, itself included, said last, and answers anew; of each agent the
    newest answer counts once, ties go to the newest. Left out: summaries of long rounds, and that an agent keeps its
    whole own conversation before it (it reads its last answer, no more). A speaker that reads one text only goes by
    the answer that most gave (`reading.read_proposal`): nano does, and the simulated speaker.
    """

    ends_by: ClassVar[str] = "majority_of_agents"
    dial: ClassVar[str | None] = "rounds"
    agents: Annotated[int, Ge(2)] = 3
    rounds: FromOne = 2

    @property
    def schedule(self) -> Schedule:
        return Rounds(self.agents, self.rounds)
