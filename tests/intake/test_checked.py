"""Fields of data from elsewhere, kind by kind: what is taken, what is refused, and where it is said to stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, DataError
from tracer_env.intake.checked import (
    EXACT,
    Reader,
    also,
    as_given,
    choice,
    flag,
    line,
    listed,
    load,
    mapping,
    number,
    optional,
    plain,
    read,
    record,
    text,
    whole,
)

UNITS = ("last", "majority")


@pytest.mark.parametrize(
    ("reader", "values"),
    [
        (whole(), [0, -EXACT, EXACT]),
        (whole(2, 4), [2, 3, 4]),
        (number(), [0, 0.5, -1e300, EXACT]),
        (number(0, 1), [0, 1, 0.0, 1.0]),
        (flag, [True, False]),
        (text(5), ["", "a\nb", "é\U0001f600"]),
        (line(5), ["", "a b", "é"]),
        (choice(UNITS), ["last", "majority"]),
        (optional(whole()), [None, 3]),
        (also(number(0, 1), lambda value: value < 1, "below 1"), [0, 0.99]),
        (as_given(listed(number(0, 9))), [[1, 2.5]]),
        (listed(whole(), 2), [[], [1, 2]]),
        (mapping(flag), [{}, {"a": True}]),
        (record({"a": flag}, may_have={"b": whole()}), [{"a": True}, {"a": True, "b": 1}]),
        (record({"a": flag}, others=plain()), [{"a": True, "z": [1, {"y": None}]}]),
        (plain(2), [1, "a", None, [1.5, [True]], {"a": {"b": 2**63}}]),
    ],
)
def test_what_is_taken(reader: Reader[Any], values: list[Any]) -> None:
    assert [read(value, reader, "f") for value in values] == values


@pytest.mark.parametrize(
    ("reader", "values"),
    [
        (whole(), [True, 1.0, "1", None, [], EXACT + 1, 10**4000, float("nan")]),
        (whole(2, 4), [1, 5, -3]),
        (number(), [True, "0.5", None, float("nan"), float("inf"), 10**4000, [], {}]),
        (number(0, 1), [-0.1, 1.1, 2]),
        (flag, [0, 1, "true", None, []]),
        (text(5), [1, None, b"a", ["a"], "abcdef"]),
        (line(5), ["a\nb", "\x1b[0m", "\x9b1m", "abcdef", 1]),
        (choice(UNITS), ["lst", "", 0, None, ["last"]]),
        (optional(whole()), ["", 0.0]),
        (also(number(0, 1), lambda value: value < 1, "below 1"), [1, 1.0, "x"]),
        (listed(whole(), 2), [[1, 2, 3], [1.0], "12", {"0": 1}, None]),
        (mapping(flag), [[], {"a": 1}, {"a\x1b": True}, None]),
        (record({"a": flag}), [{}, {"a": 1}, {"a": True, "b": 1}, [], None, "a"]),
        (plain(2), [[[[1]]], float("nan"), [1e400], {"a": 2**64}]),
    ],
)
def test_what_is_refused_in_one_line(reader: Reader[Any], values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=r"^here: .*; mend it$") as caught:
            read(value, reader, "here", error=ConfigError, remedy="mend it")
        words = str(caught.value)
        assert words.isprintable(), words
        assert len(words) < 250, words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": {"b.npz": [1, -3]}}, "f: a.b.npz[1] is -3; it must be a whole number from 0 to 9"),
        ({"a": {"b c": ["1"]}}, "f: a['b c'][0] is '1'; it must be a whole number from 0 to 9"),
        ({"a": {}, "kind": "lst"}, "f: kind is 'lst'; did you mean 'last'?"),
        ({"A": {}}, "f: a is missing"),
        ({"a": {}, "knd": "last"}, "f: knd is unknown; did you mean 'kind'?"),
        ([], "f: the whole is []; it must be an object with a, kind"),
    ],
)
def test_the_line_says_where(value: Any, words: str) -> None:
    reader = record({"a": mapping(listed(whole(0, 9)))}, may_have={"kind": choice(UNITS)})
    with pytest.raises(DataError) as caught:
        read(value, reader, "f")
    assert str(caught.value) == words


def test_a_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"a": 1}', encoding="utf-8")
    assert load(file, record({"a": whole()})) == {"a": 1}
    with pytest.raises(DataError, match=r"f\.json: a is 1; it must be a text"):
        load(file, record({"a": text()}))
    with pytest.raises(DataError, match="at most 7 are read"):
        load(file, record({"a": whole()}), most=7)
