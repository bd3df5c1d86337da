"""Mixture of agents: layers of answers, each written from the layer below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.annotations import FromOne
from tracer_env.schedules import Layers, Schedule

__all__ = ["Mixture"]


@dataclass(frozen=True)
class Mixture(Recipe, at="method mixture: "):
    """Layers of agents who each read all answers of the layer below; one of them writes the end (arXiv 2406.04692).

    After Wang et al. Here: ``agents`` answers in each layer but the last, which is one aggregator's. Left out: that the
    agents are different models, unless the speaker is a cast (``agent_0=...,agent_1=...``).
    """

    dial: ClassVar[str | None] = "layers"
    layers: Annotated[int, Ge(2)] = 2
    agents: FromOne = 3

    @property
    def schedule(self) -> Schedule:
        return Layers(self.layers, self.agents)
