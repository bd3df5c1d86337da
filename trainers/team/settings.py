"""The sections ``[magrpo]`` and ``[maporl]``: who shares an adapter, and what an utterance of a joint dialogue earns.

[magrpo]
sharing = "agent"       one adapter for each agent in each of its roles, or one for each role
returns = "joint"       the reward of the final answer for all, or "turns": the answer is paid after every turn
discount = 1.0          of later turns, with returns "turns"

[maporl]
sharing = "agent"
discount = 0.3          of what is said later
alpha0 = 0.5            one's own answer changed, towards the others                    (`influence`)
alpha1 = 0.5            one's own answer changed, away from the others
beta0 = 0.5             the others changed theirs, and one had been as right as they were
beta1 = 0.5             the others changed theirs, and one had been right where they were not, or the reverse
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from tracer_env.settings import Settings

__all__ = ["MAGRPOSettings", "MAPoRLSettings"]

_Weight = Annotated[float, Ge(0)]


@dataclass(frozen=True)
class MAGRPOSettings(Settings, at="magrpo"):
    """Who shares an adapter, and how a team's reward becomes the return of a turn."""

    sharing: Literal["role", "agent"] = "agent"
    returns: Literal["joint", "turns"] = "joint"
    discount: Annotated[float, Gt(0), Le(1)] = 1.0


@dataclass(frozen=True)
class MAPoRLSettings(Settings, at="maporl"):
    """Who shares an adapter, and what moving oneself and others is worth beside being right.

    The discount is that of the published code; the paper sweeps each weight over 0, 0.5, 1 and 2.
    """

    sharing: Literal["role", "agent"] = "agent"
    discount: Annotated[float, Ge(0), Le(1)] = 0.3
    alpha0: _Weight = 0.5
    alpha1: _Weight = 0.5
    beta0: _Weight = 0.5
    beta1: _Weight = 0.5
