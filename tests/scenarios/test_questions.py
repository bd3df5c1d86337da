"""Your own questions by their file: kinds found from gold answers, and a split where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tracer_env
from tracer_env.errors import ConfigError, DataError
from tracer_env.parts.casting import make_scenario
from tracer_env.rules import Rules, initial
from tracer_env.scenarios.questions import Questions, found_kind
from tracer_env.scenarios.rows import Row
from tracer_env.types import Grade

EXAMPLE = Path(__file__).parents[2] / "examples" / "questions.jsonl"
SUMS = [{"question": f"{n} + {n}?", "answer": str(2 * n)} for n in range(40)]


def write(folder: Path, rows: list[dict[str, object]], name: str = "q.jsonl") -> str:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("gold", "kind"),
    [
        *(
            (gold, "number")
            for gold in ("18", "-0.5", "1,000", "$5.00", "50%", "1/2", "Sold 2.\n#### 18", "3e5", " 7 ")
        ),
        *((gold, "choice") for gold in ("A", "J", "(B)", "(b)", "C.", "D)", "[A]")),
        *((gold, "math") for gold in (r"\frac{1}{2}", "3x^2 + 2", "(1, 2)", r"So \boxed{5}", "$x$", "2*pi", "x + 3")),
        *((gold, "text") for gold in ("yes", "Paris", "K", "x", "7 apples", "2024-05-01", "B or C", "a (small) one")),
    ],
)
def test_the_kind_is_found_from_the_gold_answer(gold: str, kind: str) -> None:
    assert found_kind(Row("q line 1", {"question": "?", "answer": gold})) == kind


def test_what_a_row_says_itself_comes_first(tmp_path: Path) -> None:
    row = Row("q line 1", {"question": "?", "answer": "18", "kind": "text"})
    assert found_kind(row) == "text"
    assert found_kind(Row("q line 1", {"question": "?", "answer": "1", "options": ["2", "1"]})) == "choice"
    assert {task.kind for task in Questions(write(tmp_path, SUMS), kind="text")} == {"text"}


def test_a_file_of_several_kinds_grades_each_by_its_own() -> None:
    whole = Questions(str(EXAMPLE), train_share=0)
    assert (whole.kind, len(whole)) == ("mixed", 10)
    said = {
        **{"eggs": "210", "fence": "16 posts", "discount": "54.00", "half-hours": "2", "metal": "B", "orbit": "(c)"},
        **{"prime": "No.", "capital": "ottawa", "derivative": "2 + 3x^2", "diagonal": r"\sqrt{18}"},
    }
    for task in whole:
        assert whole.grade(f"Final answer: {said[task.id]}", task) is Grade.CORRECT, task.id
        assert whole.grade("Final answer: 17", task) is not Grade.CORRECT
        answer = whole.reading(initial(task, Rules())).extract(f"Final answer: {said[task.id]}").answer
        assert answer is not None, task.id


def test_a_file_is_divided_and_nothing_is_on_both_sides(tmp_path: Path) -> None:
    file = write(tmp_path, SUMS)
    parts = {split: list(Questions(file, split=split)) for split in ("train", "tune", "test")}
    ids = {split: {task.id for task in tasks} for split, tasks in parts.items()}
    assert len(ids["test"]) == 20
    assert ids["train"] | ids["tune"] | ids["test"] == {f"{n:06d}" for n in range(40)}
    assert not ids["train"] & ids["tune"] | (ids["train"] | ids["tune"]) & ids["test"]
    again = write(tmp_path, SUMS[::-1], "turned.jsonl")
    assert {task.question for task in Questions(again)} == {task.question for task in parts["test"]}
    assert len(Questions(file, train_share=0.9)) == 4
    assert len(Questions(file, train_share=0.0)) == 40


def test_a_question_that_stands_twice_is_on_one_side(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{**row, "id": f"{n}-{again}"} for n, row in enumerate(SUMS) for again in (1, 2)]
    file = write(tmp_path, rows)
    sides = [{task.question for task in Questions(file, split=split)} for split in ("train", "tune", "test")]
    assert not sides[2] & (sides[0] | sides[1])


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_handful_has_both_sides(count: int, tmp_path: Path) -> None:
    file = write(tmp_path, SUMS[:count])
    for share in (0.01, 0.5, 0.99):
        tests, trains = Questions(file, train_share=share), Questions(file, split="train", train_share=share)
        assert 0 < len(tests) < count
        assert 0 < len(trains) <= count - len(tests)  # one of them may be kept for choosing


def test_what_was_found_is_said(tmp_path: Path) -> None:
    kinds = "4 numbers, 2 letters, 2 formulas, 1 yes or no, 1 text"
    told = f"answers: {kinds}; all 10 questions of {EXAMPLE} test, none train"
    assert Questions(str(EXAMPLE), train_share=0).told == told
    assert "40 numbers" not in Questions(write(tmp_path, SUMS)).told
    assert "has no train split, so 50% of its questions train" in Questions(write(tmp_path, SUMS)).told


def test_a_folder_has_its_own_splits(tmp_path: Path) -> None:
    write(tmp_path, SUMS[:30], "train.jsonl")
    write(tmp_path, SUMS[30:], "test.jsonl")
    assert [task.question for task in Questions(str(tmp_path))] == [row["question"] for row in SUMS[30:]]
    assert Questions(str(tmp_path)).told == "answers: 10 numbers"
    assert len(Questions(str(tmp_path), split="train")) + len(Questions(str(tmp_path), split="tune")) == 30


def test_other_names_of_columns(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text('problem,solution,answer,level\n"1 + 1?",count,2,3\n', encoding="utf-8")
    (task,) = Questions(str(tmp_path / "q.csv"), train_share=0)
    assert (task.question, task.answer, task.kind) == ("1 + 1?", "2", "number")
    assert task.metadata == {"solution": "count", "level": "3"}
    (tmp_path / "r.csv").write_text("prompt,target\nCapital of Canada?,Ottawa\n", encoding="utf-8")
    (task,) = Questions(str(tmp_path / "r.csv"), train_share=0)
    assert (task.question, task.answer, task.kind) == ("Capital of Canada?", "Ottawa", "text")


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"split": "dev"}, ConfigError, "has no split 'dev'"),
        ({"train_share": 1.0}, ConfigError, "train_share must be at least 0.0 and below 1.0|train_share must lie in"),
        ({"kind": "numbre"}, tracer_env.errors.UnknownNameError, "did you mean 'number'"),
        ({"split": "train", "train_share": 0}, ConfigError, "nothing for the split 'train': train_share is 0"),
        ({"path": "x"}, ConfigError, "leave out the path option"),
    ],
)
def test_impossible_settings(settings: dict[str, object], error: type[Exception], words: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=words):
        Questions(write(tmp_path, SUMS), **settings)


def test_bad_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"q\.jsonl line 2: the field 'question' is missing"):
        Questions(write(tmp_path, [SUMS[0], {"answer": "3"}]))
    twice = [{**row, "id": "a"} for row in SUMS[:4]]
    for split in ("train", "test"):
        with pytest.raises(DataError, match=r"q\.jsonl line 2: the field 'id' repeats 'a' of .*q\.jsonl line 1"):
            Questions(write(tmp_path, twice), split=split)
    with pytest.raises(ConfigError, match="nothing for the split 'train': it holds one question"):
        Questions(write(tmp_path, SUMS[:1]), split="train")
    assert len(Questions(write(tmp_path, SUMS[:1]))) == 1


def test_a_file_is_a_scenario_by_its_name(tmp_path: Path) -> None:
    file = write(tmp_path, SUMS)
    assert make_scenario(file).name == file
    assert len(make_scenario(file, train_share=0.25)) == 30
    assert len(make_scenario(str(EXAMPLE), split="train")) < 10
    write(tmp_path, SUMS[:4], "train.jsonl")
    write(tmp_path, SUMS[4:8], "test.jsonl")
    assert len(make_scenario(str(tmp_path))) == 4
