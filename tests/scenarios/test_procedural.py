import pytest

from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.interfaces import Scenario
from tracer_env.scenarios.procedural import ReasoningGym
from tracer_env.types import Grade

pytest.importorskip("reasoning_gym")


def test_its_own_scorer_grades() -> None:
    scenario = ReasoningGym("chain_sum", limit=5)
    assert isinstance(scenario, Scenario)
    assert len(scenario) == len(list(scenario)) == 5
    task = scenario[0]
    assert task.id == "reasoning-gym:chain_sum-test-000000"
    assert scenario.grade(f"Let me see.\nFinal answer: {task.answer}", task) is Grade.CORRECT
    assert scenario.grade(f"Let me see.\n{task.answer}", task) is Grade.CORRECT
    assert scenario.grade("Final answer: 123456789", task) is Grade.WRONG
    assert scenario.grade(" ", task) is Grade.UNPARSABLE


def test_answers_of_several_lines_are_taken_whole() -> None:
    scenario = ReasoningGym("mini_sudoku", limit=1)
    task = scenario[0]
    assert task.answer.count("\n") == 3
    assert scenario.grade(f"I did it.\nFinal answer:\n{task.answer}\n", task) is Grade.CORRECT
    assert scenario.grade(f"I did it.\n{task.answer}", task) is Grade.CORRECT


def test_marks_at_the_head_of_an_answer_are_kept() -> None:
    (task,) = scenario = ReasoningGym("n_queens", limit=1)
    assert "_" in task.answer
    assert scenario.grade(f"**Final answer:**\n{task.answer}", task) is Grade.CORRECT


def test_splits_and_seeds_differ_and_repeat() -> None:
    def questions(**settings: object) -> list[str]:
        return [task.question for task in ReasoningGym("chain_sum", limit=20, **settings)]  # type: ignore[arg-type]

    assert questions() == questions()
    assert not set(questions()) & set(questions(split="train"))
    assert questions() != questions(seed=1)
    assert (len(ReasoningGym("chain_sum")), len(ReasoningGym("chain_sum", split="train"))) == (1_000, 10_000)


def test_wrong_names_and_settings() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'chain_sum'"):
        ReasoningGym("chainsum")
    with pytest.raises(ConfigError, match="did you mean 'test'"):
        ReasoningGym("chain_sum", split="tset")
    with pytest.raises(ConfigError, match="takes no path"):
        ReasoningGym("chain_sum", path="x")


def test_a_dataset_that_refuses_to_be_made_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"reasoning-gym:composite cannot be made without settings.*AssertionError"):
        ReasoningGym("composite")
