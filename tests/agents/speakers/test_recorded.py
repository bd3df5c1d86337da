"""A recording against the speaker that it was made with, in every environment class."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from forest import PICKS, SUMS, HashSpeaker, ProposeProposeReview

from tracer_env.agents.speakers.recorded import RecordedSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.envs.aec import DialogueEnv
from tracer_env.envs.wrappers import make_controller_env, parallel_env
from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.interfaces import Request
from tracer_env.parts.casting import make_controller, make_scenario, make_speaker
from tracer_env.randomness import stream
from tracer_env.rules import FINAL_ANSWERS, Rules, initial
from tracer_env.runs.playing import evaluate
from tracer_env.scenarios.base import TaskList
from tracer_env.scenarios.recorded import RecordedTasks
from tracer_env.trees.growth import expand
from tracer_env.types import Task

FIXED = ("always", "never", "random", "until_approved", "oracle")
SPEAKER = "tracer_env.agents.speakers.recorded:RecordedSpeaker"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("recordings") / "hashed"
    expand(SUMS, HashSpeaker(), seed=3, worlds=2).save(path)
    return path


def lines(speaker, rules, worlds=2, seed=3):
    methods = {name: make_controller(name, rules) for name in FIXED}
    blocks = evaluate(methods, TaskList(SUMS), speaker, rules, seed, worlds=worlds, counterfactuals="all")
    return [transcript.to_json() for block in blocks for transcript in block]


@pytest.mark.parametrize("final_answer", FINAL_ANSWERS)
@pytest.mark.parametrize("stop_when", ["horizon", "kept"])
@pytest.mark.parametrize("max_turns", [5, 3, 1])
def test_every_controller_hears_what_the_speaker_would_have_said(folder, max_turns, stop_when, final_answer):
    rules = Rules(max_turns=max_turns, stop_when=stop_when, final_answer=final_answer)
    played = lines(RecordedSpeaker(folder), rules)
    live = lines(HashSpeaker(), rules)
    assert [_plain(line) for line in played] == [_plain(line) for line in live]


def _plain(line: str) -> str:
    return re.sub(r'"rule":"\w*"', "", line)


@pytest.mark.parametrize("final_answer", FINAL_ANSWERS)
def test_trees_grown_from_a_recording_are_the_recording(tmp_path, final_answer):
    for number, (tasks, speaker) in enumerate([(SUMS, HashSpeaker()), (PICKS, SimulatedSpeaker(invalid=0.1))]):
        trees = expand(tasks, speaker, Rules(final_answer=final_answer), seed=8, worlds=2)
        trees.save(tmp_path / str(number))
        again = expand(tasks, RecordedSpeaker(tmp_path / str(number)), trees.rules, seed=8, worlds=2)
        for left, right in zip(trees.levels, again.levels, strict=True):
            for name in vars(left):
                if name != "answer":
                    np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        assert [u.text for u in trees.texts or ()] == [u.text for u in again.texts or ()]


def test_the_recorded_judgement_stands(tmp_path):
    trees = expand(SUMS, HashSpeaker(), texts=True)
    odd = [replace(said, answer="77", rule="mine") if said.grade is not None else said for said in trees.texts or ()]
    speaker = RecordedSpeaker(replace(trees, texts=odd))
    said = speaker.speak([Request(initial(SUMS[0], Rules()), Rules().seats[1], stream(0, "sum-0"))])[0]
    assert (said.answer, said.rule) == ("77", "given")


def test_in_the_agent_environment(folder):
    heard = []
    for speaker in (RecordedSpeaker(folder), HashSpeaker()):
        env = DialogueEnv(TaskList(SUMS), speaker)
        env.reset(seed=3)
        said = []
        for episode in range(16):
            for number, _ in enumerate(env.agent_iter()):
                observation, reward, over, _, _ = env.last()
                said.append((reward, str(env.last_line), observation["observation"].tolist()))
                env.step(None if over else 1 if number == 0 else (episode >> (number - 1)) & 1)
            env.reset()
        heard.append(said)
    assert heard[0] == heard[1]


def test_in_the_gymnasium_and_the_parallel_view(folder):
    for make in (make_controller_env, parallel_env):
        texts = []
        for speaker in (RecordedSpeaker(folder), HashSpeaker()):
            env = make(SUMS, speaker=speaker)
            observation, _ = env.reset(seed=3)
            rewards = []
            for _ in range(5):
                if make is parallel_env:
                    if not env.agents:
                        break
                    actions = {agent: int(observation[agent]["action_mask"][1]) for agent in env.agents}
                    observation, reward, *_ = env.step(actions)
                else:
                    observation, reward, over, *_ = env.step(1)
                    if over:
                        break
                rewards.append(reward)
            texts.append(rewards)
        assert texts[0] == texts[1]
        assert texts[0]


def test_later_worlds_begin_again(folder):
    speaker, rules = RecordedSpeaker(folder), Rules()
    state = initial(SUMS[2], rules)

    def say(world):
        return speaker.speak([Request(state, state.seat, stream(3, "sum-2", world))])[0].text

    assert say(0) != say(1)
    assert [say(world) for world in (2, 3, 4, 5001)] == [say(0), say(1), say(0), say(1)]


def test_another_seed_is_an_error_unless_allowed(folder):
    state = initial(SUMS[2], Rules())
    request = Request(state, state.seat, stream(4, "sum-2", 0))
    with pytest.raises(ConfigError, match=r"recorded with the seed 3, .* with its own seed \(3\)"):
        RecordedSpeaker(folder).speak([request])
    speaker = RecordedSpeaker(folder, any_seed=True)
    own = [speaker.speak([Request(state, state.seat, stream(3, "sum-2", w))])[0] for w in (0, 1)]
    drawn = [speaker.speak([Request(state, state.seat, stream(seed, "sum-2", 0))])[0] for seed in range(4, 40)]
    assert all(any(said is one for one in own) for said in drawn)
    assert len({id(said) for said in drawn}) == 2
    assert lines(speaker, Rules(), worlds=1, seed=5)


def test_what_was_not_recorded(folder):
    speaker, rules = RecordedSpeaker(folder), Rules()

    def say(task=SUMS[0], rules=rules, candidates=1):
        state = initial(task, rules)
        return speaker.speak([Request(state, state.seat, stream(3, task.id), candidates)])

    with pytest.raises(ConfigError, match="has no task 'sum-99'; play the recording's own tasks"):
        say(Task("sum-99", "q?", "1"))
    with pytest.raises(ConfigError, match="knows another task as 'sum-0'"):
        say(Task("sum-0", "q?", "1"))
    with pytest.raises(ConfigError, match="one utterance a turn; 4 candidates"):
        say(candidates=4)
    for other, message in (
        (Rules(max_turns=7), "at most 5 turns, not 7"),
        (Rules(num_agents=3), "num_agents 2 not 3"),
        (Rules(history_window=2), "history_window 4 not 2"),
        (Rules(schedule=ProposeProposeReview()), "schedule"),
    ):
        with pytest.raises(ConfigError, match=message):
            say(rules=other)
        with pytest.raises(ConfigError, match=message):
            speaker.check(other)
    kept = RecordedSpeaker(expand(SUMS, "simulated", Rules(stop_when="kept")))
    with pytest.raises(ConfigError, match="stop_when 'kept' not 'horizon'"):
        kept.check(Rules())


def test_a_dialogue_with_another_speaker_in_it_is_not_known(folder):
    cast = make_speaker({"proposer": RecordedSpeaker(folder), "reviewer": SimulatedSpeaker()})
    with pytest.raises(ConfigError, match="turn 2 of task 'sum-0' was said by somebody else"):
        lines(cast, Rules())


def test_folders_that_cannot_be_played(tmp_path):
    with pytest.raises(RunFolderError, match="there is no folder"):
        RecordedSpeaker(tmp_path / "none")
    expand(SUMS, "simulated", texts=False).save(tmp_path / "silent")
    with pytest.raises(ConfigError, match="keeps no texts"):
        RecordedSpeaker(tmp_path / "silent")
    (tmp_path / "silent" / "trees.json").write_text("x")
    with pytest.raises(DataError, match="is not readable as JSON"):
        RecordedSpeaker(tmp_path / "silent")
    assert "tasks=8, worlds=1" in repr(RecordedSpeaker(expand(SUMS, "simulated")))


def test_the_tasks_of_a_recording(folder):
    parts = {split: RecordedTasks(str(folder), split=split) for split in ("train", "test", "all")}
    assert [task.id for task in parts["all"]] == [task.id for task in SUMS]
    ids = {split: {task.id for task in tasks} for split, tasks in parts.items()}
    assert ids["train"] | ids["test"] == ids["all"]
    assert not ids["train"] & ids["test"]
    assert ids["train"] == {"sum-5", "sum-6"}
    assert parts["all"].name == f"recorded:{folder}"
    assert parts["all"].grade("Final answer: 4", SUMS[2]) == 1
    assert len(RecordedTasks(str(folder), split="all", limit=2)) == 2
    made = make_scenario("tracer_env.scenarios.recorded:RecordedTasks", file=str(folder))
    assert len(made) == len(parts["test"])


def test_tasks_that_cannot_be_had(folder, tmp_path):
    with pytest.raises(ConfigError, match="leave out the path"):
        RecordedTasks(str(folder), path="x")
    with pytest.raises(ConfigError, match="no split 'dev'"):
        RecordedTasks(str(folder), split="dev")
    with pytest.raises(RunFolderError, match="there is no folder"):
        RecordedTasks(str(tmp_path / "none"))
    expand([SUMS[5]], "simulated").save(tmp_path / "one")
    with pytest.raises(ConfigError, match=r"no task of .* falls on the split 'test'"):
        RecordedTasks(str(tmp_path / "one"))
