"""Bytes and JSON texts from elsewhere: what is read, and the one line for everything else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tracer_env.errors import DataError, RunFolderError
from tracer_env.intake.bounded import DEPTH, parse, read_bytes, shown, shown_path, told


def nested(deep: int) -> str:
    return "[" * deep + "]" * deep


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (b'{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (nested(DEPTH), json.loads(nested(DEPTH))),
        (json.dumps(["[" * 500]), ["[" * 500]),
        ("9" * 4000, int("9" * 4000)),
    ],
)
def test_what_is_read(given: bytes | str, value: object) -> None:
    assert parse(given, "f.json") == value


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{\x00}\x00", "it is not UTF-8 at byte 0"),
        ("é".encode("latin-1"), "it is not UTF-8 at byte 0"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ("[-Infinity]", "-Infinity is no number of JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice"),
        ('{"a": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\uDC00": 1}', "half of a surrogate pair"),
        (nested(DEPTH + 1), f"nested more than {DEPTH} deep"),
        ("[" * 100_000, f"nested more than {DEPTH} deep"),
        ('{"a":' * 100_000, f"nested more than {DEPTH} deep"),
        ("9" * 5000, "more digits"),
        ("{} {}", "Extra data"),
    ],
)
def test_what_is_refused_in_one_line(given: bytes | str, reason: str) -> None:
    with pytest.raises(RunFolderError, match=r"^f\.json is not readable as JSON: .*; go on$") as caught:
        parse(given, "f.json", error=RunFolderError, remedy="go on")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_are_ordinary_and_no_larger_than_asked(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"12345")
    assert read_bytes(file, 5) == b"12345"
    with pytest.raises(DataError, match=r"has 5 bytes; at most 4 are read"):
        read_bytes(file, 4)
    with pytest.raises(DataError, match="is no ordinary file"):
        read_bytes(tmp_path, 4)
    with pytest.raises(DataError, match=r"cannot read .*No such file"):
        read_bytes(tmp_path / "none", 4)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataError, match="is no ordinary file"):
            read_bytes(tmp_path / "pipe", 4)


def test_what_a_terminal_would_obey_is_made_visible() -> None:
    assert shown("a\x1b[31m\ud800") == "'a\\x1b[31m\\ud800'"
    assert len(shown("x" * 10**6)) <= 60
    assert len(shown(list(range(10**6)))) < 60
    assert len(shown(10**3000)) <= 60
    assert shown_path("a\x1bb\nc") == "a\\x1bb\\x0ac"
    assert told(ValueError("a\x1bb.\nc")) == "a\\x1bb"
    assert told(KeyError()) == "KeyError"
    assert len(told(ValueError("x" * 30_000))) == 200
