"""TorchRL: its own wrappers by id and by object, of one environment and of vectors, of PettingZoo's two views."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium.vector import AutoresetMode
from told import Use, tell
from torchrl.envs import GymEnv, GymWrapper, ParallelEnv, PettingZooWrapper, SerialEnv, check_env_specs

import tracer_env

ID = "tracer_env/Controller-v0"


def _checked(env: Any, steps: int = 12) -> None:
    check_env_specs(env)
    rolled = env.rollout(steps, break_when_any_done=False)
    assert rolled.shape[-1] == steps
    env.close()


def gym_env() -> None:
    _checked(GymEnv(ID))
    _checked(GymEnv(ID, scenario="arithmetic", reward="team", max_turns=7))


def gym_wrapper() -> None:
    _checked(GymWrapper(gymnasium.make(ID, reward="team")))


def processes() -> None:
    _checked(SerialEnv(2, lambda: GymEnv(ID)))
    _checked(ParallelEnv(2, lambda: GymEnv(ID)))


def vectors() -> None:
    ours = gymnasium.make_vec(ID, num_envs=4, vectorization_mode="vector_entry_point", autoreset_mode="SameStep")
    theirs = gymnasium.make_vec(
        ID,
        num_envs=4,
        vectorization_mode="sync",
        info="numbers",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )
    for envs in (ours, theirs):
        _checked(GymWrapper(envs))


def aec() -> None:
    _checked(PettingZooWrapper(tracer_env.env(num_agents=2, info="numbers"), use_mask=True))


def parallel() -> None:
    _checked(PettingZooWrapper(tracer_env.parallel_env(num_agents=3, info="numbers")))


if __name__ == "__main__":
    raise SystemExit(
        tell(
            "torchrl",
            Use("GymEnv", gym_env),
            Use("GymWrapper", gym_wrapper),
            Use("SerialEnv, ParallelEnv", processes),
            Use(
                "GymWrapper of vectors",
                vectors,
                '`autoreset_mode` SAME_STEP, which TorchRL asks of every vector; `info="numbers"` in Gymnasium\'s own',
            ),
            Use(
                "PettingZooWrapper, AEC",
                aec,
                '`info="numbers"` (infos become tensors), and `use_mask=True`: agents take turns',
            ),
            Use("PettingZooWrapper, parallel", parallel, '`info="numbers"`: infos become tensors'),
        )
    )
