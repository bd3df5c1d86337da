"""The other views: Gymnasium's for one learner, PettingZoo's parallel one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pettingzoo
import pytest
from moves import Script

import tracer_env
from tracer_env.compositions import information_named
from tracer_env.envs.wrappers import ControllerEnv, learning_turns, make_controller_env
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.errors import ConfigError, IllegalActionError, UnknownNameError
from tracer_env.interfaces import Controller
from tracer_env.rules import DialogueState, Rules
from tracer_env.types import Role, Task

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), difficulty=i / 10) for i in range(7)]


def make(**settings: Any) -> ControllerEnv:
    return make_controller_env(settings.pop("scenario", TASKS), settings.pop("speaker", "simulated"), **settings)


# -- the learner's turns -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "seats", "turns"),
    [
        (Rules(), "all", [2, 3, 4, 5]),
        (Rules(), "agent_0", [3, 5]),
        (Rules(), "agent_1", [2, 4]),
        (Rules(), "reviewer", [2, 4]),
        (Rules(), ["agent_0/proposer"], [3, 5]),
        (Rules(), ["agent_0", "agent_1"], [2, 3, 4, 5]),
        (Rules(num_agents=3), "agent_0", [4]),
        (Rules(num_agents=3), "proposer", [3, 5]),
        (Rules(num_agents=3), "agent_1/proposer", [5]),
        (Rules(max_turns=2), "all", [2]),
    ],
)
def test_turns_of_the_learner(rules: Rules, seats: str | list[str], turns: list[int]) -> None:
    assert [turn for turn, learns in enumerate(learning_turns(rules, seats)) if learns] == turns


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_turns": 1}, "the seats agent_0, agent_1 never have a choice under max_turns=1, num_agents=2"),
        ({"seats": "agent_0/reviewer"}, "the seats agent_0/reviewer never have a choice under max_turns=5"),
        ({"seats": "agent_4", "num_agents": 5, "max_turns": 4}, "the seats agent_4 never have a choice"),
        ({"seats": "agent_0", "max_turns": 2}, "the seats agent_0 never have a choice under max_turns=2"),
        ({"seats": []}, "never have a choice"),
        ({"seats": "agnet_0"}, "'agnet_0' names no seat; did you mean 'agent_0'?"),
        ({"seats": ["agent_0", "agent_2"]}, "'agent_2' names no seat"),
    ],
)
def test_a_learner_without_a_choice_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**settings)
    assert message in str(caught.value)


def test_only_real_choices_are_shown() -> None:
    env = make(seats="reviewer", others="never")
    seen = []
    for _ in range(20):
        observation, info = env.reset(seed=1)
        while True:
            assert env.observation_space.contains(observation)
            assert info["action_mask"].tolist() == [1, 1]
            assert info["role"] is Role.REVIEWER
            seen.append(info["turn"])
            observation, _, over, truncated, info = env.step(1)
            assert not truncated
            if over:
                break
    assert seen == [2, 4] * 20
    assert info["action_mask"].tolist() == [0, 0]


def test_others_play_their_controller() -> None:
    def proposals(others: str) -> int:
        env = make(seats="reviewer", others=others)
        env.reset(seed=1)
        env.step(0)
        env.step(0)
        return len(env.inner.state_now.proposals)

    assert proposals("always") == 3
    assert proposals("never") == 1
    assert proposals("periodic:k=4") == 2
    with pytest.raises(UnknownNameError, match="unknown controller 'alwys'"):
        make(others="alwys")


def test_rewards_add_up_to_the_choosing_agents_pay() -> None:
    """Reviewer learns, the proposer speaks: what agent_1 earned between its choices, by hand."""
    env = make(speaker=Script("W.C.W", "+"), seats="reviewer", others="always")
    env.reset()
    _, reward, over, _, _ = env.step(1)  # RIGHT on a wrong proposal
    assert (reward, over) == (-1.0, False)
    _, reward, over, _, _ = env.step(0)  # silence beside the correct one of turn 3
    assert (reward, over) == (1.0, True)


def test_what_was_paid_before_the_first_choice_goes_to_the_first_step() -> None:
    env = make(speaker=Script("C.W.W", "+"), seats="agent_0", others="always")
    env.reset()
    _, reward, _, _, _ = env.step(1)  # +1 for turn 1, -1 for the new proposal of turn 3
    assert reward == 0.0
    _, reward, over, _, _ = env.step(0)  # a wrong one kept
    assert (reward, over) == (-1.0, True)


class Follow:
    """A policy for both worlds: speaks by a rule of the information state alone."""

    def __init__(self, rule: Callable[[str], bool]) -> None:
        self.rule = rule

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return float(self.rule(key))


@pytest.mark.parametrize(
    "rule",
    [lambda key: True, lambda key: False, lambda key: "minus" in key or "vote_0" in key, lambda key: "last" in key],
)
@pytest.mark.parametrize("rules", [Rules(), Rules(num_agents=3, max_turns=6, stop_when="kept")])
def test_the_team_return_is_the_accuracy_of_the_same_policy(rules: Rules, rule: Callable[[str], bool]) -> None:
    env = make(rules=rules, reward="team")
    total = 0.0
    for episode in range(200):
        _, info = env.reset(seed=5 if episode == 0 else None)
        over = False
        while not over:
            _, reward, over, _, info = env.step(int(rule(info["information_state"])))
            total += reward
    assert info["episodes_without_choice"] == 0
    scenario = tracer_env.make_scenario(TASKS)
    follow: Controller = Follow(rule)
    jobs = [Job(e, "m", follow, TASKS[e % 7], e // 7, 5) for e in range(200)]
    played = rollout(jobs, tracer_env.make_speaker("simulated"), scenario, rules, information_named("vote_and_time"))
    assert total == sum(transcript.correct for transcript in played)
    assert 0 < total < 200


def test_episodes_without_a_choice_are_counted() -> None:
    """The reviewer of turn 4 learns; when turn 3 keeps, the episode is over before."""
    rules = Rules(num_agents=4, max_turns=5, stop_when="kept")
    env = make(rules=rules, seats="agent_3", others="random:p=0.5")
    env.reset(seed=0)
    counts = []
    for _ in range(50):
        env.step(0)
        _, info = env.reset()
        counts.append(info["episodes_without_choice"])
        assert info["turn"] == 4
    assert counts == sorted(counts)
    assert 20 < counts[-1] < 100  # about one each
    assert env.inner._episode == 50 + counts[-1]


def test_a_thousand_episodes_without_a_choice_are_enough() -> None:
    env = make(rules=Rules(num_agents=4, max_turns=5, stop_when="kept"), seats="agent_3", others="never")
    with pytest.raises(ConfigError, match="1000 episodes in a row ended before the learner's first choice"):
        env.reset()


def test_options_reach_the_dialogue() -> None:
    env = make()
    env.reset(seed=1, options={"task": "t3", "world": 2})
    assert env.inner.state_now.task.id == "t3"
    with pytest.raises(ConfigError, match="did you mean 'world'"):
        env.reset(options={"wrld": 1})


def test_actions_outside_the_mask_are_refused() -> None:
    env = make()
    env.reset()
    with pytest.raises(IllegalActionError, match="illegal action 2"):
        env.step(2)


def test_rendering() -> None:
    env = make(render_mode="ansi", speaker=Script("C"))
    env.reset()
    assert env.render() == (
        "Question: What is 0 plus 1?\n[turn 1, agent_0, proposer] proposal C\n"
        "[turn 2 of 5, vote +0] agent_1 (reviewer): judge the pending proposal, or skip."
    )
    assert make().render_mode is None


def test_gymnasium_makes_it() -> None:
    env = gymnasium.make("tracer_env/Controller-v0", scenario=TASKS, speaker="simulated", seats="agent_0", max_turns=3)
    observation, _ = env.reset(seed=2)
    assert observation.dtype == np.float32
    _, _, over, _, _ = env.step(1)
    assert over


def test_a_cast_that_leaves_a_seat_silent_is_refused_at_once() -> None:
    for build in (tracer_env.env, tracer_env.parallel_env, make_controller_env):
        with pytest.raises(ConfigError, match=r"no part of the cast speaks for agent_1 \(reviewer\)"):
            build(TASKS, "proposer=simulated")


# -- the parallel view ---------------------------------------------------------------------------


def test_the_parallel_view_plays_the_same_dialogue() -> None:
    parallel, turns = tracer_env.parallel_env(TASKS, "simulated", num_agents=3), tracer_env.raw_env(TASKS, num_agents=3)
    observations, infos = parallel.reset(seed=4)
    turns.reset(seed=4)
    total = dict.fromkeys(parallel.possible_agents, 0.0)
    while parallel.agents:
        masks = {agent: infos[agent]["action_mask"] for agent in parallel.agents}
        for agent, mask in masks.items():  # who waits may skip: a distribution over no action is none
            legal = turns.infos[agent]["action_mask"] if agent == turns.agent_selection else [1, 0]
            assert mask.tolist() == list(legal)
        for agent, observation in observations.items():
            np.testing.assert_array_equal(observation["action_mask"], masks[agent])
        observations, rewards, terminations, truncations, infos = parallel.step(dict.fromkeys(parallel.agents, 1))
        turns.step(1)
        assert rewards == turns.rewards
        assert terminations == turns.terminations
        assert not any(truncations.values())
        for agent, reward in rewards.items():
            total[agent] += reward
    assert turns.state_now.over
    assert parallel.unwrapped.state_now == turns.state_now


def test_the_wrapped_environment_opens_to_the_bare_one() -> None:
    env = tracer_env.env(TASKS, "simulated", num_agents=2, max_turns=5)
    assert type(env.unwrapped) is type(tracer_env.raw_env(TASKS))
    env.reset(seed=0)
    twin = env.unwrapped.clone()
    assert twin.state_now == env.unwrapped.state_now


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_turn": 3}, "the rules have no setting 'max_turn'; did you mean 'max_turns'?"),
        ({"rules": Rules(), "max_turns": 3}, r"give either rules= or \['max_turns'\], not both"),
        ({"num_agents": 0}, "rules.num_agents must be a whole number from 1 to 4096, got 0"),
        ({"reward": "teem"}, "unknown reward 'teem'; did you mean 'team'?"),
        ({"information": "votes"}, "unknown information 'votes'"),
    ],
)
def test_bad_settings_are_refused_at_once(settings: dict[str, Any], message: str) -> None:
    for build in (tracer_env.env, tracer_env.raw_env, tracer_env.parallel_env, make_controller_env):
        with pytest.raises((ConfigError, UnknownNameError), match=message):
            build(TASKS, "simulated", **settings)


@pytest.mark.skipif(not hasattr(pettingzoo, "make"), reason="PettingZoo makes environments by name since 1.27")
def test_the_parallel_view_is_made_by_name() -> None:
    env = pettingzoo.make("parallel", "tracer_env/dialogue-v0", num_agents=3)
    observations, _ = env.reset(seed=0)
    assert sorted(observations) == ["agent_0", "agent_1", "agent_2"]


def test_masks_for_maskable_ppo() -> None:
    env = make()
    env.reset(seed=0)
    assert env.action_masks().tolist() == [True, True]
    assert gymnasium.make("tracer_env/Controller-v0").unwrapped.action_masks().dtype == bool
