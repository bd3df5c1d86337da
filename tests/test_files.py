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
        ({"question": "?", "answer": [1]}, "the field 'answer' must be text, got list"),
        ({"question": "?", "answer": True}, "the field 'answer' must be text, got bool"),
        ({"question": "?", "answer": "1", "kind": "numbr"}, "the field 'kind' is 'numbr'; did you mean 'number'"),
        (
            {"question": "?", "answer": "1", "difficulty": 3},
            "the field 'difficulty' must be a number from 0 to 1, got 3",
        ),
        ({"question": "?", "answer": "1", "dificulty": 1}, "unknown field 'dificulty'; did you mean 'difficulty'"),
        ({"question": "?", "answer": "1", "options": "x"}, "the field 'options' must be a list"),
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
