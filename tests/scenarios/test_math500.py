from pathlib import Path

import pytest

from tracer_env.errors import ConfigError, DataError
from tracer_env.scenarios.math500 import MATH500
from tracer_env.types import Grade

DATA = Path(__file__).parents[3] / "shared" / "data" / "math500" / "test.jsonl"
ROW = {
    "problem": "Halve 1.",
    "solution": "So $\\boxed{\\frac12}$.",
    "answer": "\\frac12",
    "subject": "Algebra",
    "level": 2,
    "unique_id": "test/1",
}


def test_a_row_becomes_a_task() -> None:
    scenario = MATH500(loader=lambda *what: [ROW])
    (task,) = scenario
    assert (task.id, task.answer, task.kind, task.difficulty) == ("math500-test-000000", "\\frac12", "math", 0.3)
    assert task.metadata["subject"] == "Algebra"
    assert scenario.grade("\\boxed{0.5}", task) is Grade.CORRECT
    assert scenario.grade(ROW["solution"], task) is Grade.CORRECT
    assert scenario.same("0.5", "\\frac{1}{2}")


def test_there_is_one_split_and_five_levels() -> None:
    with pytest.raises(ConfigError, match="'math500' has no split 'train'; choose one of: test"):
        MATH500(split="train")
    with pytest.raises(DataError, match="the field 'level' must be a whole number from 1 to 5, got 6"):
        MATH500(loader=lambda *what: [{**ROW, "level": 6}])


@pytest.mark.skipif(not DATA.is_file(), reason="needs the MATH-500 file")
def test_every_solution_earns_its_own_gold_answer() -> None:
    scenario = MATH500(path=str(DATA))
    assert len(scenario) == 500
    assert all(scenario.grade(task.metadata["solution"], task) is Grade.CORRECT for task in scenario)
    assert scenario.grade(f"\\boxed{{{scenario[0].answer}}}", scenario[1]) is Grade.WRONG


def test_a_csv_spells_its_levels(tmp_path: Path) -> None:
    file = tmp_path / "test.csv"
    file.write_text('problem,answer,level\n"Sum, of 1 and 1?",2,3\nOne?,\\frac{1}{2},5\n')
    scenario = MATH500(str(file))
    assert [(task.difficulty, task.metadata["level"]) for task in scenario] == [(0.5, 3), (0.9, 5)]
    file.write_text("problem,answer,level\nOne?,2,hard\n")
    with pytest.raises(DataError, match=r"line 2: the field 'level' must be a whole number from 1 to 5, got 'hard'"):
        MATH500(str(file))
