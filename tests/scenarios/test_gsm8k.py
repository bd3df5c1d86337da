from pathlib import Path

import pytest

from tracer_env.errors import ConfigError, DataError
from tracer_env.scenarios.gsm8k import GSM8K
from tracer_env.types import Grade

DATA = Path(__file__).parents[3] / "shared" / "data" / "gsm8k"
ROW = {"question": "9 * 2?", "answer": "It is <<9*2=18>>18 or <<18*100=1800>>1800\n#### 1,800"}


def test_a_row_becomes_a_task() -> None:
    scenario = GSM8K(loader=lambda repository, configuration, split: [ROW])
    (task,) = scenario
    assert (task.id, task.question, task.answer, task.kind) == ("gsm8k-test-000000", "9 * 2?", "1,800", "number")
    assert (task.difficulty, task.scenario) == (0.25, "gsm8k")
    assert scenario.grade("Final answer: 1800.0", task) is Grade.CORRECT


def test_the_hub_is_asked_for_the_main_configuration() -> None:
    asked = []
    GSM8K(split="train", loader=lambda *what: asked.append(what) or [ROW])
    assert asked == [("openai/gsm8k", "main", "train")]


def test_wrong_splits_limits_and_rows() -> None:
    with pytest.raises(ConfigError, match="'gsm8k' has no split 'tset'; did you mean 'test'"):
        GSM8K(split="tset")
    with pytest.raises(ConfigError, match="limit must be at least 1"):
        GSM8K(limit=0)
    with pytest.raises(DataError, match="test row 1: the field 'answer' has no line '#### <number>'"):
        GSM8K(loader=lambda *what: [ROW, {"question": "?", "answer": "18"}])


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the GSM8K files")
@pytest.mark.parametrize(("split", "rows"), [("train", 5998), ("tune", 1475), ("test", 660)])
def test_every_solution_earns_its_own_gold_answer(split: str, rows: int) -> None:
    scenario = GSM8K(path=str(DATA), split=split)
    assert len(scenario) == rows
    assert all(scenario.grade(task.metadata["solution"], task) is Grade.CORRECT for task in scenario)
    assert len(GSM8K(path=str(DATA), split=split, limit=20)) == 20


def test_a_comma_without_quotes_does_not_become_another_answer(tmp_path: Path) -> None:
    file = tmp_path / "test.csv"
    file.write_text("question,answer\nHow many?,It is so. #### 1,234\n")
    with pytest.raises(DataError, match=r"line 2: 3 fields under a header of 2 \(question, answer\)"):
        GSM8K(str(file))
    file.write_text('question,answer\nHow many?,"It is so. #### 1,234"\n')
    assert GSM8K(str(file))[0].answer == "1,234"
