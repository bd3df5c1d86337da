import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.errors import DataError, UnknownNameError
from tracer_env.types import Grade
from tracer_env.verification.verifiers import verifier_for

NUMBER, CHOICE, TEXT = verifier_for("number"), verifier_for("choice"), verifier_for("text")


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("Final answer: 18", "18", "final_answer"),
        ("FINAL ANSWER IS 18.", "18", "final_answer"),
        ("**Final Answer:** $1,234.50 dollars", "1234.5", "final_answer"),
        ("Final answer: 3\nFinal answer: 4", "4", "final_answer"),
        ("so \\boxed{\\frac{1}{2}}", "0.5", "boxed"),
        ("Final answer: $\\boxed{18}$", "18", "boxed"),
        ("9*2=<<9*2=18>>18\n#### 18", "18", "hashes"),
        ("A: 7", "7", "a_colon"),
        ("Final answer: 3\nA: 7", "7", "a_colon"),
        ("#### 5\nFinal answer: none, sorry", "5", "hashes"),
        ("she has 3 left of 4", "4", "last_number"),
        ("she has 3 left, not 4", None, "none"),
        ("the answer is 8 because", "8", "answer_is"),
        ("Final answer: 10**10**10", None, "none"),
        ("no idea", None, "none"),
        ("", None, "none"),
    ],
)
def test_number_extraction(text: str, answer: str | None, rule: str) -> None:
    found = NUMBER.extract(text)
    assert (found.answer, found.rule) == (answer, rule)


@pytest.mark.parametrize(
    ("text", "gold", "grade"),
    [
        ("Final answer: 1,000", "1000", Grade.CORRECT),
        ("Final answer: 50%", "50", Grade.CORRECT),
        ("Final answer: $5.00", "5", Grade.CORRECT),
        ("Final answer: 18.0", "18", Grade.CORRECT),
        ("Final answer: 1/2", "0.5", Grade.CORRECT),
        ("Final answer: 0.0004", "0", Grade.WRONG),
        ("Final answer: 18.0009", "18", Grade.WRONG),
        ("Final answer: 0.3333333333333333", "1/3", Grade.WRONG),
        ("Final answer: " + "9" * 500, "9", Grade.UNPARSABLE),
        ("10**10**10", "10", Grade.UNPARSABLE),
        ("who knows", "18", Grade.UNPARSABLE),
    ],
)
def test_number_grades(text: str, gold: str, grade: Grade) -> None:
    assert NUMBER.grade(text, gold) is grade


def test_equal_numbers_are_the_same() -> None:
    assert NUMBER.same("0.5", "1/2")
    assert not NUMBER.same("0.0004", "0")


def test_a_gold_answer_is_one_number_or_a_marked_solution() -> None:
    assert NUMBER.read("16 - 3 = 13 eggs\n#### 13") == "13"
    assert NUMBER.read("16 eggs at 2 dollars") is None
    with pytest.raises(DataError, match="the gold answer 'many' cannot be read as an answer of kind 'number'"):
        NUMBER.grade("5", "many")


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        ("Final answer: (B)", "B", "final_answer"),
        ("\\boxed{C}", "C", "boxed"),
        ("\\boxed{\\text{B}}", "B", "boxed"),
        ("The answer is B.", "B", "answer_is"),
        ("**Answer: D** it is", "D", "answer_is"),
        ("#### D", "D", "hashes"),
        ("B)", "B", "option"),
        ("B) Vitamin C", "B", "option"),
        ("C", "C", "option"),
        ("A) x\nB) y\nC) z", None, "none"),
        ("A cat sat on the mat", None, "none"),
        ("Final answer: A bare majority of them", None, "none"),
        ("The answer is a cell", None, "none"),
        ("Final answer: B or C", None, "none"),
        ("Final answer: B\nA: because of the above", "B", "final_answer"),
    ],
)
def test_choice_extraction(text: str, answer: str | None, rule: str) -> None:
    found = CHOICE.extract(text)
    assert (found.answer, found.rule) == (answer, rule)


def test_choice_grades() -> None:
    assert CHOICE.grade("Final answer: (B)", "B") is Grade.CORRECT
    assert CHOICE.grade("Final answer: (B)", "C") is Grade.WRONG
    assert CHOICE.grade("A cat", "A") is Grade.UNPARSABLE
    assert CHOICE.same("B", "(b)")


def test_text_is_compared_folded() -> None:
    assert TEXT.grade("I think so.\nFinal answer:  New   york.", "New York") is Grade.CORRECT
    assert TEXT.grade("Boston", "New York") is Grade.WRONG
    assert TEXT.grade(" \n ", "New York") is Grade.UNPARSABLE
    assert TEXT.extract("one\ntwo\n").rule == "last_line"
    assert TEXT.same("Yes", "yes.")


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'number'"):
        verifier_for("numbers")


MEGABYTE = 10**6
HOSTILE = {
    "1 MB of text": "x" * MEGABYTE,
    "1 MB of digits": "1" * MEGABYTE,
    "1 MB of numbers": "1 " * (MEGABYTE // 2),
    "comma groups": "1,22" * (MEGABYTE // 4),
    "markers": "Final answer: " * (MEGABYTE // 14),
    "unclosed boxes": "\\boxed{" * (MEGABYTE // 7),
    "deep braces": "\\boxed{" + "{" * 10_000 + "5" + "}" * 10_001,
    "half markers": ("final answer" + " " * 20) * 30_000,
    "line breaks": "Final answer:" + "\n" * MEGABYTE + "5",
    "headings": "####\n" * (MEGABYTE // 5),
    "power tower": "10**10**10",
    "NUL bytes": "\0" * MEGABYTE,
    "right to left": "\u200f" * 1000 + "Final answer: \u200f18\u200f",
    "lone surrogates": "\ud800" * MEGABYTE,
}


@pytest.mark.parametrize("kind", ["number", "choice", "text"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_get_a_grade_in_bounded_time(kind: str, name: str) -> None:
    start = time.process_time()
    grade = verifier_for(kind).grade(HOSTILE[name], "B" if kind == "choice" else "5")
    assert isinstance(grade, Grade)
    assert time.process_time() - start < 10.0


def test_right_to_left_marks_hide_no_answer() -> None:
    assert NUMBER.grade(HOSTILE["right to left"], "18") is Grade.CORRECT


PIECES = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            ["Final answer:", "\\boxed{", "}", "{", "#### ", "A: ", "\n", "=", "/", "1,", "-", "$", "%", "**", "B)"]
        ),
        st.integers().map(str),
    ),
    max_size=20,
).map("".join)


@settings(deadline=None)
@given(text=PIECES, kind=st.sampled_from(["number", "choice", "text"]))
def test_no_text_raises_and_unparsable_means_no_answer(text: str, kind: str) -> None:
    verifier = verifier_for(kind)
    found = verifier.extract(text)
    grade = verifier.grade(text, "B" if kind == "choice" else "7")
    assert (grade is Grade.UNPARSABLE) == (found.answer is None)
    assert (found.rule == "none") == (found.answer is None)
    if found.answer is not None:
        assert verifier.same(found.answer, found.answer)
        assert kind == "text" or verifier.read(found.answer) == found.answer


@given(st.integers(), st.sampled_from(["Final answer: {}", "so \\boxed{{{}}}", "#### {}", "A: {}", "it is {} eggs"]))
def test_rendered_numbers_come_back(value: int, template: str) -> None:
    assert NUMBER.extract(template.format(value)).answer == str(value)
