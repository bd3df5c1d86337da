"""Transcripts: what is written comes back, and what is damaged is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import WRONG, episode, judge, mended, one_proposal, propose, silent

from tracer_env.episodes.transcript import SCHEMA, Transcript, read_transcripts
from tracer_env.errors import DataError
from tracer_env.types import Grade, Role, Task, Utterance


def test_a_line_comes_back_as_it_was() -> None:
    line = mended().to_json()
    assert "\n" not in line
    assert Transcript.from_json(line) == mended()
    assert Transcript.from_json(line).to_json() == line


def test_unknown_usage_is_told_and_has_no_tokens() -> None:
    whole = mended()
    unknown = replace(whole.turns[0].utterance, prompt_tokens=0, completion_tokens=0, counted=False)
    told = replace(whole, turns=(replace(whole.turns[0], utterance=unknown), *whole.turns[1:]))
    line = told.to_json()
    assert line.count('"usage":"unknown"') == 1
    assert Transcript.from_json(line) == told
    short = told.to_line()
    assert Transcript.from_json(short) == told
    assert short.count(b",null,null,") == 1
    with pytest.raises(DataError, match="turn 1: prompt and completion tokens are known together"):
        Transcript.from_json(short.replace(b",null,null,", b",5,null,", 1))
    with pytest.raises(DataError, match="turn 1: tokens of unknown usage are 0"):
        Transcript.from_json(line.replace('"prompt_tokens":0', '"prompt_tokens":5', 1))


def test_the_line_names_what_readers_look_for() -> None:
    record = json.loads(mended().to_json())
    assert (record["schema"], record["method"], record["scenario"]) == (SCHEMA, "regret_matching", "arithmetic")
    assert (record["final_turn"], record["final_answer"], record["grade"]) == (3, "76", "correct")
    assert [turn["action"] for turn in record["turns"]] == ["speak", "speak", "speak", "skip", "skip"]
    assert record["turns"][0]["mask"] == [0, 1]
    assert record["turns"][1]["utterance"]["verdict"] == "wrong"
    assert "utterance" not in record["turns"][3]
    assert record["turns"][3]["other"]["verdict"] == "right"


def test_the_answer_is_the_proposal_of_the_final_turn() -> None:
    turns = [propose(1, Grade.CORRECT), judge(2, WRONG), propose(3, Grade.WRONG)]
    assert not episode(turns).correct
    assert replace(episode(turns), final_turn=1).correct
    assert [t.turn for t in episode(turns).proposals] == [1, 3]


def test_timeouts_do_not_count_as_correct() -> None:
    assert not one_proposal(Grade.TIMEOUT).correct


def test_a_free_turn_has_both_actions() -> None:
    assert not propose(1, Grade.CORRECT).free
    assert silent(2, Role.REVIEWER).free


def test_an_undrawn_value_stays_none() -> None:
    turns = [propose(1, Grade.CORRECT), silent(2, Role.REVIEWER)]
    assert Transcript.from_json(episode(turns).to_json()).turns[1].speak_value is None


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_in_one_line(text: str, question: str) -> None:
    said = Utterance(text, 3, 4, answer=text or None, grade=Grade.UNPARSABLE)
    turn = replace(propose(1, Grade.WRONG), utterance=said)
    told = replace(episode([turn]), task=Task("t", question, "1"))
    line = told.to_json()
    assert line.count("\n") == 0
    assert Transcript.from_json(line) == told


def test_files_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text(mended().to_json() + "\n" + one_proposal(Grade.WRONG).to_json() + "\n", encoding="utf-8")
    assert list(read_transcripts(path)) == [mended(), one_proposal(Grade.WRONG)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda line: line[:50], "not a transcript"),
        (lambda line: line.replace('"schema":2', '"schema":99'), "schema 99 is none of 1 and 2"),
        (lambda line: line.replace('"world":0,', ""), "missing required field `world`"),
        (lambda line: line.replace('"reviewer"', '"referee"'), r"turns\[1\].role is 'referee'"),
        (lambda line: "[1, 2]", "not a transcript"),
        (lambda line: "", "not a transcript"),
    ],
)
def test_damage_is_an_error_that_names_the_line(tmp_path: Path, damage, message: str) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text(mended().to_json() + "\n" + damage(mended().to_json()) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        list(read_transcripts(path))
    assert "line 2" in str(caught.value)
