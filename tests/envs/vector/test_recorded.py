"""Recorded dialogues in arrays against single environments with the same recording."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from forest import SUMS, HashSpeaker
from vector_and_singles import agree
from vector_and_singles import compare_recorded as compare

from tracer_env.agents.speakers.recorded import RecordedSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.envs.vector.env import make_vector_env
from tracer_env.envs.vector.recorded import recorded_wrong_answers, recording_of
from tracer_env.envs.wrappers import make_controller_env
from tracer_env.errors import ConfigError
from tracer_env.parts.casting import make_scenario, make_speaker
from tracer_env.rules import Rules
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade, Task


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> DialogueTrees:
    folder = tmp_path_factory.mktemp("vector") / "simulated"
    expand("arithmetic", SimulatedSpeaker(invalid=0.1, no_verdict=0.1), seed=3, worlds=3).save(folder)
    return DialogueTrees.load(folder)


@pytest.fixture(scope="module")
def shipped() -> tuple[Any, Any]:
    return make_speaker("recorded"), make_scenario("recorded")


MODES = pytest.mark.parametrize("same_step", [False, True], ids=["next", "same"])
REWARDS = pytest.mark.parametrize("reward", ["team", "role_credit", "team_minus_tokens"])


@MODES
@REWARDS
@pytest.mark.parametrize("stop_when", ["horizon", "kept"])
def test_the_shipped_recording(shipped: tuple[Any, Any], same_step: bool, reward: str, stop_when: str) -> None:
    speaker, scenario = shipped
    begun = compare(list(range(40)), 70, same_step, scenario=scenario, speaker=speaker, reward=reward,
                    stop_when=stop_when)  # fmt: skip
    assert begun > 500  # more than 2,000 for each way to stop


@MODES
@REWARDS
@pytest.mark.parametrize("stop_when", ["horizon", "kept"])
@pytest.mark.parametrize("any_seed", [False, True])
def test_trees_of_the_simulated_speaker(
    trees: DialogueTrees, same_step: bool, reward: str, stop_when: str, any_seed: bool
) -> None:
    few = trees.part(tasks=range(4))  # so that play runs past the recorded worlds
    seeds = [3, 5, 3, 1 << 40, 3, 7, 8, 9] if any_seed else [3] * 8
    speaker = RecordedSpeaker(few, any_seed=any_seed)
    begun = compare(seeds, 120, same_step, scenario=list(few.tasks), speaker=speaker, reward=reward,
                    stop_when=stop_when)  # fmt: skip
    assert begun > 180  # more than 2,000 in all


CASES: dict[str, dict[str, Any]] = {
    "highest vote": {"final_answer": "highest_vote"},
    "majority": {"final_answer": "majority"},
    "majority of fewer turns": {"final_answer": "majority", "max_turns": 3},
    "two turns": {"max_turns": 2},
    "history keys": {"information": "history"},
    "others at random": {"seats": "reviewer", "others": "random:p=0.3", "reward": "team_minus_tokens"},
    "an oracle": {"seats": "proposer", "others": "oracle"},
}


@pytest.mark.parametrize("name", CASES)
@MODES
def test_other_rules_and_parts(trees: DialogueTrees, name: str, same_step: bool) -> None:
    hashed = expand(SUMS, HashSpeaker(), seed=3, worlds=2)
    for grown in (trees, hashed):
        speaker = RecordedSpeaker(grown, any_seed=True)
        options = {"reward": "team", "scenario": list(grown.tasks), "speaker": speaker, **CASES[name]}
        assert compare([3, 4, 5, 6], 40, same_step, **options) > 30


def test_three_agents_and_a_recording_of_kept_dialogues(tmp_path: Any) -> None:
    rules = {"num_agents": 3, "max_turns": 7, "stop_when": "kept", "history_window": 2}
    expand(SUMS, "simulated", Rules(**rules), seed=3).save(tmp_path / "kept")
    options = {"scenario": SUMS, "speaker": f"recorded:{tmp_path / 'kept'}", "reward": "team_minus_tokens", **rules}
    assert compare([3] * 5, 60, True, **options) > 60


def test_it_is_made_by_name() -> None:
    assert compare([0, 9], 12, False, scenario="recorded", speaker="recorded", stop_when="kept") > 4


def test_reset_options_and_one_that_is_not_a_recording(trees: DialogueTrees) -> None:
    options = {"scenario": list(trees.tasks), "speaker": RecordedSpeaker(trees)}
    vector, single = make_vector_env(2, **options), make_controller_env(**options)
    where = {"task": trees.tasks[2].id, "world": 2}
    observations, infos = vector.reset(seed=[3, 3], options=where)
    agree(vector, observations, infos, 1, single.reset(seed=3, options=where))
    assert recording_of(SimulatedSpeaker(), Rules()) is None


def test_another_seed_is_the_speakers_error(trees: DialogueTrees) -> None:
    options = {"scenario": list(trees.tasks), "speaker": RecordedSpeaker(trees)}
    vector, single = make_vector_env(2, **options), make_controller_env(**options)
    with pytest.raises(ConfigError, match="recorded with the seed 3") as alone:
        single.reset(seed=4)
    with pytest.raises(ConfigError) as together:
        vector.reset(seed=3)  # 3 and 4
    assert str(together.value) == str(alone.value)


def test_what_was_not_recorded_is_refused(trees: DialogueTrees) -> None:
    speaker, tasks = RecordedSpeaker(trees), list(trees.tasks)
    with pytest.raises(ConfigError, match="at most 5 turns, not 7"):
        make_vector_env(2, tasks, speaker, max_turns=7)
    with pytest.raises(ConfigError, match="has no task 'new'"):
        make_vector_env(2, [*tasks, Task("new", "q?", "1")], speaker)
    with pytest.raises(ConfigError, match="knows another task as"):
        make_vector_env(2, [replace(tasks[0], question="q?")], speaker)
    late = replace(trees.levels[0], grade=np.full_like(trees.levels[0].grade, Grade.TIMEOUT))
    timed_out = RecordedSpeaker(replace(trees, levels=(late, *trees.levels[1:])))
    with pytest.raises(ConfigError, match=r'timed out.*vectorization_mode="sync"'):
        make_vector_env(2, tasks, timed_out)


def test_wrong_answers_are_counted_along_a_path() -> None:
    trees = expand(SUMS[:1], "simulated", Rules(max_turns=3))
    levels = [{name: array.copy() for name, array in vars(level).items()} for level in trees.levels]
    for level, answers in zip(levels, ([7], [7, 7], [7, 9, 7, 5]), strict=True):
        level["grade"][:], level["answer"][:] = Grade.WRONG, answers
    odd = replace(trees, levels=tuple(type(trees.levels[0])(**level) for level in levels))
    assert recorded_wrong_answers(odd, Rules(max_turns=3)) == 2
    assert recorded_wrong_answers(odd, Rules(max_turns=2)) == 1
