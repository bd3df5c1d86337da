"""Tasks and utterances of a folder: every field by its kind, every count as promised."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import DataError
from tracer_env.trees.texts import RecordedTexts, read_tasks
from tracer_env.types import Grade, Task, Utterance, Verdict

TASK = {"id": "a", "question": "q?", "answer": "1"}
SAID = {"text": "t", "prompt_tokens": 3, "completion_tokens": 2}


def packed(path: Path, *rows: Any) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def test_tasks_are_read(tmp_path: Path) -> None:
    rich = {"kind": "choice", "difficulty": 1, "options": ["x", "y"], "scenario": "s", "metadata": {"level": [2, None]}}
    file = packed(tmp_path / "f", TASK, {**TASK, "id": "b", **rich})
    plain, full = read_tasks(file, 2)
    assert plain == Task("a", "q?", "1")
    assert full == Task("b", "q?", "1", "choice", 1.0, ("x", "y"), "s")
    assert full.metadata == {"level": [2, None]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"id": ""}, "id has 0 characters"),
        ({"id": 3}, "id is 3; it must be a text"),
        ({"id": "a\x1b[2J"}, "control characters are not allowed"),
        ({"question": None}, "question is None"),
        ({"answer": 18}, "answer is 18"),
        ({"kind": []}, r"kind is \[\]"),
        ({"difficulty": "0.5"}, "difficulty is '0.5'; it must be a finite number from 0 to 1"),
        ({"difficulty": 2}, "difficulty is 2"),
        ({"difficulty": True}, "difficulty is True"),
        ({"options": "ABCD"}, "options is 'ABCD'; it must be a list"),
        ({"options": ["a", 1]}, r"options\[1\] is 1"),
        ({"scenario": {}}, r"scenario is \{\}"),
        ({"metadata": [1]}, r"metadata is \[1\]"),
        ({"metadata": {"x": 1e400}}, "Infinity is no number of JSON"),
        ({"metadata": {"x": 2**70}}, "fit into 64 bits"),
        ({"other": 1}, "other is unknown"),
    ],
)
def test_a_task_is_read_field_by_field(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"f: line 2:? .*{message}") as caught:
        read_tasks(packed(tmp_path / "f", TASK, {**TASK, "id": "b", **changed}), 2)
    assert str(caught.value).isprintable()


def test_an_identity_comes_once_and_the_count_is_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="f: line 2: id repeats 'a'"):
        read_tasks(packed(tmp_path / "f", TASK, TASK), 2)
    with pytest.raises(DataError, match=r"f holds 1 tasks, trees\.json says 2"):
        read_tasks(packed(tmp_path / "f", TASK), 2)


def test_utterances_are_read(tmp_path: Path) -> None:
    rich = {"finish": "length", "dropped": 1, "answer": "7", "rule": "r", "grade": "wrong", "verdict": "right"}
    texts = RecordedTexts(packed(tmp_path / "f", SAID, {**SAID, **rich}, {"text": "", "counted": False}), 3)
    assert len(texts) == 3
    assert list(texts) == [
        Utterance("t", 3, 2),
        Utterance("t", 3, 2, "length", 1, "7", "r", Grade.WRONG, Verdict.RIGHT),
        Utterance("", counted=False),
    ]
    assert texts[1:2] == [texts[1]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text": None}, "text is None"),
        ({"text": ["t"]}, r"text is \['t'\]"),
        ({"prompt_tokens": -1}, "prompt_tokens is -1"),
        ({"prompt_tokens": "3"}, "prompt_tokens is '3'"),
        ({"completion_tokens": 2.5}, r"completion_tokens is 2\.5"),
        ({"completion_tokens": 10**30}, "completion_tokens is 1000"),
        ({"completion_tokens": None}, "completion_tokens is None"),
        ({"dropped": True}, "dropped is True"),
        ({"finish": 1}, "finish is 1"),
        ({"answer": 7}, "answer is 7"),
        ({"rule": "\x07"}, "rule is"),
        ({"grade": 1}, "grade is 1; choose one of: wrong"),
        ({"grade": "corect"}, "grade is 'corect'; did you mean 'correct'"),
        ({"verdict": None}, "verdict is None; choose one of"),
        ({"verdict": "RIGHT"}, "verdict is 'RIGHT'"),
        ({"token_ids": [1]}, "token_ids is unknown"),
    ],
)
def test_an_utterance_is_read_field_by_field(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"f: line 2: {message}") as caught:
        list(RecordedTexts(packed(tmp_path / "f", SAID, {**SAID, **changed}), 2))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ['a "key": b', "\\u00e9 \U0001f600", "x\ny", '{"text": 1, "text": 2}', "\x1b[31m"],
)
def test_texts_that_look_like_keys_come_back(tmp_path: Path, text: str) -> None:
    assert list(RecordedTexts(packed(tmp_path / "f", {**SAID, "text": text, "grade": "wrong"}), 1)) == [
        Utterance(text, 3, 2, grade=Grade.WRONG)
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text":"t","prompt_tokens":1,"prompt_tokens":2}', "the key 'prompt_tokens' stands twice"),
        (b'{"text":"t","text":"u","prompt_tokens":1,"completion_tokens":1}', "the key 'text' stands twice"),
        (b'{"text":"\\ud800","prompt_tokens":1,"completion_tokens":1}', "half of a surrogate pair"),
        (b'{"text":"\xff","prompt_tokens":1,"completion_tokens":1}', "it is not UTF-8"),
        (b'{"text":"t","prompt_tokens":NaN,"completion_tokens":1}', "NaN is no number"),
        (b'{"text":"t","prompt_tokens":1.0,"completion_tokens":1}', r"prompt_tokens is 1\.0"),
    ],
)
def test_lines_as_others_write_them(tmp_path: Path, line: bytes, message: str) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(line + b"\n"))
    with pytest.raises(DataError, match=rf"f: line 1:? .*{message}"):
        list(RecordedTexts(tmp_path / "f", 1))
