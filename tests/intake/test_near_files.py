"""Misspelt files of questions: the nearest name beside them, in whichever way they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_env.cli.app import main
from tracer_env.intake.near_files import near_questions


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("questions.jsonl", "q.csv", "notes.txt", "my_study/train.jsonl", "my_study/test.jsonl"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text('{"question": "1 + 1?", "answer": "2"}\n', encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("question.jsonl", "questions.jsonl"),
        ("questions.jsnol", "questions.jsonl"),
        ("qq.csv", "q.csv"),
        ("my_stud", "my_study"),
        ("my_study/tset.jsonl", "test.jsonl"),
        ("./question.jsonl", "questions.jsonl"),
    ],
)
def test_the_nearest_name_is_said(asked: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", asked]) == 2
    err = capsys.readouterr().err
    assert f"did you mean {near!r}?" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("asked", ["elsewhere/q.jsonl", "zzzzzz.jsonl", "note.txt", "a\0b.jsonl"])
def test_nothing_near_is_said_by_nothing(asked: str) -> None:
    assert near_questions(Path(asked)) == ""


def test_names_that_we_know_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    Path("arithmetic_sums").mkdir()
    assert main(["compare", "--scenario", "arithmetics"]) == 2
    assert "did you mean 'arithmetic'?" in capsys.readouterr().err
