import json
import time
from pathlib import Path

import pytest

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Scenario
from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.types import Grade

GOLDEN = Path(__file__).parent / "golden" / "arithmetic.jsonl"


def test_the_first_tasks_are_these_to_the_byte() -> None:
    rows = [
        {"id": t.id, "question": t.question, "answer": t.answer, "difficulty": t.difficulty}
        for t in Arithmetic(limit=5)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_it_is_a_scenario_that_grades() -> None:
    scenario = Arithmetic()
    assert isinstance(scenario, Scenario)
    task = scenario[17]
    assert task.id == "arithmetic-test-000017"
    assert task.scenario == "arithmetic"
    assert scenario.grade(f"Final answer: {task.answer}", task) is Grade.CORRECT
    assert scenario.grade(f"Final answer: {int(task.answer) + 1}", task) is Grade.WRONG
    assert scenario.grade("hm", task) is Grade.UNPARSABLE
    assert scenario.extract("Final answer: 4").answer == "4"
    assert scenario.same("4", "4.0")


def test_sizes_limits_and_order() -> None:
    assert (len(Arithmetic()), len(Arithmetic(split="train")), len(Arithmetic(size=20_000))) == (1_000, 10_000, 20_000)
    few = Arithmetic(limit=7)
    assert list(few) == list(Arithmetic())[:7]
    assert few[-1] == few[6]
    with pytest.raises(IndexError):
        few[7]


def test_levels_take_turns_or_are_fixed() -> None:
    assert [task.difficulty for task in Arithmetic(limit=6)] == [0.1, 0.3, 0.5, 0.7, 0.9, 0.1]
    assert {task.difficulty for task in Arithmetic(level=5, limit=20)} == {0.9}


def test_the_seed_decides_and_nothing_else() -> None:
    backwards = Arithmetic(seed=3)
    reverse = [backwards[index] for index in range(99, -1, -1)]
    assert reverse[::-1] == list(Arithmetic(seed=3, limit=100))
    assert [t.question for t in Arithmetic(seed=4, limit=9)] != [t.question for t in Arithmetic(seed=3, limit=9)]


def test_train_and_test_share_no_question_under_any_seed() -> None:
    test = {task.question for seed in range(3) for task in Arithmetic(seed=seed)}
    train = {task.question for seed in range(2) for task in Arithmetic(split="train", seed=seed, limit=3_000)}
    assert not test & train


def test_it_is_made_quickly() -> None:
    start = time.process_time()
    assert len(list(Arithmetic())) == 1_000
    assert time.process_time() - start < 3.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "trian"}, "has no split 'trian'; did you mean 'train'"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"level": 6}, "level must be one of 1, 2, 3, 4, 5, got 6"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"path": "x.jsonl"}, "takes no path"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Arithmetic(**settings)  # type: ignore[arg-type]
