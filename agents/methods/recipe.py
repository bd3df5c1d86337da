"""What a recipe is: a controller that brings its own rules.

`plays` makes the rules of the recipe's dialogues of the run's (`rules.under`), and `speak_probability` decides as the
recipe's controller does, so a recipe stands wherever a controller does. All methods of a comparison share tasks, noise
and words: an utterance hangs on what its seat may read and on the turn's noise, so two recipes whose seats read the
same at a turn hear the same words there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tracer_env.agents.controllers.baselines import Always
from tracer_env.interfaces import Controller
from tracer_env.rules import DialogueState, Rules, ruled
from tracer_env.schedules import Schedule
from tracer_env.settings import Settings

__all__ = ["Recipe"]


class Recipe(Settings, ABC):
    """Base of recipes: frozen dataclasses whose fields are their settings.

    A recipe names its ``schedule`` and how the answer is found (``ends_by``); ``controller`` decides who speaks, all of
    them unless it says otherwise; ``seated`` is how many agents there are, where the schedule leaves it open. ``dial``
    is the setting with which a recipe spends more or less, None without one.
    """

    controller: ClassVar[Controller] = Always()
    ends_by: ClassVar[str] = "last"
    seated: ClassVar[int] = 2
    dial: ClassVar[str | None] = None

    @property
    @abstractmethod
    def schedule(self) -> Schedule:
        """Who sits when, and reads what."""

    def plays(self, rules: Rules) -> Rules:
        """Return the rules of this recipe's dialogues; of the run's it takes how much is read back.

        The window of the history is widened to what a seat has to read: nobody debates with an answer he was not shown.
        """
        schedule = self.schedule
        agents = getattr(schedule, "agents", self.seated)
        window = max(rules.history_window, agents)
        return ruled(schedule, num_agents=agents, final_answer=self.ends_by, history_window=window)

    def speak_probability(self, state: DialogueState, key: str) -> float:
        """Decide as the recipe's controller does."""
        return self.controller.speak_probability(state, key)
