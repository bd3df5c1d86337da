"""Utterances as events: contexts, outcomes and costs of dialogues written by hand, and trees against episodes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from moves import TASK, Script
from samples import mended, one_proposal

import tracer_env
from tracer_env.episodes.rollout import Job, nothing, rollout
from tracer_env.episodes.transcript import Transcript
from tracer_env.information import vote_and_time
from tracer_env.rules import DialogueState, Rules
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.events import Events, transcript_events, tree_events
from tracer_env.trees.growth import expand
from tracer_env.types import Grade, Task

TASKS = [Task(f"t{i}", "What?", str(i), difficulty=i / 7) for i in range(8)]


class Path:
    """Chooses as it was told, turn by turn."""

    def __init__(self, actions: tuple[int, ...]) -> None:
        self.actions = actions

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return float(self.actions[state.turn - 2])


def all_paths(rules: Rules, tasks: list[Task], speaker: str, worlds: int = 1) -> list[Transcript]:
    paths = itertools.product((0, 1), repeat=rules.max_turns - 1)
    jobs = [
        Job(i, str(path), Path(path), task, world, 3)
        for i, (path, task, world) in enumerate(itertools.product(paths, tasks, range(worlds)))
    ]
    return rollout(
        jobs, tracer_env.make_speaker(speaker), tracer_env.make_scenario(tasks), rules, vote_and_time, nothing
    )


def lines(events: Events) -> list[tuple[float, ...]]:
    columns = [getattr(events, name) for name in ("task", "difficulty", "context", "outcome")]
    columns += [getattr(events, name) for name in ("prompt", "completion", "reread", "choices")]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_an_episode_by_hand() -> None:
    events = transcript_events([mended()], Rules())
    assert events.context.tolist() == [ev.FIRST, ev.OF_WRONG, ev.MENDING, ev.OF_CORRECT, ev.BESIDE_CORRECT]
    assert events.outcome.tolist() == [ev.OTHER, ev.SAYS_WRONG, ev.CORRECT, ev.SAYS_RIGHT, ev.CORRECT]
    assert events.prompt.tolist() == [182, 254, 297, 352, 297]
    assert events.completion.tolist() == [51, 24, 43, 17, 22]
    assert events.reread.tolist() == [0, 51, 75, 118, 118]  # 51, + 24, + 43; what was only drawn is not read again
    assert events.proposals.tolist() == [True, False, True, False, True]
    assert transcript_events([mended()], Rules(history_window=1)).reread.tolist() == [0, 51, 24, 43, 43]


def test_a_tree_by_hand() -> None:
    trees = expand([TASK], Script("W.I.W", "0-0+0", prompt=7, made=3), Rules(), seed=0)
    events = tree_events(trees)
    told = list(zip(events.context.tolist(), events.outcome.tolist(), strict=True))
    assert told[:2] == [(ev.FIRST, ev.OTHER), (ev.OF_WRONG, ev.SAYS_WRONG)]
    assert told[2:4] == [(ev.BESIDE_WRONG, ev.INVALID), (ev.MENDING, ev.INVALID)]
    assert told[4:8] == [(ev.OF_WRONG, ev.SAYS_RIGHT), (ev.OF_INVALID, ev.SAYS_RIGHT)] * 2
    silence, refreshed = (ev.BESIDE_WRONG, ev.SAME), (ev.AFTER_INVALID, ev.OTHER)
    assert told[8:12] == [silence, silence, refreshed, refreshed]
    assert told[12:] == [(ev.MENDING, ev.SAME), silence, refreshed, refreshed]  # a RIGHT lifts the vote back to 0
    assert events.reread[8:].tolist() == [3, 6, 6, 9, 6, 9, 9, 12]


def test_a_timeout_hides_what_it_touches() -> None:
    trees = expand([TASK], Script("T.C", "-+"), Rules(max_turns=3), seed=0)
    events = tree_events(trees)
    assert (len(events), events.left_out) == (0, 4)
    assert transcript_events([one_proposal(Grade.TIMEOUT)], Rules()).left_out == 1


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(stop_when="kept"),
        Rules(num_agents=3, max_turns=6, history_window=1),
        Rules(max_turns=4, final_answer="majority", history_window=2),
        Rules(max_turns=2, history_window=0),
    ],
)
def test_trees_and_episodes_of_every_path_hold_the_same_events(rules: Rules) -> None:
    speaker = "simulated:weak_reviewer"
    trees = expand(TASKS, speaker, rules, seed=3, worlds=2)
    played = all_paths(rules, TASKS, speaker, worlds=2)
    assert lines(tree_events(trees)) == lines(transcript_events(played, rules))


def test_choices_have_room_for_few_wrong_answers() -> None:
    task = Task("c", "Which?", "B", kind="choice", options=("1", "2", "3", "4", "5"))
    assert tree_events(expand([task], "simulated", Rules(max_turns=1), seed=0)).choices.tolist() == [4]
    assert tree_events(expand([TASK], "simulated", Rules(max_turns=1), seed=0)).choices.tolist() == [256]


def test_events_are_plain_arrays() -> None:
    events = tree_events(expand(TASKS, "simulated", Rules(), seed=0))
    assert len(events) == 8 * 16
    assert {len(getattr(events, name)) for name in ("task", "context", "prompt")} == {128}
    assert np.unique(events.task).tolist() == list(range(8))
