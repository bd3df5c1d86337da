from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from vector_and_singles import agree, compare

import tracer_env
from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.agents.speakers.simulated.rates import PRESETS, Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.envs.vector.simulated import quantised
from tracer_env.envs.wrappers import make_controller_env
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.types import Task

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "kept": {"stop_when": "kept", "reward": "team"},
    "three agents": {"num_agents": 3, "max_turns": 9, "reward": "team_minus_tokens"},
    "two turns": {"max_turns": 2, "reward": "team_minus_tokens:price=0.01"},
    "three turns": {"max_turns": 3, "stop_when": "kept"},
    "one agent": {"num_agents": 1, "max_turns": 4},
    "short window": {"max_turns": 9, "history_window": 2, "reward": "team_minus_tokens"},
    "no window": {"history_window": 0, "reward": "team_minus_tokens"},
    "history keys": {"information": "history", "stop_when": "kept"},
    "highest vote": {"final_answer": "highest_vote", "reward": "team", "max_turns": 7},
    "majority": {"final_answer": "majority", "reward": "team"},
    "reviewer learns": {"seats": "reviewer", "others": "always"},
    "proposer learns": {"seats": "agent_0/proposer", "others": "random:p=0.3", "num_agents": 3, "max_turns": 9},
    "late learner": {"seats": "agent_2", "others": "random:p=0.6", "num_agents": 3, "stop_when": "kept"},
    "other casts": {"seats": "agent_1", "others": "proposer=until_approved+reviewer=periodic:k=3", "num_agents": 3},
    "threshold": {"seats": "reviewer", "others": "vote_threshold:threshold=1", "reward": "team", "max_turns": 7},
    "oracle": {"seats": "reviewer", "others": "oracle", "reward": "team_minus_tokens"},
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("same_step", [False, True], ids=["next", "same"])
def test_steps_equal_those_of_single_environments(name: str, same_step: bool) -> None:
    options = {"scenario": tracer_env.make_scenario("arithmetic", limit=7), **CASES[name]}
    assert compare(20, 60, seed=11, same_step=same_step, **options) > 100


def test_ten_thousand_episodes_equal_those_of_single_environments() -> None:
    begun = 0
    for rules in ({"stop_when": "kept"}, {"num_agents": 3}, {"max_turns": 3, "stop_when": "kept"}):
        begun += compare(200, 70, seed=5, scenario="arithmetic", reward="team_minus_tokens", **rules)
    assert begun >= 10_000


RATES = ("skill", "mend", "cave", "repeat", "invalid", "tpr", "tnr", "no_verdict", "reread")
rates = st.floats(1e-9, 1.0) | st.sampled_from([0.0, 1.0])


@settings(
    max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking takes minutes
@given(
    st.sampled_from(sorted(PRESETS)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(RATES, rates)),
    st.integers(1, 6),
    st.integers(0, 2**40),
)  # fmt: skip
def test_any_preset_plays_alike(preset: str, changed: dict[str, float], distractors: int, seed: int) -> None:
    speaker = SimulatedSpeaker(replace(PRESETS[preset], distractors=distractors, **changed))  # type: ignore[arg-type]
    compare(6, 12, seed=seed, speaker=speaker, final_answer="majority", reward="team_minus_tokens", stop_when="kept")


@given(st.floats(0.0, 1.0), st.integers(-3, 3))
def test_whole_thresholds_compare_as_floats_do(chance: float, near: int) -> None:
    limit = int(quantised(chance))
    for bits in (limit + near, 0, (1 << 48) - 1):
        if 0 <= bits < 1 << 48:
            assert (bits * 2.0**-48 < chance) == (bits < limit)


@pytest.mark.parametrize("repeat", [0.0, 1e-300, 0.9999999999999999, 1.0])
def test_repeats_that_are_all_but_certain(repeat: float) -> None:
    compare(8, 20, speaker=SimulatedSpeaker(repeat=repeat), reward="team")


def test_letters_that_come_round_again_count_as_one_answer() -> None:
    tasks = [
        Task(f"c{i}", "Which?", "B", "choice", options=("one", "two", "three")[: 2 + i % 2], difficulty=i / 9)
        for i in range(10)
    ]
    speaker = SimulatedSpeaker(Simulation(skill=0.3, distractors=9, repeat=0.2))
    compare(30, 40, speaker=speaker, scenario=tasks, final_answer="majority", reward="team")


def test_gymnasium_makes_it_and_samples_fit_its_spaces() -> None:
    env = gymnasium.make_vec(
        "tracer_env/Controller-v0", num_envs=5, vectorization_mode="vector_entry_point", stop_when="kept"
    )
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, infos = env.reset(seed=3)
    assert observations in env.observation_space
    assert observations.shape == (5, 11)
    assert observations.dtype == np.float32
    for _ in range(30):
        observations, rewards, terminations, truncations, infos = env.step(env.action_space.sample())
        assert observations in env.observation_space
        assert (rewards.dtype, terminations.dtype, truncations.dtype) == (np.float64, np.bool_, np.bool_)
        assert infos["action_mask"].dtype == np.int8
        assert infos["_turn"].all()
    env.close()


def test_it_equals_gymnasiums_own_vector() -> None:
    options: dict[str, Any] = {"num_envs": 4, "reward": "team_minus_tokens", "stop_when": "kept"}
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        sync = gymnasium.make_vec(
            "tracer_env/Controller-v0", vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode}, **options
        )
        ours = gymnasium.make_vec("tracer_env/Controller-v0", vectorization_mode="vector_entry_point",
                                  autoreset_mode=mode, **options)  # fmt: skip
        first, second = sync.reset(seed=9), ours.reset(seed=9)
        assert (first[0] == second[0]).all()
        for actions in np.random.default_rng(0).integers(0, 2, (80, 4)):
            left, right = sync.step(actions), ours.step(actions)
            for one, other in zip(left[:4], right[:4], strict=True):
                assert np.array_equal(one, other)
            assert np.array_equal(left[4]["tokens"], right[4]["tokens"])
            if "final_obs" in left[4]:
                where = left[4]["_final_obs"]
                assert np.array_equal(where, right[4]["_final_obs"])
                assert np.array_equal(np.stack(list(left[4]["final_obs"][where])), right[4]["final_obs"][where])
        sync.close()


def test_a_plain_reset_takes_the_next_episode() -> None:
    vector, single = make_vector_env(3), make_controller_env()
    vector.reset(seed=4)
    single.reset(seed=6)
    for _ in range(3):
        observations, infos = vector.reset()
        agree(vector, observations, infos, 2, single.reset())


def test_reset_takes_seeds_one_by_one_and_options() -> None:
    scenario = tracer_env.make_scenario("arithmetic")
    vector, single = make_vector_env(2), make_controller_env()
    where = {"task": scenario[8].id, "world": 5}
    observations, infos = vector.reset(seed=[50, 17], options=where)
    agree(vector, observations, infos, 1, single.reset(seed=17, options=where))
    agree(vector, *vector.step(np.array([1, 1]))[::4], 1, single.step(1)[::4])
    with pytest.raises(UnknownNameError, match="task"):
        vector.reset(options={"task": "nowhere"})
    with pytest.raises(ConfigError, match="'world' must be"):
        vector.reset(options={"world": -1})
    with pytest.raises(ConfigError, match="did you mean 'task'"):
        vector.reset(options={"tsak": 1})
    with pytest.raises(ConfigError, match="one for each of 2"):
        vector.reset(seed=[1])
    for odd in ([3, None], [3, "4"], [True, 1], [1.5, 2]):
        with pytest.raises(ConfigError, match="must hold whole numbers"):
            vector.reset(seed=odd)
    assert infos["information_code"].dtype == np.int64


def test_arrays_of_a_step_stay_as_they_were() -> None:
    vector = make_vector_env(50, stop_when="kept", autoreset_mode="SameStep")
    vector.reset(seed=0)
    ones = np.ones(50, dtype=np.int64)
    kept = [vector.step(ones) for _ in range(6)]
    frozen = [[part.copy() for part in step[:4]] + [step[4]["tokens"].copy()] for step in kept]
    for _ in range(6):
        vector.step(1 - ones)
    for step, before in zip(kept, frozen, strict=True):
        for part, old in zip([*step[:4], step[4]["tokens"]], before, strict=True):
            assert np.array_equal(part, old)


def test_slices_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def play() -> list[Any]:
        vector = make_vector_env(100, stop_when="kept", reward="team_minus_tokens")
        vector.reset(seed=1)
        return [vector.step(np.full(100, turn % 3 > 0, dtype=np.int64))[:3] for turn in range(20)]

    whole = play()
    monkeypatch.setattr("tracer_env.envs.vector.simulated._SLICE", 32)
    for one, other in zip(whole, play(), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_episodes_without_a_choice_are_counted() -> None:
    vector = make_vector_env(40, seats="agent_1", others="never", num_agents=4, max_turns=3, scenario="arithmetic")
    assert vector.reset(seed=0)[1]["episodes_without_choice"].tolist() == [0] * 40
    assert vector.turns == 40
    with pytest.raises(ConfigError, match="1000 episodes in a row"):
        make_vector_env(2, seats="agent_3", others="never", num_agents=4, stop_when="kept").reset(seed=0)


def test_a_trained_table_may_play_the_other_seats() -> None:
    table = RegretMatching()
    table.accumulate("agent_0/proposer/vote_minus_1/last", (0.0, 1.0), 0.5, 1)
    compare(10, 40, seats="reviewer", others=table)


class Fickle:
    def speak_probability(self, state: Any, key: str) -> float:
        return 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"speaker": lambda prompt: "Final answer: 3"},
            "plays the simulated speaker and recordings, not FunctionSpeaker",
        ),
        ({"reward": lambda before, after: (0.0, 0.0)}, "no table for the reward function"),
        ({"information": "vote+confidence"}, "whose edges are fitted"),
        ({"seats": "reviewer", "others": Fickle()}, "no table for the fixed controller Fickle"),
        ({"autoreset_mode": "Disabled"}, "NEXT_STEP or SAME_STEP"),
        ({"num_envs": 0}, "at least 1, got 0"),
        ({"max_turns": 1}, "never have a choice"),
        ({"max_turns": 60, "information": "history"}, "too many situations"),
    ],
)
def test_what_arrays_cannot_play_is_refused(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracer_env.envs.vector.machine.LIMIT", 1 << 14)
    with pytest.raises(ConfigError, match=message):
        make_vector_env(**{"num_envs": 2, **options})


def test_actions_are_checked() -> None:
    vector = make_vector_env(2)
    with pytest.raises(ConfigError, match="call reset"):
        vector.step(np.array([0, 1]))
    vector.reset()
    for actions in (np.array([0, 2]), np.array([-1, 0]), np.array([1]), np.array([0.0, 1.0])):
        with pytest.raises(ConfigError, match=r"actions must be"):
            vector.step(actions)
    vector.step(np.array([0, 1], dtype=np.int32))
