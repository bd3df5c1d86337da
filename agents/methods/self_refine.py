"""Self-refinement: one agent answers, judges its own answer, and writes it anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from tracer_env.agents.controllers.baselines import UntilApproved
from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.interfaces import Controller
from tracer_env.rules import Rules
from tracer_env.schedules import RoundRobin, Schedule

__all__ = ["SelfRefine"]


@dataclass(frozen=True)
class SelfRefine(Recipe, at="method self_refine: "):
    """One agent answers, gives itself feedback, and refines, at most ``k`` times (Madaan et al., arXiv 2303.17651).

    Here: feedback is a review by the same agent; it stops once that says RIGHT, as the paper stops on a sign of its
    own. The refiner reads the discussion inside the history window. Left out: feedback in several aspects with scores.
    """

    controller: ClassVar[Controller] = UntilApproved()
    dial: ClassVar[str | None] = "k"
    k: FromOne = 2

    @property
    def schedule(self) -> Schedule:
        return RoundRobin()

    def plays(self, rules: Rules) -> Rules:
        """Return rules of one agent in both roles, with a review and a new proposal for each refinement."""
        return replace(rules, num_agents=1, max_turns=2 * self.k + 1, schedule=RoundRobin(), final_answer="last")
