"""The PettingZoo environment: its books, its seeds, its forks, and what it keeps to itself."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import Script

import tracer_env
from tracer_env.dialogue import Dialogue, Line
from tracer_env.envs.aec import DialogueEnv
from tracer_env.errors import ConfigError, IllegalActionError, SpeakerError, UnknownNameError
from tracer_env.information import FEATURES
from tracer_env.interfaces import Request
from tracer_env.rules import Rules
from tracer_env.types import Role, Task, Utterance

TASKS = [Task(f"t{i}", f"What is {i} plus 1?", str(i + 1), difficulty=i / 10) for i in range(3)]
SPEAK, SKIP = 1, 0


def make(**settings_: Any) -> DialogueEnv:
    return tracer_env.raw_env(settings_.pop("scenario", TASKS), settings_.pop("speaker", "simulated"), **settings_)


def finish(env: DialogueEnv, choices: str = "") -> list[str]:
    """Play on with the given choices (S speaks, anything else skips where it may); return what was said."""
    wanted, said = iter(choices), []
    while not env.state_now.over:
        mask = env.infos[env.agent_selection]["action_mask"]
        action = int(next(wanted, "S") == "S") if mask.all() else int(mask[1])
        env.step(action)
        turn = env.state_now.turns[-1]
        said.append(turn.utterance.text if turn.utterance else "")
    return said


# -- books ---------------------------------------------------------------------------------------


def test_an_episode_by_hand() -> None:
    env = make(speaker=Script("W.C.W", "0-0+0"))
    env.reset(seed=1)
    assert env.agents == ["agent_0", "agent_1"]
    assert env.agent_selection == "agent_0"
    assert env.infos["agent_0"]["action_mask"].tolist() == [0, 1]
    assert env.infos["agent_1"]["action_mask"].tolist() == [0, 0]
    told = []
    for agent in env.agent_iter():
        _, reward, termination, truncation, _ = env.last()
        assert not truncation
        told.append((agent, reward, termination))
        env.step(None if termination else SPEAK if len(told) < 4 else SKIP)
    assert told == [
        ("agent_0", 0.0, False),
        ("agent_1", 0.0, False),
        ("agent_0", -1.0, False),  # turn 1: a wrong proposal
        ("agent_1", 1.0, False),  # turn 2: called WRONG, rightly; turn 3 was mended
        ("agent_0", 1.0, False),  # turn 3: a correct proposal
        ("agent_1", 1.0, True),  # turn 4: silence beside a correct one
        ("agent_0", 1.0, True),  # turn 5: kept
    ]
    assert env.agents == []


def test_the_infos() -> None:
    env = make(speaker=Script("W.C.C", "0-"))
    assert env.last_line is None
    env.reset()
    info = env.infos["agent_0"]
    assert set(info) == {"action_mask", "role", "turn", "information_state", "tokens"}
    assert (info["role"], info["turn"], info["tokens"]) == (Role.PROPOSER, 1, 0)
    assert info["information_state"] == "agent_0/proposer/no_pending/not_last"
    assert all(isinstance(value, int | str | np.ndarray) for value in info.values())
    assert env.last_line is None
    assert set(env.infos["agent_1"]) == {"action_mask"}
    env.step(SPEAK)
    info = env.infos["agent_1"]
    assert (info["role"], info["turn"], info["tokens"]) == (Role.REVIEWER, 2, 10)
    assert env.last_line is not None
    assert env.last_line.text == "proposal W"
    assert "proposal W" in env.dialogue.context()
    env.step(SKIP)
    assert env.infos["agent_0"]["tokens"] == 10
    assert env.last_line.text == "proposal W"  # the last one that was said
    finish(env)
    assert env.infos["agent_0"]["action_mask"].tolist() == [0, 0]
    assert env.infos["agent_0"]["turn"] == env.infos["agent_1"]["turn"] == 6


def test_rich_infos_hold_what_was_said() -> None:
    env = make(speaker=Script("W.C.C", "0-"), info="rich")
    env.reset()
    assert env.infos["agent_0"]["utterance"] is None
    assert isinstance(env.infos["agent_0"]["dialogue"], Dialogue)
    env.step(SPEAK)
    assert isinstance(env.infos["agent_1"]["utterance"], Line)
    assert env.infos["agent_1"]["utterance"].text == "proposal W"
    with pytest.raises(ConfigError, match="info is 'ritch'; choose one of: plain, rich, numbers; did you mean 'rich'"):
        make(info="ritch")


def test_observations() -> None:
    env = make()
    env.reset()
    acting, waiting = env.observe("agent_0"), env.observe("agent_1")
    assert acting["action_mask"].tolist() == [0, 1]
    assert waiting["action_mask"].tolist() == [0, 0]
    assert acting["observation"].shape == (len(FEATURES),)
    assert acting["observation"].dtype == np.float32
    assert acting["action_mask"].dtype == np.int8
    assert env.observation_space("agent_0").contains(acting)
    assert env.observation_space("agent_0") is env.observation_space("agent_0")
    assert env.action_space("agent_1") is env.action_space("agent_1")
    acting["observation"][0] = 0.5  # a copy: nobody else sees it
    assert env.observe("agent_0")["observation"][0] == np.float32(0.2)


def test_other_keys_can_be_asked_for() -> None:
    env = make(information="history")
    env.reset()
    assert env.infos["agent_0"]["information_state"] == "agent_0/proposer/-"


def test_kept_ends_terminate_everybody() -> None:
    env = make(num_agents=3, stop_when="kept", speaker=Script("C"))
    env.reset()
    for action in (SPEAK, SKIP, SKIP):
        env.step(action)
    assert env.terminations == {"agent_0": True, "agent_1": True, "agent_2": True}
    assert not any(env.truncations.values())


def test_before_the_first_reset_there_is_no_dialogue() -> None:
    with pytest.raises(ConfigError, match="the environment has no dialogue yet: call reset"):
        make().observe("agent_0")


# -- which episode -------------------------------------------------------------------------------


def _where(env: DialogueEnv) -> tuple[str, int, int]:
    return env.state_now.task.id, env._world, env._seed


def test_episode_e_plays_task_e_mod_n_in_world_e_div_n() -> None:
    env = make()
    seen = []
    for _ in range(7):
        env.reset()
        seen.append(_where(env)[:2])
    assert seen == [("t0", 0), ("t1", 0), ("t2", 0), ("t0", 1), ("t1", 1), ("t2", 1), ("t0", 2)]


def test_a_seed_starts_at_episode_0() -> None:
    env = make()
    env.reset(seed=5)
    env.reset()
    assert _where(env) == ("t1", 0, 5)
    env.reset(seed=5)
    assert _where(env) == ("t0", 0, 5)
    fresh = make()
    fresh.reset()
    assert _where(fresh) == ("t0", 0, 0)


def test_options_override() -> None:
    env = make()
    env.reset(seed=1, options={"task": "t2", "world": 9})
    assert _where(env) == ("t2", 9, 1)
    env.reset(options={"world": 4})
    assert _where(env) == ("t1", 4, 1)
    env.reset(options={"task": "t0"})
    assert _where(env) == ("t0", 0, 1)
    env.reset(options={"somebody_elses": 1})
    assert _where(env) == ("t0", 1, 1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tsk": "t0"}, ConfigError, "unknown reset option 'tsk'; did you mean 'task'?"),
        ({"worlds": 1}, ConfigError, "unknown reset option 'worlds'; did you mean 'world'?"),
        ({"world": -1}, ConfigError, "reset option 'world' must be a whole number of at least 0, got -1"),
        ({"world": 1.5}, ConfigError, "reset option 'world' must be a whole number of at least 0, got 1.5"),
        ({"world": True}, ConfigError, "reset option 'world' must be a whole number of at least 0, got True"),
        ({"task": "t9"}, UnknownNameError, "unknown task 't9'; choose one of: t0, t1, t2"),
    ],
)
def test_slips_in_options_are_errors(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make().reset(options=options)
    assert str(caught.value).startswith(message)


# -- actions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [int, np.int32, np.int64, np.int8, np.uint8, float])
def test_any_kind_of_0_and_1_is_an_action(kind: type) -> None:
    env = make()
    env.reset()
    for action in (1, 0, 1, 1, 0):
        env.step(kind(action))
    assert [int(turn.action) for turn in env.state_now.turns] == [1, 0, 1, 1, 0]


@pytest.mark.parametrize("action", [0, 2, -1, None])
def test_a_forbidden_action_is_named(action: int | None) -> None:
    env = make()
    env.reset()
    with pytest.raises(IllegalActionError) as caught:
        env.step(action)
    assert str(caught.value) == (
        f"illegal action {action!r} for agent_0 (proposer): the action mask (SKIP, SPEAK) is (0, 1); "
        "choose an action whose mask entry is 1"
    )
    env.step(SPEAK)  # nothing has moved


def test_a_forbidden_action_passes_through_the_wrappers() -> None:
    env = tracer_env.env(TASKS)
    env.reset()
    with pytest.raises(IllegalActionError, match=r"illegal action 0 for agent_0 \(proposer\)"):
        env.step(0)
    parallel = tracer_env.parallel_env(TASKS)
    parallel.reset()
    with pytest.raises(IllegalActionError, match=r"illegal action 0 for agent_0 \(proposer\)"):
        parallel.step({"agent_0": 0, "agent_1": 0})


@settings(deadline=None, max_examples=60)
@given(
    agents=st.integers(1, 5),
    horizon=st.integers(1, 9),
    stop=st.sampled_from(["horizon", "kept"]),
    preset=st.sampled_from(["simulated", "simulated:harsh"]),
    seed=st.integers(0, 2**63),
    luck=st.integers(0, 2**32),
)
def test_whoever_respects_the_mask_meets_no_error(agents, horizon, stop, preset, seed, luck) -> None:
    env = tracer_env.env(TASKS, preset, num_agents=agents, max_turns=horizon, stop_when=stop)
    chooser = np.random.default_rng(luck)
    for episode in range(2):
        env.reset(seed=seed if episode == 0 else None)
        steps = 0
        for agent in env.agent_iter():
            observation, _, termination, truncation, info = env.last()
            assert not truncation
            assert env.observation_space(agent).contains(observation)
            np.testing.assert_array_equal(observation["action_mask"], info["action_mask"])
            if termination:
                env.step(None)
                continue
            legal = np.flatnonzero(info["action_mask"])
            assert legal.size
            env.step(chooser.choice(legal))
            steps += 1
        assert 1 <= steps <= horizon
        assert steps == horizon or stop == "kept"


# -- luck ----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_words() -> None:
    env, twin = make(), make()
    for seed in (0, 1, 2**40):
        env.reset(seed=seed)
        twin.reset(seed=seed)
        assert finish(env) == finish(twin)


def test_the_same_choices_meet_the_same_words_whatever_the_order() -> None:
    env, other = make(), make()
    env.reset(seed=3)
    finish(env)
    env.reset()  # t1, world 0, after another episode
    other.reset(seed=3, options={"task": "t1", "world": 0})
    assert finish(env, "S.SS") == finish(other, "S.SS")


def test_worlds_and_seeds_differ() -> None:
    env, said = make(), set()
    for seed in range(4):
        for world in range(4):
            env.reset(seed=seed, options={"task": "t1", "world": world})
            said.add(tuple(finish(env)))
    assert len(said) >= 12


def test_branches_of_a_fork_meet_the_same_luck_later() -> None:
    """After a fork at turn 2 the proposal of turn 3 is the same, whenever the reviewer changed nothing."""
    env, alike = make(speaker="simulated"), 0
    env.speaker = tracer_env.make_speaker("simulated", no_verdict=1.0, reread=0.0)  # reviews leave the vote alone
    for world in range(30):
        env.reset(seed=0, options={"task": "t2", "world": world})
        env.step(SPEAK)
        fork = env.clone()
        env.step(SPEAK)
        fork.step(SKIP)
        assert finish(env) == finish(fork)
        alike += 1
    assert alike == 30


def test_luck_is_no_function_of_the_choices() -> None:
    """The same verdict noise meets both branches: after SKIP or SPEAK at turn 2, turn 4 draws the same length."""
    env = make()
    for world in range(20):
        env.reset(seed=9, options={"task": "t0", "world": world})
        env.step(SPEAK)
        fork = env.clone()
        env.step(SPEAK)
        fork.step(SKIP)
        for branch in (env, fork):
            branch.step(SPEAK)
            branch.step(SPEAK)
        ours, theirs = (branch.state_now.turns[3].utterance for branch in (env, fork))
        assert ours is not None
        assert theirs is not None
        assert ours.completion_tokens == theirs.completion_tokens


# -- forks ---------------------------------------------------------------------------------------


def _outcome(env: DialogueEnv) -> tuple[Any, ...]:
    return (
        env.state_now,
        env.rewards,
        env._cumulative_rewards,
        env.terminations,
        env.agents,
        env.agent_selection,
        {agent: {k: v for k, v in info.items() if k != "action_mask"} for agent, info in env.infos.items()},
        {agent: info["action_mask"].tolist() for agent, info in env.infos.items()},
    )


@pytest.mark.parametrize("moves", range(6))
def test_clones_and_snapshots_have_the_same_future(moves: int) -> None:
    env = make()
    env.reset(seed=4)
    for _ in range(moves):
        env.step(SPEAK)
    snapshot, twin = env.get_state(), env.clone()
    restored = make(rules=env.rules)
    restored.reset(seed=99)
    restored.set_state(snapshot)
    assert _outcome(twin) == _outcome(env) == _outcome(restored)
    futures = []
    for branch in (env, twin, restored):
        finish(branch, ".S.S")
        futures.append(_outcome(branch))
    assert futures[0] == futures[1] == futures[2]
    for branch in (env, twin, restored):  # dead steps, and the next episode
        for _ in range(2):
            branch.step(None)
        assert branch.agents == []
        branch.reset()
    assert _where(env) == _where(twin) == _where(restored) == ("t1", 0, 4)


def test_a_snapshot_among_dead_steps() -> None:
    env = make(num_agents=3)
    env.reset(seed=4)
    finish(env)
    env.step(None)
    twin = env.clone()
    for branch in (env, twin):
        for _ in range(2):
            branch.step(None)
        assert branch.agents == []


def test_clones_are_independent() -> None:
    env = make()
    env.reset(seed=4)
    env.step(SPEAK)
    twin = env.clone()
    twin.step(SPEAK)
    assert len(env.state_now.turns) == 1
    assert env.agent_selection == "agent_1"
    twin.infos["agent_0"]["mine"] = 1
    twin.rewards["agent_0"] = 99.0
    assert "mine" not in env.infos["agent_0"]
    assert env.rewards["agent_0"] != 99.0


def test_a_clone_before_reset_can_be_reset() -> None:
    twin = make().clone()
    twin.reset(seed=1)
    assert _where(twin) == ("t0", 0, 1)


def test_a_snapshot_of_other_rules_is_refused() -> None:
    env = make(max_turns=7)
    env.reset()
    with pytest.raises(ConfigError, match="the snapshot was taken under other rules: Rules"):
        make().set_state(env.get_state())
    assert Rules(max_turns=7) == env.rules


# -- secrets -------------------------------------------------------------------------------------

SECRET = "8675309"  # a gold answer that nobody says


def _read(thing: Any, depth: int = 0) -> list[str]:
    """Return what can be read off an object through public names."""
    texts = [repr(thing), str(thing)]
    if depth < 3:
        for name, _ in inspect.getmembers(type(thing)):
            if not name.startswith("_") and type(thing).__module__.startswith("tracer_env.dialogue"):
                value = getattr(thing, name)
                texts += [name, *_read(value() if name == "context" else value, depth + 1)]
        if isinstance(thing, dict | tuple | list):
            parts = [*thing, *thing.values()] if isinstance(thing, dict) else thing
            texts += [text for part in parts for text in _read(part, depth + 1)]
    return texts


class Plain:
    """Plain text, which the referee has to read and grade."""

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        return [Utterance("WRONG" if r.seat.role is Role.REVIEWER else "Final answer: 5") for r in requests]


@pytest.mark.parametrize("choices", ["SSSS", "....", "S.S.", ".S.S"])
def test_neither_gold_answer_nor_grade_can_be_read(choices: str) -> None:
    task = Task("t", "A question?", SECRET)
    env = make(scenario=[task], speaker=Plain())
    env.reset(seed=0)
    wanted = iter(choices)
    while True:
        for agent in env.agents:
            for text in _read(env.observe(agent)) + _read(env.infos[agent]):
                assert SECRET not in text
                for word in ("grade", "correct", "unparsable", "timeout", "gold"):
                    assert word not in text.lower()
        if env.state_now.over:
            break
        mask = env.infos[env.agent_selection]["action_mask"]
        env.step(int(next(wanted) == "S") if mask.all() else int(mask[1]))
    assert env.state_now.task.answer == SECRET  # only those who hold the environment see it


def test_same_features_whatever_the_grade() -> None:
    right, wrong = make(speaker=Script("C")), make(speaker=Script("W"))
    for env in (right, wrong):
        env.reset()
        env.step(SPEAK)
    np.testing.assert_array_equal(right.observe("agent_1")["observation"], wrong.observe("agent_1")["observation"])
    assert right.infos["agent_1"]["information_state"] == wrong.infos["agent_1"]["information_state"]


# -- rendering -----------------------------------------------------------------------------------


def test_rendering(capsys: pytest.CaptureFixture[str]) -> None:
    env = make(speaker=Script("C"), render_mode="ansi")
    env.reset()
    assert env.render() == Dialogue(env.state_now).context()
    human = make(speaker=Script("C"), render_mode="human")
    human.reset()
    human.render()
    human.step(SPEAK)
    human.step(SKIP)
    assert capsys.readouterr().out == "What is 0 plus 1?\n[turn 1, agent_0, proposer] proposal C\n(silence)\n"
    assert make().render() is None
    make().close()


def test_an_unknown_render_mode_is_warned_of_and_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match=r"render_mode='hmuan' that is not in .*; did you mean 'human'\?"):
        env = make(render_mode="hmuan")
    env.reset(seed=0)
    env.step(1)
    assert env.render() is None
    assert capsys.readouterr().out == ""


def test_speakers_are_told_which_reasoning_is_not_read() -> None:
    asked = []

    class Listening:
        def speak(self, requests: Sequence[Request]) -> list[Utterance]:
            asked.extend(request.unread for request in requests)
            return [Utterance("Final answer: 3") for _ in requests]

    for names in (None, ("plan",)):
        env = tracer_env.raw_env(tracer_env.make_scenario("arithmetic", unread=names), Listening())
        env.reset(seed=0)
        env.step(1)
    assert asked == [None, ("plan",)]


# -- the contract at the door ----------------------------------------------------------------------


class Moody(Script):
    """Raises at its first call, then speaks."""

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.asked.append(len(requests))
        if len(self.asked) == 1:
            raise OSError("not today")
        return super().speak(requests)


def test_what_raises_leaves_the_dialogue_where_it_stood() -> None:
    moody, calm = make(speaker=Moody("C.W.C")), make(speaker=Script("C.W.C"))
    for env in (moody, calm):
        env.reset(seed=3)
    with pytest.raises(SpeakerError, match="not today"):
        moody.step(SPEAK)
    with pytest.raises(IllegalActionError):
        moody.step(SKIP)
    assert moody.state_now.turn == 1
    for env in (moody, calm):
        env.step(SPEAK)
    assert moody.state_now.turns == calm.state_now.turns
    assert moody.rewards == calm.rewards


def test_an_episode_in_progress_may_be_left() -> None:
    env = make()
    env.reset(seed=0)
    env.step(SPEAK)
    env.reset()
    assert env.state_now.task is TASKS[1]
    assert env.state_now.turn == 1


def test_a_dead_agent_takes_no_action() -> None:
    env = make()
    env.reset(seed=0)
    finish(env)
    assert env.observe("agent_0")["action_mask"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="None"):
        env.step(SPEAK)
    for _ in range(2):
        env.step(None)
    assert not env.agents
