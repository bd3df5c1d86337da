"""Who spoke, who mended, who judged well: counts by hand."""

from __future__ import annotations

from samples import NONE, RIGHT, WRONG, episode, judge, mended, propose, silent

from tracer_env.statistics.behaviour import Behaviour, Changes, Reviews, share
from tracer_env.types import Grade, Role

OK, BAD, ODD, LATE = Grade.CORRECT, Grade.WRONG, Grade.UNPARSABLE, Grade.TIMEOUT


def test_a_share_without_a_case_is_none() -> None:
    assert share(0, 0) is None
    assert share(0, 3) == 0.0


def test_changes_by_turn_count_written_proposals_only() -> None:
    episodes = [
        episode([propose(1, BAD), judge(2, WRONG), propose(3, OK), judge(4, WRONG), propose(5, BAD)]),
        episode([propose(1, OK), judge(2, RIGHT), silent(3, Role.PROPOSER), judge(4, RIGHT), propose(5, ODD)]),
        episode([propose(1, LATE), judge(2, RIGHT), propose(3, OK), judge(4, RIGHT), propose(5, OK)]),
    ]
    assert Behaviour(episodes).changes_by_turn == {
        3: Changes(wrong=1, corrected=1),
        5: Changes(right=3, corrupted=2),
    }
    assert Behaviour(episodes).changes == Changes(wrong=1, corrected=0, right=1, corrupted=1)
    assert Changes(right=4, corrupted=1).preservation == 0.75


def test_confusion_matrix() -> None:
    cases = [
        (OK, RIGHT),
        (OK, WRONG),
        (OK, NONE),
        (BAD, WRONG),
        (ODD, WRONG),
        (BAD, RIGHT),
        (LATE, RIGHT),
        (LATE, NONE),
    ]
    counted = Behaviour(episode([propose(1, grade), judge(2, verdict)]) for grade, verdict in cases).reviews
    assert counted == Reviews(of_correct=(1, 1, 1), of_wrong=(1, 2, 0), unknown=2)
    assert (counted.tpr, counted.tnr) == (1 / 3, 2 / 3)


def test_a_review_judges_the_newest_proposal() -> None:
    turns = [propose(1, BAD), judge(2, WRONG), propose(3, OK), judge(4, RIGHT)]
    assert Behaviour([episode(turns)]).reviews == Reviews((1, 0, 0), (0, 1, 0), 0)


def test_speak_rates_by_agent_role_and_turn() -> None:
    silent_review = episode([propose(1, OK), silent(2, Role.REVIEWER), propose(3, OK)])
    rates = Behaviour([mended(), silent_review]).speak_rates
    assert [(r.agent, r.role, r.turn, r.spoken, r.choices) for r in rates] == [
        (0, Role.PROPOSER, 3, 2, 2),
        (0, Role.PROPOSER, 5, 0, 1),
        (1, Role.REVIEWER, 2, 1, 2),
        (1, Role.REVIEWER, 4, 0, 1),
    ]
    assert [r.rate for r in rates] == [1.0, 0.0, 0.5, 0.0]


def test_accuracy_by_turn_keeps_what_ended_early() -> None:
    short = episode([propose(1, OK)])
    late = episode([propose(1, LATE), judge(2, RIGHT), propose(3, OK)])
    assert Behaviour([mended(), short, late]).accuracy_by_turn == [1 / 3, 1 / 3, 1.0, 1.0, 1.0]
    assert Behaviour().accuracy_by_turn == []


def test_details_are_plain_data() -> None:
    data = Behaviour([mended()]).to_data()
    assert data["reviews"] == {"of_correct": (0, 0, 0), "of_wrong": (0, 1, 0), "unknown": 0, "tpr": None, "tnr": 1.0}
    assert data["changes_by_turn"] == [
        {"turn": 3, "wrong": 1, "corrected": 1, "right": 0, "corrupted": 0, "correction": 1.0, "corruption": None}
    ]
    assert data["speak_rates"][0] == {
        "agent": 0, "role": "proposer", "turn": 3, "choices": 1, "spoken": 1, "rate": 1.0
    }  # fmt: skip
    assert data["accuracy_by_turn"] == [0.0, 0.0, 1.0, 1.0, 1.0]
