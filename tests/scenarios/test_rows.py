from typing import Any

import pytest

from tracer_env.errors import DataError
from tracer_env.scenarios.rows import Row, surrogate_in, whole_number

ROW = Row(
    "set.csv line 2",
    {"word": "tin", "half": "0.5", "three": 3, "as_float": 3.0, "as_text": " 3 ", "null": None, "list": ["x"]}
    | {"yes": True, "nan": float("nan"), "empty": "  ", "spelled": "three"},
    frozenset({"cell"}),
)


def test_text_is_text_or_a_number_written_out() -> None:
    assert [ROW.text(field) for field in ("word", "half", "three", "as_float")] == ["tin", "0.5", "3", "3.0"]


def test_typed_fields_take_their_text_forms() -> None:
    assert [ROW.whole(field, 1, 5) for field in ("three", "as_float", "as_text")] == [3, 3, 3]
    assert [ROW.number(field, 0, 9) for field in ("three", "half")] == [3.0, 0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda row: row.text("gold"), "the field 'gold' is missing; the fields are: word, half, .*, cell"),
        (lambda row: row.text("null"), "the field 'null' is null; give it a value"),
        (lambda row: row.number("null", 0, 1), "the field 'null' is null"),
        (lambda row: row.text("cell"), "the field 'cell' is empty"),
        (lambda row: row.text("empty"), "the field 'empty' is empty"),
        (lambda row: row.text("list"), "the field 'list' must be text, got a list"),
        (lambda row: row.text("yes"), "the field 'yes' must be text, got true"),
        (lambda row: row.text("nan"), "the field 'nan' is nan"),
        (lambda row: row.whole("yes", 0, 5), "the field 'yes' must be a whole number from 0 to 5, got True"),
        (lambda row: row.whole("half", 0, 5), "must be a whole number from 0 to 5, got '0.5'"),
        (lambda row: row.whole("three", 4, 5), "must be a whole number from 4 to 5, got 3"),
        (lambda row: row.whole("spelled", 1, 5), "must be a whole number from 1 to 5, got 'three'"),
        (lambda row: row.number("nan", 0, 1), "must be a number from 0 to 1, got nan"),
        (lambda row: row.number("three", 0, 1), "must be a number from 0 to 1, got 3"),
        (lambda row: row.number("yes", 0, 1), "must be a number from 0 to 1, got True"),
    ],
)
def test_what_does_not_fit_is_told_with_place_field_and_value(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"^set\.csv line 2: .*{message}"):
        call(ROW)


@pytest.mark.parametrize("value", [True, "", "1e0", "0x3", "3.5", "three", None, [3], "9" * 19, float("inf")])
def test_what_spells_no_whole_number(value: Any) -> None:
    assert whole_number(value) is None


def test_half_a_surrogate_pair_is_found_however_deep() -> None:
    assert surrogate_in({"a": [{"b\udc00": 1}]}) == "\udc00"
    assert surrogate_in(["plain", {"x": ("y\ud83d",)}]) == "\ud83d"
    assert surrogate_in({"a": ["\U0001f600", "é", 3, None]}) is None
