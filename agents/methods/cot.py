"""Chain of thought: one proposal, and that is the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.rules import Rules
from tracer_env.schedules import RoundRobin, Schedule

__all__ = ["ChainOfThought"]


@dataclass(frozen=True)
class ChainOfThought(Recipe, at="method cot: "):
    """One agent writes its steps and an answer, once (Wei et al., arXiv 2201.11903).

    Here: the prompt asks for short steps and a final answer, with the worked examples that the speaker is given.
    Left out: nothing; the paper's few-shot examples are the speaker's setting ``examples``. It can be played on
    recordings: its only utterance is everybody's first.
    """

    @property
    def schedule(self) -> Schedule:
        return RoundRobin()

    def plays(self, rules: Rules) -> Rules:
        """Return the run's rules, but for one turn only."""
        return replace(rules, schedule=RoundRobin(), max_turns=1, final_answer="last", stop_when="horizon")
