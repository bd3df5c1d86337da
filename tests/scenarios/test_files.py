import json
from pathlib import Path

import pytest

from tracer_env.errors import ConfigError, DataError
from tracer_env.scenarios.files import JSONL
from tracer_env.types import Grade


def write(folder: Path, *rows: object) -> str:
    file = folder / "tasks.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def test_rows_become_tasks(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {"question": "9 * 2?", "answer": 18},
        {"id": "half", "question": "1 / 2?", "answer": "0.5", "difficulty": 1, "source": "me"},
    )
    scenario = JSONL(file)
    assert [task.id for task in scenario] == ["000000", "half"]
    assert [task.answer for task in scenario] == ["18", "0.5"]
    assert [task.difficulty for task in scenario] == [0.5, 1.0]
    assert scenario[1].metadata == {"source": "me"}
    assert scenario[1].scenario == scenario.name == f"jsonl:{file}"
    assert scenario.grade("A: 1/2", scenario[1]) is Grade.CORRECT
    assert len(JSONL(file, limit=1)) == 1


def test_options_are_put_below_the_question(tmp_path: Path) -> None:
    file = write(tmp_path, {"question": "Which?", "answer": "B", "kind": "choice", "options": ["x", "y"]})
    (task,) = JSONL(file)
    assert (task.question, task.options) == ("Which?\n\nA) x\nB) y", ("x", "y"))


GOOD = {"id": "a", "question": "?", "answer": "1"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "?"}, "the field 'answer' is missing"),
        ({"answer": "1"}, "the field 'question' is missing"),
        ({**GOOD}, "the field 'id' repeats 'a' of .* line 1"),
        ({**GOOD, "id": ""}, "the field 'id' is empty"),
        ({"question": "?", "answer": "many"}, "the field 'answer' holds 'many', which is no answer of kind 'number'"),
        ({"question": "?", "answer": [1]}, "the field 'answer' must be text, got a list"),
        ({"question": "?", "answer": True}, "the field 'answer' must be text, got true"),
        ({"question": "?", "answer": "1", "kind": "numbr"}, "the field 'kind' is 'numbr'; did you mean 'number'"),
        (
            {"question": "?", "answer": "1", "difficulty": 3},
            "the field 'difficulty' must be a number from 0 to 1, got 3",
        ),
        ({"question": "?", "answer": "1", "dificulty": 1}, "unknown field 'dificulty'; did you mean 'difficulty'"),
        ({"question": "?", "answer": "1", "options": "x"}, "the field 'options' must be a list"),
        ({"question": "?", "answer": None}, "the field 'answer' is null"),
        ({"question": None, "answer": "1"}, "the field 'question' is null"),
        ({"question": " ", "answer": "1"}, "the field 'question' is empty"),
        ({"question": "?", "answer": "1", "difficulty": None}, "the field 'difficulty' is null"),
        ({"question": "?", "answer": "1", "difficulty": "hard"}, "the field 'difficulty' must be a number from 0 to 1"),
        ({"question": "?", "answer": "1", "id": ["a"]}, "the field 'id' must be text, got a list"),
        ({"question": "?", "answer": "1", "notes": ["\ud800"]}, "the field 'notes' holds half of a surrogate pair"),
        ({"question": "?", "answer": "1", "options": ["x", "y"], "kind": "chioce"}, "the field 'kind' is 'chioce'"),
        ({"question": "?", "answer": "D", "options": ["x", "y"]}, "the field 'answer' is 'D', which is none of the 2"),
        ({"question": "?", "answer": 2, "choices": ["x", "y"]}, "the field 'answer' is 2, which is none of the 2"),
    ],
)
def test_bad_rows_are_named_with_path_line_and_field(tmp_path: Path, row: dict[str, object], message: str) -> None:
    file = write(tmp_path, GOOD, row)
    with pytest.raises(DataError, match=rf"tasks\.jsonl line 2: {message}"):
        JSONL(file)


def test_a_file_is_the_test_split_and_a_folder_has_both(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match="name a folder that holds train"):
        JSONL(file, split="train")
    (tmp_path / "train.jsonl").write_text(json.dumps(GOOD))
    assert len(JSONL(str(tmp_path), split="train")) == 1
    with pytest.raises(DataError, match="cannot read"):
        JSONL(str(tmp_path))
    with pytest.raises(ConfigError, match="has no split 'tets'; did you mean 'test'"):
        JSONL(file, split="tets")
    with pytest.raises(ConfigError, match="leave out the path option"):
        JSONL(file, path=file)


def test_rows_with_options_are_choices(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {"question": "Which?", "answer": 1, "choices": ["iron", "tin"], "subject": "metals"},
        {"question": "And?", "answer": "A", "options": ["lead", "gold"], "label": "easy"},
        {"question": "Or?", "answerKey": "2", "choices": {"text": ["7", "8"], "label": ["1", "2"]}},
    )
    scenario = JSONL(file)
    assert [(task.kind, task.answer, task.options) for task in scenario] == [
        ("choice", "B", ("iron", "tin")),
        ("choice", "A", ("lead", "gold")),
        ("choice", "B", ("7", "8")),
    ]
    assert scenario[0].question == "Which?\n\nA) iron\nB) tin"
    assert [task.metadata for task in scenario] == [{"subject": "metals"}, {"label": "easy"}, {}]
    assert scenario.grade("Final answer: B", scenario[0]) is Grade.CORRECT


def test_options_beside_an_answer_of_another_kind(tmp_path: Path) -> None:
    (task,) = JSONL(write(tmp_path, {"question": "9 * 2?", "answer": 18, "kind": "number", "options": ["17", "18"]}))
    assert (task.kind, task.answer, task.question) == ("number", "18", "9 * 2?\n\nA) 17\nB) 18")


def test_a_csv_holds_the_same(tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    file.write_text(
        'question,answer,difficulty,choices\n"Which, then?",1,0.7,"[""iron"", ""tin""]"\nAnd?,B,,"[""x"", ""y""]"\n'
    )
    first, second = JSONL(str(file))
    assert (first.question, first.answer, first.difficulty) == ("Which, then?\n\nA) iron\nB) tin", "B", 0.7)
    assert (second.answer, second.difficulty) == ("B", 0.5)
    file.write_text("question,A,B,C,answer\nWhich?,iron,tin,lead,C\n")
    assert [(task.answer, task.options) for task in JSONL(str(file))] == [("C", ("iron", "tin", "lead"))]
    file.write_text("question,answer\nHow many?,1,234\n")
    with pytest.raises(DataError, match=r"tasks\.csv line 2: 3 fields under a header of 2"):
        JSONL(str(file))
