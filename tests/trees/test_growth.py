"""Grown trees against dialogues played one by one, on every leaf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from forest import PICKS, SUMS, HashSpeaker, Notes, ProposeProposeReview
from hypothesis import given, settings
from hypothesis import strategies as st
from moves import Script

from tracer_env.agents.speakers.simulated.rates import PRESETS
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.episodes.rollout import Job, rollout
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.information import KEYS
from tracer_env.interfaces import Request
from tracer_env.rules import FINAL_ANSWERS, DialogueState, Rules, advance, final_answer, initial
from tracer_env.scenarios.base import TaskList
from tracer_env.trees.growth import expand
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade, Role, Task, Utterance

SHOWN = ("text", "answer", "rule", "finish", "dropped", "grade", "verdict", "prompt_tokens", "completion_tokens")


class Forced:
    """A controller that walks to one leaf."""

    def __init__(self, node: int, depth: int) -> None:
        self.node, self.depth = node, depth

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return float(self.node >> (self.depth - (state.turn - 1)) & 1)


def leaves(trees: DialogueTrees, speaker: object) -> None:
    """Play every leaf of every row and compare each node on the way, texts included."""
    rules, count, scenario = trees.rules, len(trees.tasks), TaskList(list(trees.tasks))
    jobs = [
        Job(row, "m", Forced(node, trees.depth), trees.tasks[row % count], row // count, trees.seed)
        for row in range(trees.rows)
        for node in range(1 << trees.depth)
    ]
    played = rollout(jobs, speaker, scenario, rules, KEYS["vote_and_time"])  # type: ignore[arg-type]
    assert trees.texts is not None
    texts = list(trees.texts)
    for number, transcript in enumerate(played):
        row, leaf = divmod(number, 1 << trees.depth)
        state = initial(transcript.task, rules)
        for depth, turn in enumerate(transcript.turns):
            state = advance(state, turn.action, turn.utterance)
            level, at = trees.levels[depth], (row, leaf >> (trees.depth - depth))
            pending, final, said = state.pending, final_answer(state), turn.utterance
            assert pending is not None
            assert final is not None
            assert (level.grade[at], level.vote[at]) == (pending.utterance.grade, pending.vote)
            assert level.final_correct[at] == final.correct
            told = (said.verdict, said.prompt_tokens, said.completion_tokens) if said else (0, 0, 0)
            assert (level.verdict[at], level.prompt_tokens[at], level.completion_tokens[at]) == told
            assert (level.utterance[at] >= 0) == (said is not None)
            if said is not None:
                for name in SHOWN:
                    assert getattr(texts[level.utterance[at]], name) == getattr(said, name)
                assert trees.texts[level.utterance[at]].text == said.text
        last = trees.levels[-1]
        assert last.final_correct[row, leaf] == transcript.correct


@pytest.mark.parametrize("final_answer", FINAL_ANSWERS)
@pytest.mark.parametrize("stop_when", ["horizon", "kept"])
@pytest.mark.parametrize("tasks", [SUMS, PICKS], ids=["number", "choice"])
def test_every_leaf_of_the_simulated_speaker_is_the_dialogue_that_play_gives(tasks, stop_when, final_answer):
    speaker = SimulatedSpeaker("balanced", invalid=0.15, no_verdict=0.1, reread=0.7)
    rules = Rules(stop_when=stop_when, final_answer=final_answer, history_window=2)
    leaves(expand(tasks, speaker, rules, seed=5, worlds=3), speaker)


@pytest.mark.parametrize(
    "rules", [Rules(max_turns=7, num_agents=3, history_window=0), Rules(max_turns=1), Rules(max_turns=2, num_agents=1)]
)
def test_other_horizons_and_more_agents(rules):
    leaves(expand(SUMS[:3], "simulated", rules, seed=1), SimulatedSpeaker())


@pytest.mark.parametrize("preset", PRESETS)
def test_all_presets(preset):
    leaves(expand(SUMS[:4], f"simulated:{preset}", Rules(), 2), SimulatedSpeaker(preset))


@pytest.mark.parametrize("final_answer", FINAL_ANSWERS)
@pytest.mark.parametrize("stop_when", ["horizon", "kept"])
def test_every_leaf_of_any_speaker_is_the_dialogue_that_play_gives(stop_when, final_answer):
    rules = Rules(stop_when=stop_when, final_answer=final_answer, max_turns=6)
    leaves(expand(SUMS, HashSpeaker(), rules, seed=3, worlds=2), HashSpeaker())


def test_nine_turns_make_256_leaves():
    speaker = HashSpeaker()
    trees = expand(SUMS[:1], speaker, Rules(max_turns=9, num_agents=3))
    assert trees.levels[-1].grade.shape == (1, 256)
    assert speaker.calls == 9
    leaves(trees, speaker)


class Scalar:
    """The simulated speaker without its array path."""

    def __init__(self) -> None:
        self._inner = SimulatedSpeaker(invalid=0.1)

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        return self._inner.speak(requests)


@given(st.integers(0, 2**31), st.sampled_from(FINAL_ANSWERS), st.integers(1, 6), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_both_ways_of_growing_give_the_same_trees(seed, final_answer, turns, window):
    rules = Rules(max_turns=turns, final_answer=final_answer, history_window=window)
    for tasks in (SUMS[:2], PICKS[:2]):
        fast = expand(tasks, SimulatedSpeaker(invalid=0.1), rules, seed, 2)
        slow = expand(tasks, Scalar(), rules, seed, 2)
        for mine, theirs in zip(fast.levels, slow.levels, strict=True):
            for name, array in vars(mine).items():
                if name != "answer":
                    np.testing.assert_array_equal(array, getattr(theirs, name))
        ids = [np.concatenate([level.answer for level in t.levels], axis=1) for t in (fast, slow)]
        for left, right in zip(*ids, strict=True):
            pairs = set(zip(left.tolist(), right.tolist(), strict=True))
            assert len(pairs) == len(set(left.tolist())) == len(set(right.tolist()))
        assert fast.texts is not None
        assert slow.texts is not None
        assert list(fast.texts) == list(slow.texts)


def test_answer_ids_are_the_simulated_speakers_own():
    trees = expand(SUMS, "simulated", seed=9)
    speaker = SimulatedSpeaker()
    for row, task in enumerate(trees.tasks):
        played = rollout([Job(0, "m", Forced(15, 4), task, 0, 9)], speaker, TaskList(SUMS), Rules(), KEYS["time_only"])
        said = [turn.utterance.answer_id for turn in played[0].turns if turn.role is Role.PROPOSER]
        assert [trees.levels[d].answer[row, -1] for d in (0, 2, 4)] == said


def test_a_speaker_by_hand():
    trees = expand(
        [Task("sum-1", "What is 6 times 7?", "42")], Script("CWWWI", "+-+-+"), Rules(final_answer="majority")
    )
    assert trees.levels[0].grade.tolist() == [[Grade.CORRECT]]
    assert trees.levels[1].vote.tolist() == [[0, -1]]
    assert trees.levels[2].grade.tolist() == [[1, 0, 1, 0]]
    assert trees.levels[2].vote.tolist() == [[0, 0, -1, 0]]
    assert trees.levels[2].answer.tolist() == [[0, 1, 0, 1]]
    assert trees.levels[2].final_correct.tolist() == [[True, False, True, False]]  # one each: the newest counts
    assert trees.levels[4].grade[0].tolist() == [1, 2, 1, 2, 0, 2, 0, 2] * 2
    assert trees.levels[4].answer[0].tolist() == [0, -1, 0, -1, 1, -1, 1, -1] * 2
    assert trees.levels[4].final_correct[0].tolist() == [True] * 4 + [False] * 4 + [True] * 4 + [False] * 4
    assert trees.levels[0].utterance.tolist() == [[0]]
    assert trees.levels[2].utterance.tolist() == [[-1, 2, -1, 3]]
    assert trees.levels[4].prompt_tokens[0].tolist() == [0, 7] * 8


def test_below_a_keep_nothing_is_said_any_more():
    trees = expand([Task("sum-1", "What is 6 times 7?", "42")], Script("C"), Rules(stop_when="kept"))
    assert trees.levels[3].utterance[0].tolist() == [-1, -1, -1, 4, -1, -1, -1, 5]
    assert trees.over(2).tolist() == [True, False, True, False]
    assert trees.texts is not None
    assert len(trees.texts) == 10  # 1 + 1 + 2 + 2 + 4


def test_a_language_model_says_on_each_of_32_paths_what_its_tree_says(tmp_path):
    pytest.importorskip("transformers")
    import tiny

    from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker

    model = HuggingFaceSpeaker(tiny.save(tmp_path), dtype="float32", max_new_tokens=12, temperature=0.8, examples=0)
    trees = expand(SUMS[:2], model)
    leaves(trees, model)
    assert trees.texts is not None
    assert len({said.text for said in trees.texts}) > 16
    assert not any(said.token_ids or said.prompt_ids for said in trees.texts)


@pytest.mark.parametrize("final_answer", FINAL_ANSWERS)
def test_another_schedule(final_answer):
    rules = Rules(schedule=ProposeProposeReview(), max_turns=6, num_agents=3, final_answer=final_answer)
    leaves(expand(SUMS[:3], HashSpeaker(), rules), HashSpeaker())
    leaves(expand(SUMS[:3], "simulated", rules), SimulatedSpeaker())


def test_without_texts():
    assert expand(SUMS, "simulated", texts=False).texts is None
    assert expand(SUMS, HashSpeaker(), texts=False).texts is None


def test_names_of_scenarios_and_speakers():
    trees = expand("arithmetic", "simulated:harsh", worlds=2)
    assert (len(trees.tasks), trees.rows, trees.speaker) == (1000, 2000, "simulated:harsh")
    assert expand(SUMS, HashSpeaker()).speaker == "HashSpeaker"


def test_what_cannot_grow():
    with pytest.raises(ConfigError, match="at most 12, got 13"):
        expand(SUMS, "simulated", Rules(max_turns=13))
    with pytest.raises(ConfigError, match="worlds must be"):
        expand(SUMS, "simulated", worlds=0)
    with pytest.raises(ConfigError, match="at least one task"):
        expand([], "simulated")
    with pytest.raises(UnknownNameError, match="simulated"):
        expand(SUMS, "simulatd")


def test_progress_counts_utterances_and_tells_tokens_a_second():
    notes = Notes()
    expand(SUMS[:2], HashSpeaker(), reporter=notes)
    assert notes.said == [("growing trees", 32, 0), *((n, "tokens/s") for n in (2, 4, 8, 16, 32))]
    notes = Notes()
    expand(SUMS[:2], "simulated", reporter=notes)
    assert notes.said[-1] == (32, "")
