"""PettingZoo: the conformance kits, the conversions, the wrappers, the registry."""

from __future__ import annotations

import warnings
from typing import Any

import pettingzoo
from pettingzoo.test import api_test, max_cycles_test, parallel_api_test, parallel_seed_test, render_test, seed_test
from pettingzoo.utils import (
    AssertOutOfBoundsWrapper,
    BaseWrapper,
    CaptureStdoutWrapper,
    OrderEnforcingWrapper,
    TerminateIllegalWrapper,
    aec_to_parallel,
    parallel_to_aec,
)
from pettingzoo.utils.average_total_reward import average_total_reward
from pettingzoo.utils.conversions import turn_based_aec_to_parallel
from told import Use, tell

import tracer_env

_MASKLESS = "six lines that play the legal action where the mask forbids one: it samples without masks"


def kits() -> None:
    for agents in (2, 3):
        api_test(tracer_env.env(num_agents=agents, max_turns=7), num_cycles=300)
        seed_test(lambda n=agents: tracer_env.env(num_agents=n), num_cycles=50)
    render_test(lambda **settings: tracer_env.env(**settings))


def parallel_kit() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for agents in (2, 3):
            parallel_api_test(tracer_env.parallel_env(num_agents=agents), num_cycles=300)


class _Forced(BaseWrapper):  # type: ignore[misc]
    """Plays the legal action in the place of one that the mask forbids, for what samples without masks."""

    def step(self, action: Any) -> None:
        mask = self.env.observe(self.env.agent_selection)["action_mask"]
        super().step(action if action is None or mask[action] else int(mask[1]))


def _forced_parallel(**settings: Any) -> Any:
    inner = _Forced(tracer_env.raw_env(**settings))
    inner.metadata = {**inner.metadata, "is_parallelizable": True}
    return turn_based_aec_to_parallel(inner)


class _Module:
    """What `max_cycles_test` asks for: a cycle is a turn in the parallel view, and one of each agent in the other."""

    @staticmethod
    def env(max_cycles: int) -> Any:
        return _Forced(tracer_env.raw_env(max_turns=2 * max_cycles))

    @staticmethod
    def parallel_env(max_cycles: int) -> Any:
        return _forced_parallel(max_turns=max_cycles)


def max_cycles() -> None:
    max_cycles_test(_Module)


def parallel_seed() -> None:
    parallel_seed_test(_forced_parallel, num_cycles=20)


def average() -> None:
    average_total_reward(_Forced(tracer_env.raw_env()), max_episodes=3)


def _played(env: Any) -> int:
    """Play an AEC environment to its end with legal actions; return how many moves it took."""
    env.reset(seed=3)
    moves = 0
    for agent in env.agent_iter(200):
        observation, _, over, truncated, _ = env.last()
        mask = observation["action_mask"]
        legal = env.action_space(agent).sample(mask) if mask.any() else 0
        env.step(None if over or truncated else int(legal))
        moves += 1
    return moves


def conversions() -> None:
    there_and_back = parallel_to_aec(tracer_env.parallel_env())
    assert _played(there_and_back) > 0
    try:
        aec_to_parallel(tracer_env.env())
    except (AssertionError, UserWarning):
        pass  # PettingZoo's own word: turns of one agent each are `turn_based_aec_to_parallel`, our parallel_env
    else:
        raise AssertionError("aec_to_parallel takes environments whose agents move at once alone")


def wrappers() -> None:
    raw = tracer_env.raw_env
    for wrapped in (
        BaseWrapper(raw()),
        OrderEnforcingWrapper(raw()),
        AssertOutOfBoundsWrapper(raw()),
        TerminateIllegalWrapper(raw(), illegal_reward=-1.0),
        CaptureStdoutWrapper(raw(render_mode="human")),
    ):
        assert _played(wrapped) > 0


def by_name() -> None:
    assert _played(pettingzoo.make("aec", "tracer_env/dialogue-v0", num_agents=3)) > 0
    env = pettingzoo.make("parallel", "tracer_env/dialogue-v0", num_agents=3)
    observations, _ = env.reset(seed=0)
    assert len(observations) == 3


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "pettingzoo",
            Use("kits of the AEC view", kits),
            Use("parallel_api_test", parallel_kit),
            Use("max_cycles_test", max_cycles, _MASKLESS),
            Use("parallel_seed_test", parallel_seed, _MASKLESS),
            Use("average_total_reward", average, _MASKLESS),
            Use("conversions", conversions, "`parallel_env`: our agents take turns"),
            Use("wrappers", wrappers),
            Use("make by name", by_name),
        )
    )
