"""A loop with a verifier: answer anew until one is approved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tracer_env.agents.controllers.baselines import UntilApproved
from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.interfaces import Controller
from tracer_env.schedules import Independent, Schedule

__all__ = ["VerifierLoop"]


@dataclass(frozen=True)
class VerifierLoop(Recipe, at="method verifier_loop: "):
    """A proposer answers until a reviewer says RIGHT, at most ``k`` times; each try begins from nothing.

    `best_of_n` that stops at the first answer that passes: the loop of generating and testing, without a paper of its
    own. A try has not read the ones before, nor why they were refused; the method whose tries have is `until_approved`.
    Where none passes, the newest of the best voted counts.
    """

    controller: ClassVar[Controller] = UntilApproved()
    ends_by: ClassVar[str] = "highest_vote"
    dial: ClassVar[str | None] = "k"
    k: FromOne = 3

    @property
    def schedule(self) -> Schedule:
        return Independent(self.k, reviewed=True)
