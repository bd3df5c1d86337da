"""Which option an answer means: the forms public sets use, and everything that names none or may name two."""

from typing import Any

import pytest

from tracer_env.errors import DataError
from tracer_env.scenarios.options import Options, lettered_answers, options_of
from tracer_env.scenarios.rows import Row

METALS = ["iron", "tin", "lead", "gold"]


def row(**values: Any) -> Row:
    return Row("set.jsonl line 1", values)


def letters(*rows: Row) -> str:
    return "".join(lettered_answers(rows, [options_of(each) or Options(()) for each in rows]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"options": METALS}, Options(tuple(METALS))),
        ({"choices": [1, 2.5, " x "]}, Options(("1", "2.5", "x"))),
        ({"choices": '["iron", "tin"]'}, Options(("iron", "tin"))),
        ({"choices": {"text": ["iron", "tin"], "label": ["1", "2"]}}, Options(("iron", "tin"), ("1", "2"))),
        ({"choices": {"text": ["iron", "tin"]}}, Options(("iron", "tin"))),
        (
            {"choices": [{"label": "A", "text": "iron"}, {"label": "B", "text": "tin"}]},
            Options(("iron", "tin"), ("A", "B")),
        ),
        ({"options": {"A": "iron", "B": "tin"}}, Options(("iron", "tin"), ("A", "B"))),
        ({"A": "iron", "B": "tin", "C": "lead"}, Options(("iron", "tin", "lead"), ("A", "B", "C"))),
        ({"A": "iron", "C": "lead"}, None),
        ({"question": "?"}, None),
    ],
)
def test_the_forms_of_options(values: dict[str, Any], expected: Options | None) -> None:
    assert options_of(row(**values)) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", "must be a list written as JSON"),
        ("['iron', 'tin']", "must be a list written as JSON"),
        (["iron"], "must be a list of 2 to 10 options"),
        ([], "must be a list of 2 to 10 options"),
        (list("abcdefghijk"), "must be a list of 2 to 10 options"),
        ([["iron"], ["tin"]], "must be a list of texts, one of them is"),
        (["iron", None], "one of them is None"),
        (["iron", True], "one of them is True"),
        (["iron", " "], "holds an empty option"),
        ({"text": ["iron", "tin"], "label": ["A"]}, "must have one label for each of its 2 options"),
        ({"text": ["iron", "tin"], "label": ["A", "A"]}, "must have one label for each"),
        ({"first": "iron", "second": "tin"}, "must be a list of 2 to 10 options"),
        (None, "must be a list of 2 to 10 options, got None"),
        (3, "must be a list of 2 to 10 options, got 3"),
    ],
)
def test_options_that_cannot_be_lettered(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"^set\.jsonl line 1: the field 'choices' .*{message}"):
        options_of(row(choices=value))


@pytest.mark.parametrize(
    ("values", "letter"),
    [
        ({"answer": 0}, "A"),
        ({"answer": 3}, "D"),
        ({"answer": 2.0}, "C"),
        ({"answer": "2"}, "C"),
        ({"answer": "B"}, "B"),
        ({"answer": "b"}, "B"),
        ({"answer": "(B)"}, "B"),
        ({"answer": "B."}, "B"),
        ({"answer": "B) tin"}, "B"),
        ({"answer": "lead"}, "C"),
        ({"answerKey": "D"}, "D"),
        ({"answer_idx": "C"}, "C"),
        ({"answer_index": 1}, "B"),
        ({"label": 3}, "D"),
        ({"answer": "A", "answer_index": 0}, "A"),
    ],
)
def test_the_forms_of_answers(values: dict[str, Any], letter: str) -> None:
    assert letters(row(options=METALS, **values)) == letter


def test_the_rows_own_labels_come_first() -> None:
    numbered = {"text": ["7", "8", "9"], "label": ["1", "2", "3"]}
    assert letters(row(choices=numbered, answerKey="1"), row(choices=numbered, answerKey=3)) == "AC"


@pytest.mark.parametrize(
    ("options", "answer", "given"),
    [
        (METALS, 4, "4"),
        (METALS, -1, "-1"),
        (METALS, 1.5, "1.5"),
        (METALS, "4", "'4'"),
        (["iron", "tin"], "D", "'D'"),
        (METALS, "E", "'E'"),
        (METALS, "silver", "'silver'"),
        (METALS, "B) lead", r"'B\) lead'"),
        (["same", "same"], "same", "'same'"),
    ],
)
def test_an_answer_that_is_no_option_is_refused(options: list[str], answer: Any, given: str) -> None:
    with pytest.raises(
        DataError, match=f"the field 'answer' is {given}, which is none of the {len(options)} options: give"
    ):
        letters(row(options=options, answer=answer))


@pytest.mark.parametrize("answer", [None, True, ["B"], {"a": 1}])
def test_an_answer_of_another_kind_is_refused(answer: Any) -> None:
    with pytest.raises(DataError, match=r"the field 'answer' (is null|must be text)"):
        letters(row(options=METALS, answer=answer))


def test_two_readings_are_decided_by_the_column() -> None:
    blood, counts = ["AB", "A", "B", "0"], ["1", "2", "3", "4"]
    assert letters(row(options=blood, answer="A")) == "A"  # a column of letters means letters
    assert letters(row(options=blood, answer="A"), row(options=blood, answer="AB")) == "BA"  # this one means texts
    assert letters(row(options=counts, answer="2"), row(options=counts, answer="4")) == "BD"
    assert letters(row(options=counts, answer="2"), row(options=counts, answer="0")) == "CA"
    assert letters(row(options=counts, answer=2)) == "C"  # a number is an index
    with pytest.raises(DataError, match=r"is '2', which may be text B or index C; write the option's letter"):
        letters(row(options=counts, answer="2"), row(options=counts, answer="3"))
