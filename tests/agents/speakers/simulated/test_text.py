"""Texts of simulated outcomes: the verifiers read back exactly what was drawn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.agents.speakers.simulated.text import answer_text, proposal_text, review_text
from tracer_env.errors import DataError
from tracer_env.types import Grade, Task, Verdict
from tracer_env.verification.verdicts import read_verdict
from tracer_env.verification.verifiers import verifier_for

NUMBERS = ["0", "42", "-7", "1000000", "0.5", "-12.25", "1/3", "0.0004", "2024"]
TASKS = [
    *(Task(f"n{i}", "?", answer) for i, answer in enumerate(NUMBERS)),
    *(Task(f"c{letter}", "?", letter, "choice", options=("w", "x", "y", "z")) for letter in "ABCD"),
    Task("ten", "?", "J", "choice", options=tuple("abcdefghij")),
    *(Task(f"t{i}", "?", answer, "text") for i, answer in enumerate(["Paris", "new york", "a B c"])),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind}-{task.answer}")
def test_verifiers_read_the_answer_back(task: Task) -> None:
    verifier = verifier_for(task.kind)
    for style in range(8):
        for answer_id in range(9):
            text = proposal_text(task, answer_id, style)
            assert verifier.extract(text).answer == answer_text(task, answer_id)
            assert verifier.grade(text, task.answer) is (Grade.CORRECT if answer_id == 0 else Grade.WRONG)
        assert verifier.grade(proposal_text(task, -1, style), task.answer) is Grade.UNPARSABLE or task.kind == "text"


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(0, 256), st.integers(0, 255))
def test_whole_numbers_are_read_back(gold: int, answer_id: int, style: int) -> None:
    task = Task("t", "?", str(gold))
    text, verifier = proposal_text(task, answer_id, style), verifier_for("number")
    assert verifier.extract(text).answer == answer_text(task, answer_id)
    assert verifier.grade(text, str(gold)) is (Grade.CORRECT if answer_id == 0 else Grade.WRONG)


def test_wrong_numbers_by_hand() -> None:
    task = Task("t", "?", "42")
    assert [answer_text(task, k) for k in range(5)] == ["42", "43", "41", "44", "40"]
    assert [answer_text(Task("t", "?", "0.5"), k) for k in range(3)] == ["0.5", "1.5", "-0.5"]
    assert [answer_text(Task("t", "?", "1/3"), k) for k in range(3)] == ["1/3", "4/3", "-2/3"]


def test_wrong_letters_by_hand() -> None:
    task = Task("t", "?", "C", "choice", options=("w", "x", "y", "z"))
    assert [answer_text(task, k) for k in range(5)] == ["C", "D", "A", "B", "D"]


@pytest.mark.parametrize(
    ("kind", "gold", "canonical"),
    [
        ("number", "$5.00", "5"),
        ("number", "1,007", "1007"),
        ("number", "50%", "50"),
        ("number", "3 + 4 = 7, so\n#### 1,007", "1007"),
        ("choice", "(b)", "B"),
        ("choice", "C)", "C"),
    ],
)
def test_gold_answers_may_be_dressed(kind: str, gold: str, canonical: str) -> None:
    task, verifier = Task("t", "?", gold, kind), verifier_for(kind)
    for answer_id in range(5):
        text = proposal_text(task, answer_id, 0)
        assert verifier.extract(text).answer == answer_text(task, answer_id)
        assert verifier.grade(text, gold) is (Grade.CORRECT if answer_id == 0 else Grade.WRONG)
    assert answer_text(task, 0) == canonical


def test_a_gold_answer_of_another_kind_is_named() -> None:
    with pytest.raises(DataError, match="the simulated speaker finds no number in the gold answer 'five' of t"):
        answer_text(Task("t", "?", "five"), 1)


def test_wrong_answers_differ_from_each_other() -> None:
    for answer in NUMBERS:
        texts = [answer_text(Task("t", "?", answer), k) for k in range(257)]
        assert len(set(texts)) == 257


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("answer", ["42", None, "RIGHT", "WRONG"])
def test_reviews_are_read_back(verdict: Verdict, answer: str | None) -> None:
    for style in range(8):
        assert read_verdict(review_text(verdict, answer, style)) is verdict


def test_what_is_written_reads_like_words() -> None:
    task = Task("t", "?", "42")
    assert proposal_text(task, 0, 0) == "Taking the question step by step.\nFinal answer: 42"
    assert review_text(Verdict.WRONG, "41", 0) == "WRONG. One step does not follow (on 41)."
    assert review_text(Verdict.RIGHT, None, 1).endswith("(no answer is given).")
    assert not any(digit in proposal_text(task, -1, style) for style in range(4) for digit in "0123456789")
