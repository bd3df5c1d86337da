import csv
from pathlib import Path

import pytest

from tracer_env.errors import DataError
from tracer_env.scenarios.gpqa import GPQADiamond
from tracer_env.types import Grade

COLUMNS = ("Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def row(number: int) -> dict[str, str]:
    return dict(zip(COLUMNS, (f"Question {number}?", "gold", "tin", "iron", "lead"), strict=True))


def test_options_are_lettered_and_the_gold_letter_names_the_correct_one() -> None:
    scenario = GPQADiamond(loader=lambda *what: [row(number) for number in range(200)])
    for task in scenario:
        assert sorted(task.options) == ["gold", "iron", "lead", "tin"]
        assert task.options["ABCD".index(task.answer)] == "gold"
        assert task.question.splitlines()[2:] == [f"{a}) {b}" for a, b in zip("ABCD", task.options, strict=True)]
    letters = [task.answer for task in scenario]
    assert all(30 <= letters.count(letter) <= 70 for letter in "ABCD")


def test_the_order_hangs_on_the_question_alone() -> None:
    one = GPQADiamond(seed=1, loader=lambda *what: [row(5)])
    other = GPQADiamond(seed=2, loader=lambda *what: [row(4), row(5)])
    assert one[0].question == other[1].question
    assert one[0].answer == other[1].answer


def test_the_authors_csv_is_read(tmp_path: Path) -> None:
    file = tmp_path / "gpqa_diamond.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerow({**row(1), "Question": "Two\nlines?"})
    scenario = GPQADiamond(path=str(file))
    assert scenario[0].id == "gpqa-diamond-test-000000"
    assert scenario.grade(f"Final answer: ({scenario[0].answer})", scenario[0]) is Grade.CORRECT


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="row 0: the field 'Incorrect Answer 3' is missing"):
        GPQADiamond(loader=lambda *what: [{k: v for k, v in row(1).items() if k != "Incorrect Answer 3"}])
