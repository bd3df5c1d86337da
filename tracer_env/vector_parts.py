"""Which parts the vector environment can play: those that hang on nothing but a machine's situation.

Anything else is refused before a table is filled, with the way that plays it.
"""

from __future__ import annotations

from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.information import KEYS
from tracer_env.interfaces import Controller, Reward
from tracer_env.registry import resolve
from tracer_env.rewards import RoleCredit, Team, TeamMinusTokens
from tracer_env.vector_simulated import Rates

__all__ = ["HINT", "check_parts", "rates_of"]

HINT = 'use vectorization_mode="sync" for it'
_TABLED = ("always", "never", "random", "periodic", "vote_threshold", "until_approved", "oracle", "regret_matching")


def rates_of(speaker: Any) -> Rates:
    """Return the parameters of a simulated speaker; raises ConfigError for any other."""
    if type(speaker) is not resolve("speaker", "simulated")[0]:
        raise ConfigError(f"the vector environment plays the simulated speaker, not {type(speaker).__name__}; {HINT}")
    rates: Rates = speaker.simulation
    return rates


def check_parts(reward: Reward, information: str, others: Controller) -> None:
    """Raise ConfigError for parts that may hang on more than a machine's situation."""
    if type(reward) not in (RoleCredit, Team, TeamMinusTokens):
        raise ConfigError(f"the vector environment has no table for the reward {type(reward).__name__}; {HINT}")
    if information not in KEYS:
        raise ConfigError(f"information must be one of {', '.join(KEYS)} here, got {information!r}; {HINT}")
    known = tuple(resolve("controller", name)[0] for name in _TABLED)
    for part in getattr(others, "parts", {"": others}).values():
        if not isinstance(part, known):  # type: ignore[arg-type]  # registered as classes
            raise ConfigError(
                f"the vector environment has no table for the fixed controller {type(part).__name__}: "
                f"it must be a function of turn, vote and verdict ({', '.join(_TABLED)}, or a trained table); {HINT}"
            )
