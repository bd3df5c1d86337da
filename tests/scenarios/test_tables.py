import json
from pathlib import Path

import pytest

from tracer_env.errors import DataError
from tracer_env.scenarios.tables import read_rows


def rows(folder: Path, name: str, content: str | bytes) -> list[dict[str, object]]:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return [dict(row.values) for row in read_rows(file)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,x\n", [{"a": "1", "b": "x"}]),
        ("\ufeffa,b\r\n1,x\r\n\r\n2,y", [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]),
        ('a, b\n"1,234",x\n', [{"a": "1,234", "b": "x"}]),
        ('a,b\n"two\nlines","say ""hi"""\n', [{"a": "two\nlines", "b": 'say "hi"'}]),
        ('a,b\n5 ft 3" tall,x\n', [{"a": '5 ft 3" tall', "b": "x"}]),
        ("a,b\n,x\n", [{"b": "x"}]),
        ("a\n1\n\n2\n", [{"a": "1"}, {"a": "2"}]),
    ],
)
def test_csv_that_is_read(tmp_path: Path, content: str, expected: list[dict[str, str]]) -> None:
    assert rows(tmp_path, "rows.csv", content) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\nx,1,234\n", r"line 2: 3 fields under a header of 2 \(a, b\); put a field with a comma into quotes"),
        ("a,b\n1,x\n2\n", "line 3: 1 fields under a header of 2"),
        ('a,b\n"1\n2",x\n3\n', "line 4: 1 fields under a header of 2"),
        ("a,b,\n1,x,\n", "line 1: column 3 of the header has no name"),
        ("a, a\n1,2\n", "line 1: the header names 'a' twice"),
        ("a;b\n1;2\n", "line 1: the header is one field, 'a;b'; separate the columns by ',', not ';'"),
        ('a,b\n1,"x\n2,y\n', "line 2: this is not CSV: unexpected end of data"),
        ('a,b\n"1"2,x\n', "line 2: this is not CSV"),
        ("a,b\n", "holds no rows"),
        ("", "holds no rows"),
    ],
)
def test_csv_that_would_be_misread_is_refused_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows(tmp_path, "rows.csv", content)


def test_an_empty_cell_is_empty_not_missing(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1, \n")
    (row,) = read_rows(tmp_path / "rows.csv")
    assert (row.has("a"), row.has("b"), row.text("a"), row.where) == (True, False, "1", f"{tmp_path}/rows.csv line 2")
    with pytest.raises(DataError, match="line 2: the field 'b' is empty"):
        row.text("b")
    with pytest.raises(DataError, match="line 2: the field 'c' is missing; the fields are: a, b"):
        row.text("c")


def test_json_lines_that_are_read(tmp_path: Path) -> None:
    assert rows(tmp_path, "rows.jsonl", '\ufeff{"a": 1}\r\n\n  {"a": "\\ud83d\\ude00"}') == [
        {"a": 1},
        {"a": "\U0001f600"},
    ]
    assert rows(tmp_path, "rows.jsonl", '{"a": "x\u2028y"}\n') == [{"a": "x\u2028y"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows"),
        ('{"a": 1}\n{"a": \n', "line 2 is not readable as JSON"),
        ("[1]\n", "line 1: a row must be a JSON object, got a list"),
        ("3\n", "line 1: a row must be a JSON object, got a number"),
        ("null\n", "line 1: a row must be a JSON object, got null"),
        ("[" * 100_000 + "\n", "line 1 is not readable as JSON: it is nested more than 64 deep"),
        ('{"a": NaN}\n', "line 1 is not readable as JSON: NaN is no number"),
        ('{"a": 1, "a": 2}\n', "line 1 is not readable as JSON: the key 'a' stands twice"),
        ('{"a": 1}\n{"b": ["\\ud800"]}\n', r"line 2: the field 'b' holds half of a surrogate pair \(\\ud800\)"),
        ('{"a": 1}\n{"b": "\\udc00\\ud83d"}\n', "line 2: the field 'b' holds half of a surrogate pair"),
    ],
)
def test_bad_json_lines_are_named_with_their_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows(tmp_path, "rows.jsonl", content)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        ('{"a": "é"}\n'.encode("utf-16"), "line 1 is not UTF-8, it looks like UTF-16"),
        ('{"a": 1}\n{"a": "é"}\n'.encode("cp1252"), "line 2 is not UTF-8, it looks like another encoding"),
    ],
)
def test_other_encodings_are_named(tmp_path: Path, content: bytes, looks: str) -> None:
    for name in ("rows.jsonl", "rows.csv"):
        with pytest.raises(DataError, match=f"{looks}.*; save the file as UTF-8"):
            rows(tmp_path, name, content)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.jsonl: No such file"):
        read_rows(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match=r"cannot read .*test\.jsonl: No such file"):
        read_rows(tmp_path)
    with pytest.raises(DataError, match=r"cannot read .*null"):
        read_rows("a\0b")
    with pytest.raises(DataError, match=r"cannot read aaa.*: File name too long"):
        read_rows("a" * 5000)
    with pytest.raises(DataError, match=r"cannot read ~nobody-of-that-name/x: No such file"):
        read_rows("~nobody-of-that-name/x")
    (tmp_path / "train.csv").write_text("a\n1\n")
    (tmp_path / "test.jsonl").write_text(json.dumps({"a": 2}))
    assert [dict(row.values) for split in ("train", "test") for row in read_rows(tmp_path, split)] == [
        {"a": "1"},
        {"a": 2},
    ]
    with pytest.raises(DataError, match=r"cannot read .*tset\.jsonl: No such file.*; did you mean 'test'\?"):
        read_rows(tmp_path, "tset")
