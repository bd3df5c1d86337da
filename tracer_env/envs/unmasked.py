"""The dialogue with observations that are the features alone; the masks stand in infos.

For clients that take boxes and no dictionaries: AgileRL, which looks for masks in infos, and SuperSuit's wrappers.

    from tracer_env.envs.unmasked import env, parallel_env
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo.utils.wrappers import BaseWrapper

from tracer_env.envs import wrappers

__all__ = ["FeaturesAlone", "env", "parallel_env"]


class FeaturesAlone(BaseWrapper[Any, Any, Any]):  # type: ignore[misc]  # PettingZoo ships no types
    """Any PettingZoo view of the dialogue with observations float32 (F,)."""

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations, the same object at each call."""
        space: spaces.Space[Any] = self.env.observation_space(agent)["observation"]
        return space

    def observe(self, agent: str) -> NDArray[np.float32]:
        """Return the features of the turn, an array of the caller's own."""
        seen: NDArray[np.float32] = self.env.observe(agent)["observation"]
        return seen


def env(*arguments: Any, **settings: Any) -> FeaturesAlone:
    """Return `wrappers.env` with the features alone as observations; settings are those of `raw_env`."""
    return FeaturesAlone(wrappers.env(*arguments, **settings))


def parallel_env(*arguments: Any, **settings: Any) -> Any:
    """Return `wrappers.parallel_env` with the features alone as observations; who waits may skip, says its mask."""
    return wrappers.in_parallel(wrappers.raw_env(*arguments, **settings), FeaturesAlone)
