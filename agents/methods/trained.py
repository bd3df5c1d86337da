"""Methods whose words were trained: single agents, whole teams, and TRACER.

    compare --speaker nano --methods cot,gspo:steps=12,magrpo:steps=12,tracer:run=runs/tracer

``run`` is the folder of a training that has ended (`tracer-env train`), ``steps`` the budget of one that the comparison
does first, on the train split, under the settings of the run's sections (``--set gspo.learning_rate=...``). The run
layer does both (`runs.voiced`): no trainer is imported here. Such a method speaks with words of its own, so it hears
what others hear only where nothing was learned; tasks and noise are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import Ge

from tracer_env.agents.methods.recipe import Recipe
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.schedules import RoundRobin, Schedule

__all__ = ["GRPO", "GSPO", "MAGRPO", "MAPoRL", "Tracer", "TrainedWords"]


@dataclass(frozen=True)
class TrainedWords(Recipe):
    """Base: one of ``run`` and ``steps`` says where the training is, or how long it shall be.

    Raises ConfigError for both and for none.
    """

    trains: ClassVar[str] = ""
    """The training's name in the registry."""
    run: str | None = None
    steps: Annotated[int, Ge(1)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.run is None) is (self.steps is None):
            raise ConfigError(
                f"{self.at}give it the folder of a training that has ended, {self.trains}:run=FOLDER, or the steps of "
                f"one to be done first, {self.trains}:steps=12"
            )

    @property
    def schedule(self) -> Schedule:
        return RoundRobin()

    def plays(self, rules: Rules) -> Rules:
        """Return the run's rules."""
        return rules


@dataclass(frozen=True)
class _Alone(TrainedWords):
    def plays(self, rules: Rules) -> Rules:
        """Return the run's rules, but for one turn only."""
        return replace(rules, schedule=RoundRobin(), max_turns=1, final_answer="last", stop_when="horizon")


@dataclass(frozen=True)
class GRPO(_Alone, at="method grpo: "):
    """One agent trained by GRPO answers once (Shao et al., arXiv 2402.03300).

    What of the paper is here and what is left out stands with its training (``tracer-env train --method grpo``).
    """

    trains: ClassVar[str] = "grpo"


@dataclass(frozen=True)
class GSPO(_Alone, at="method gspo: "):
    """One agent trained by GSPO answers once (Zheng et al., arXiv 2507.18071).

    What of the paper is here and what is left out stands with its training (``tracer-env train --method gspo``).
    """

    trains: ClassVar[str] = "gspo"


@dataclass(frozen=True)
class MAGRPO(TrainedWords, at="method magrpo: "):
    """A team trained on one reward over joint groups, everybody speaks (Liu et al., arXiv 2508.04652).

    What of the paper is here and what is left out stands with its training (``tracer-env train --method magrpo``).
    """

    trains: ClassVar[str] = "magrpo"


@dataclass(frozen=True)
class MAPoRL(TrainedWords, at="method maporl: "):
    """A team trained on verifier scores and influence, everybody speaks (Park et al., arXiv 2502.18439).

    What of the paper is here and what is left out stands with its training (``tracer-env train --method maporl``).
    """

    trains: ClassVar[str] = "maporl"


@dataclass(frozen=True)
class Tracer(TrainedWords, at="method tracer: "):
    """Words by GSPO and choices by regret matching, learned together (TRACER, arXiv 2605.28699).

    What of the paper is here and what is left out stands with its training (``tracer-env train --method tracer``).
    """

    trains: ClassVar[str] = "tracer"
