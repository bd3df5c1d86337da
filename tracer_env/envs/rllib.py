"""RLlib on the dialogue: each agent a policy, or all one, with illegal actions masked by RLlib's own module.

    from ray.rllib.algorithms.ppo import PPOConfig
    config = rllib_config(PPOConfig(), "arithmetic", num_agents=2, reward="team")
    config.build_algo().train()

RLlib's ``ActionMaskingTorchRLModule`` wants the features under the key ``observations`` and the mask as floats, and
RLlib's check of environments samples actions without their mask, which ours refuse: `rllib_config` sees to all three.
Whatever it sets, the config's own methods set anew: ``multi_agent`` other policies, ``rl_module`` another module.
For one learning controller nothing of this is needed: ``config.environment("tracer_env:tracer_env/Controller-v0")``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo.utils.wrappers import BaseWrapper

from tracer_env.envs.wrappers import env
from tracer_env.errors import MissingExtraError

__all__ = ["MaskedView", "rllib_config", "rllib_env"]

NAME, POLICY = "tracer_env/dialogue-v0", "everybody"
"""Under which name RLlib makes the environment, and the one policy that all agents share."""


class MaskedView(BaseWrapper[Any, Any, Any]):  # type: ignore[misc]  # PettingZoo ships no types
    """The dialogue with observations ``{"observations": float32 (F,), "action_mask": float32 (2,)}``."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        mask = spaces.Box(0.0, 1.0, (2,), np.float32)
        self._spaces = {
            agent: spaces.Dict({"observations": inner.observation_space(agent)["observation"], "action_mask": mask})
            for agent in inner.possible_agents
        }

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the space of an agent's observations, the same object at each call."""
        return self._spaces[agent]

    def observe(self, agent: str) -> dict[str, Any]:
        """Return what an agent sees, under RLlib's keys."""
        seen = self.env.observe(agent)
        return {"observations": seen["observation"], "action_mask": seen["action_mask"].astype(np.float32)}


def rllib_env(context: Any = None) -> Any:
    """Return the dialogue as RLlib's ``PettingZooEnv``; ``context`` holds `raw_env`'s settings, by name.

    RLlib calls it in each of its processes: ``register_env("dialogue", rllib_env)``. Raises MissingExtraError without
    RLlib.
    """
    try:
        from ray.rllib.env.wrappers.pettingzoo_env import PettingZooEnv
    except ModuleNotFoundError as error:
        raise MissingExtraError("the RLlib adapter", "ray", "", 'pip install "ray[rllib]"') from error
    return PettingZooEnv(MaskedView(env(**dict(context or {}))))


def rllib_config(config: Any, scenario: Any = "arithmetic", speaker: Any = "simulated", **settings: Any) -> Any:
    """Return ``config`` with the dialogue as its environment, one policy for all agents, and illegal actions masked.

    ``settings`` are those of `raw_env`; names, numbers and texts, since RLlib sends them to other processes. Raises
    what `raw_env` raises at once, and MissingExtraError without RLlib.
    """
    try:
        from ray.rllib.core.rl_module.rl_module import RLModuleSpec
        from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule
        from ray.tune.registry import register_env
    except ModuleNotFoundError as error:
        raise MissingExtraError("the RLlib adapter", "ray", "", 'pip install "ray[rllib]"') from error
    context = {"scenario": scenario, "speaker": speaker, **settings}
    env(**context)
    register_env(NAME, rllib_env)
    config.environment(NAME, env_config=context, disable_env_checking=True)
    config.multi_agent(policies={POLICY}, policy_mapping_fn=_one_for_all)
    config.rl_module(rl_module_spec=RLModuleSpec(module_class=ActionMaskingTorchRLModule))
    return config


def _one_for_all(agent: str, *rest: Any, **more: Any) -> str:
    return POLICY
