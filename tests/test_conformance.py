"""The conformance kits of PettingZoo, Gymnasium and Stable-Baselines3, unmodified.

PettingZoo warns about observations that hold a mask beside the vector; its two messages are named below and
nothing else is let through.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

import tracer_env
from tracer_env.types import Task

with warnings.catch_warnings():  # the kit makes its own examples in a way that it has deprecated itself
    warnings.filterwarnings("ignore", "The old environment creation API", DeprecationWarning)
    from pettingzoo.test import api_test, parallel_api_test, render_test, seed_test

AGENTS, TURNS = (2, 3, 5), range(1, 10)
LETTERS = [
    Task(f"letter-{i}", f"Which letter comes at place {i}?", "ABCD"[i], "choice", 0.2 * i, ("a", "b", "c", "d"))
    for i in range(4)
]
SCENARIOS: list[Any] = ["arithmetic", LETTERS]

masked = pytest.mark.filterwarnings(
    "ignore:Observation is not a NumPy array:UserWarning",
    "ignore:Observation space for each agent probably should be gymnasium.spaces.box or:UserWarning",
)


def quietly(test: Any, *arguments: Any, **settings: Any) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        test(*arguments, **settings)


@masked
@pytest.mark.parametrize("scenario", SCENARIOS, ids=["arithmetic", "letters"])
@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("agents", AGENTS)
def test_pettingzoo(agents: int, turns: int, scenario: Any) -> None:
    for make in (tracer_env.env, tracer_env.raw_env):
        quietly(api_test, make(scenario, "simulated", num_agents=agents, max_turns=turns), num_cycles=40)


@masked
@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("agents", AGENTS)
def test_pettingzoo_seeds(agents: int, turns: int) -> None:
    for scenario in SCENARIOS:
        quietly(
            seed_test,
            lambda scenario=scenario: tracer_env.env(scenario, "simulated", num_agents=agents, max_turns=turns),
            num_cycles=20,
        )


@masked
@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("agents", AGENTS)
def test_pettingzoo_parallel(agents: int, turns: int) -> None:
    for scenario in SCENARIOS:
        made = tracer_env.parallel_env(scenario, "simulated", num_agents=agents, max_turns=turns)
        quietly(parallel_api_test, made, num_cycles=40)


SCHEDULES = [
    *({"schedule": f"independent:k={k}", "num_agents": agents} for k in (1, 3) for agents in (1, 2, 5)),
    *({"schedule": f"independent:k={k},reviewed=true", "num_agents": agents} for k in (1, 2) for agents in range(1, 6)),
    *({"schedule": f"debate:agents={agents},rounds={rounds}"} for agents in range(1, 6) for rounds in (1, 2)),
    *({"schedule": f"panel:reviewers={k}", "max_turns": turns} for k in (1, 2, 3, 4) for turns in (1, 4, 9)),
    *({"schedule": f"sides:rounds={rounds}"} for rounds in (1, 2)),
    *({"schedule": f"layers:layers={layers},agents={agents}"} for agents in range(1, 6) for layers in (2, 3)),
]


@masked
@pytest.mark.parametrize("rules", SCHEDULES, ids=lambda rules: "-".join(map(str, rules.values())))
def test_every_schedule_passes_the_kits(rules: dict[str, Any]) -> None:
    """PettingZoo's for turns and for seeds, its parallel one, and Gymnasium's where a seat has a choice."""
    for final in ("last", "majority_of_agents"):
        settings = {**rules, "final_answer": final}
        quietly(api_test, tracer_env.env("arithmetic", "simulated", **settings), num_cycles=20)
        quietly(
            seed_test, lambda settings=settings: tracer_env.env("arithmetic", "simulated", **settings), num_cycles=8
        )
    quietly(parallel_api_test, tracer_env.parallel_env("arithmetic", "simulated", **rules), num_cycles=20)
    played = tracer_env.raw_env("arithmetic", "simulated", **rules).rules
    if played.max_turns > 1:
        made = gymnasium.make("tracer_env/Controller-v0", scenario="arithmetic", speaker="simulated", **rules)
        with warnings.catch_warnings(action="ignore"):
            check_env(made.unwrapped, skip_render_check=True)


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("agents", AGENTS)
def test_pettingzoo_render(agents: int, turns: int) -> None:
    for scenario in SCENARIOS:
        quietly(
            render_test,
            lambda scenario=scenario, **settings: tracer_env.env(
                scenario, "simulated", num_agents=agents, max_turns=turns, **settings
            ),
        )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=["arithmetic", "letters"])
@pytest.mark.parametrize("turns", range(2, 10))
def test_gymnasium(turns: int, scenario: Any) -> None:
    for agents in AGENTS:
        made = gymnasium.make(
            "tracer_env/Controller-v0", scenario=scenario, speaker="simulated", num_agents=agents, max_turns=turns
        )
        check_env(made.unwrapped)


@pytest.mark.parametrize("turns", range(2, 10))
def test_stable_baselines(turns: int) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    for scenario in SCENARIOS:
        made = gymnasium.make("tracer_env/Controller-v0", scenario=scenario, speaker="simulated", max_turns=turns)
        checker.check_env(made.unwrapped)
        checker.check_env(made)


@masked
def test_features_with_signals() -> None:
    for turns in (2, 5):
        quietly(api_test, tracer_env.env("arithmetic", features="all", max_turns=turns), num_cycles=40)
        made = gymnasium.make("tracer_env/Controller-v0", scenario="arithmetic", features="all", max_turns=turns)
        check_env(made.unwrapped)


def test_a_few_hundred_steps_of_ppo() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    made = gymnasium.make("tracer_env/Controller-v0", scenario="arithmetic", speaker="simulated", reward="team")
    model = sb3.PPO("MlpPolicy", made, n_steps=128, batch_size=64, n_epochs=2, seed=0, device="cpu")
    model.learn(256)
    observation, _ = made.reset(seed=1)
    action, _ = model.predict(observation, deterministic=True)
    assert int(action) in (0, 1)


def test_a_few_hundred_steps_of_maskable_ppo() -> None:
    contrib = pytest.importorskip("sb3_contrib")
    wrappers = pytest.importorskip("sb3_contrib.common.wrappers")
    made = gymnasium.make("tracer_env/Controller-v0", scenario="arithmetic", speaker="simulated", reward="team")

    def mask(env: Any) -> Any:
        return env.unwrapped._info()["action_mask"].astype(bool)

    wrapped = wrappers.ActionMasker(made, mask)
    model = contrib.MaskablePPO("MlpPolicy", wrapped, n_steps=128, batch_size=64, n_epochs=2, seed=0, device="cpu")
    model.learn(256)
    assert model.num_timesteps == 256
