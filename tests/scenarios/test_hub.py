from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, DataError, MissingExtraError, UnknownNameError
from tracer_env.scenarios.hub import HuggingFace, ModelScope, detect_kind
from tracer_env.types import Grade


@pytest.mark.parametrize(
    ("answers", "kind", "kept"),
    [
        (["so 1\n#### 18", "#### 2"], "number", ["18", "2"]),
        (["so $\\boxed{\\frac12}$", "\\boxed{2}"], "math", ["\\frac12", "2"]),
        (["B", "J "], "choice", ["B", "J"]),
        (["18", "$1,000", "1/2"], "number", ["18", "$1,000", "1/2"]),
        (["18", "\\frac12"], "math", ["18", "\\frac12"]),
        (["18", "Paris"], "text", ["18", "Paris"]),
    ],
)
def test_the_kind_is_read_off_the_answers(answers: list[str], kind: str, kept: list[str]) -> None:
    assert detect_kind(answers) == (kind, kept)


def test_columns_are_found_by_name() -> None:
    asked = []

    def loader(*what: Any) -> Iterable[Mapping[str, Any]]:
        asked.append(what)
        return [{"n": 1, "prompt": "9 * 2?", "target": "18"}]

    scenario = HuggingFace("owner/set::part", loader=loader)
    (task,) = scenario
    assert asked == [("owner/set", "part", "test")]
    assert (task.question, task.answer, task.kind) == ("9 * 2?", "18", "number")
    assert task.id == "hf:owner/set::part-test-000000"
    assert scenario.grade("Final answer: 18", task) is Grade.CORRECT


@pytest.mark.parametrize(
    ("rows", "letters"),
    [
        ([{"answer": 1, "choices": ["iron", "tin"]}, {"answer": 0, "choices": ["x", "y", "z"]}], "BA"),
        ([{"answer": "B", "answer_index": 1, "options": ["iron", "tin"]}], "B"),
        ([{"answerKey": "A", "choices": {"text": ["iron", "tin"], "label": ["A", "B"]}}], "A"),
        ([{"answer": "tin", "answer_idx": "B", "options": {"A": "iron", "B": "tin"}}], "B"),
        ([{"A": "iron", "B": "tin", "C": "lead", "D": "gold", "answer": "D"}], "D"),
    ],
)
def test_rows_with_options_become_lettered_choices(rows: list[dict[str, Any]], letters: str) -> None:
    scenario = HuggingFace("owner/set", loader=lambda *what: [{"question": "Which?", **row} for row in rows])
    assert "".join(task.answer for task in scenario) == letters
    assert scenario.kind == "choice"
    assert scenario[0].question.startswith(f"Which?\n\nA) iron\nB) {scenario[0].options[1]}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answer": 2, "choices": ["iron", "tin"]}, "row 1: the field 'answer' is 2, which is none of the 2 options"),
        ({"answer": "D", "choices": ["iron", "tin"]}, "row 1: the field 'answer' is 'D'"),
        ({"answer": 0}, "row 1: this row has no options, the first one has"),
        ({"answer": None, "choices": ["iron", "tin"]}, "row 1: the field 'answer' is null"),
    ],
)
def test_options_that_do_not_go_with_their_answer(row: dict[str, Any], message: str) -> None:
    rows = [{"question": "?", "answer": 0, "choices": ["x", "y"]}, {"question": "?", **row}]
    with pytest.raises(DataError, match=message):
        HuggingFace("owner/set", loader=lambda *what: rows)


def test_settings_are_looked_at_before_anything_is_loaded(tmp_path: Path) -> None:
    def loader(*what: Any) -> Iterable[Mapping[str, Any]]:
        raise AssertionError

    with pytest.raises(UnknownNameError, match="unknown kind of answer 'numbr'; did you mean 'number'"):
        HuggingFace("owner/set", kind="numbr", loader=loader)
    with pytest.raises(ConfigError, match="has no split 'tset'; did you mean 'test'"):
        HuggingFace("owner/set", path=str(tmp_path / "rows.jsonl"), split="tset")


def test_the_kind_can_be_given() -> None:
    scenario = HuggingFace("owner/set", kind="text", loader=lambda *what: [{"question": "?", "answer": "18"}])
    assert scenario.kind == "text"


def test_columns_that_are_not_there_are_named() -> None:
    with pytest.raises(DataError, match=r"no answer column: one of answer, solution, target .* are: question, label"):
        HuggingFace("owner/set", loader=lambda *what: [{"question": "?", "label": "18"}])
    with pytest.raises(DataError, match="no question column"):
        ModelScope("owner/set", loader=lambda *what: [{"answer": "18"}])


def test_a_hub_that_fails_is_one_line() -> None:
    def offline(*what: Any) -> Iterable[Mapping[str, Any]]:
        raise OSError("no\nnetwork")

    with pytest.raises(DataError) as caught:
        HuggingFace("owner/set::part", split="train", loader=offline)
    assert str(caught.value) == "cannot load owner/set::part, split 'train': no network"
    with pytest.raises(DataError, match="holds no rows"):
        ModelScope("owner/set", loader=lambda *what: [])


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "modelscope", None)
    with pytest.raises(MissingExtraError, match="pip install modelscope"):
        ModelScope("owner/set")


def test_a_local_file_and_a_name_without_repository(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"problem": "?", "solution": "3"}\n')
    assert HuggingFace("owner/set", path=str(file))[0].answer == "3"
    with pytest.raises(ConfigError, match="needs a repository"):
        HuggingFace("::part")
