"""Behaviour by turn: dialogues by hand, and the share of a table that its interval holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import RIGHT, WRONG, episode, judge, mended, propose, silent

from tracer_env.episodes.transcript import TurnRecord
from tracer_env.statistics.by_turn import ByTurn
from tracer_env.statistics.shares import share_interval
from tracer_env.types import Grade, Role, Signals

OK, BAD, LATE = Grade.CORRECT, Grade.WRONG, Grade.TIMEOUT


def _told(*episodes: list[TurnRecord]) -> dict[str, object]:
    found = ByTurn()
    for place, turns in enumerate(episodes):
        found.add(episode(turns, task=f"t{place}"), place)
    return found.to_data()


def test_the_episode_of_the_readme() -> None:
    found = ByTurn()
    found.add(mended(), 0)
    told = found.to_data()
    assert [turn["share"] for turn in told["accuracy_by_turn"]] == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert (told["correction"]["share"], told["correction"]["cases"]) == (1.0, 1)
    assert told["corruption"] == {"share": None, "ci": None, "cases": 0}
    assert told["oscillations"]["share"] == told["right_then_lost"]["share"] == 0.0
    assert told["wrong_is_wrong"]["share"] == 1.0
    assert (told["brier"], told["reliability"]) == (None, [])


def test_what_is_lost_and_what_flips_more_than_once() -> None:
    lost = [propose(1, OK), judge(2, WRONG), propose(3, BAD)]
    back = [propose(1, OK), judge(2, WRONG), propose(3, BAD), judge(4, WRONG), propose(5, OK)]
    still = [propose(1, OK), silent(2, Role.REVIEWER), silent(3, Role.PROPOSER)]
    told = _told(lost, back, still, [propose(1, BAD)])
    assert told["right_then_lost"]["share"] == 0.25
    assert told["oscillations"]["share"] == 0.25
    # after turn 3: lost, back and the last are wrong; dialogues that ended keep what stood
    assert [turn["share"] for turn in told["accuracy_by_turn"]] == [0.75, 0.75, 0.25, 0.25, 0.5]
    assert (told["preservation"]["share"], told["preservation"]["cases"]) == (pytest.approx(2 / 3), 3)


def test_intervals_have_tasks_as_units() -> None:
    found = ByTurn()
    for task in range(10):
        for world in range(3):
            found.add(episode([propose(1, OK if task < 6 else BAD)], world=world), task)
    told = found.to_data()["accuracy_by_turn"][0]
    assert told["share"] == 0.6
    assert told["ci"] == pytest.approx(share_interval(np.array([3] * 6 + [0] * 4), np.full(10, 3)).tolist())


def _review(verdict: object, margin: float) -> TurnRecord:
    turn = judge(2, verdict)
    assert turn.utterance is not None
    return replace(turn, utterance=replace(turn.utterance, signals=Signals(margin=margin)))


def test_reviewers_are_calibrated_by_what_they_state() -> None:
    # margins of log 4 and -log 4 state 0.8 and 0.2
    four = float(np.log(4.0))
    told = _told(
        [propose(1, OK), _review(RIGHT, four + 1e-9)],
        [propose(1, BAD), _review(RIGHT, four + 1e-9)],
        [propose(1, BAD), _review(WRONG, -four - 1e-9)],
        [propose(1, LATE), _review(RIGHT, 9.0)],
    )
    assert (told["right_is_right"]["share"], told["wrong_is_wrong"]["share"]) == (0.5, 1.0)
    assert told["brier"] == pytest.approx((0.04 + 0.64 + 0.04) / 3)
    low, high = told["reliability"]
    assert (low["from"], low["reviews"], low["correct"]) == (0.0, 1, 0.0)
    assert (high["from"], high["reviews"], high["correct"]) == (0.8, 2, 0.5)
    assert high["stated"] == pytest.approx(0.8)
