import re

import pytest

from tracer_env.randomness import stream
from tracer_env.scenarios.word_problems import LEVELS, Dice, Problem


def test_dice_stay_in_range_and_are_numbered() -> None:
    dice = Dice(stream(0, "dice"), 0)
    numbers = [dice.between(3, 5) for _ in range(300)]
    assert set(numbers) == {3, 4, 5}
    again = Dice(stream(0, "dice"), 0)
    assert [again.between(3, 5) for _ in range(300)] == numbers
    other = Dice(stream(0, "dice"), 1)
    assert [other.between(3, 5) for _ in range(300)] != numbers


def test_two_names_differ() -> None:
    dice = Dice(stream(0, "names"), 0)
    assert all(len(set(dice.names())) == 2 for _ in range(500))


@pytest.mark.parametrize("problem", [problem for level in LEVELS.values() for problem in level])
def test_answers_are_whole_and_not_negative(problem: Problem) -> None:
    for index in range(200):
        question, answer = problem(Dice(stream(7, f"{index}"), 0))
        assert question.endswith("?")
        assert isinstance(answer, int)
        assert 0 <= answer < 100_000


@pytest.mark.parametrize("problem", LEVELS[1])
def test_level_one_is_one_sum_below_forty(problem: Problem) -> None:
    for index in range(200):
        question, answer = problem(Dice(stream(7, f"{index}"), 0))
        numbers = [int(text) for text in re.findall(r"\d+", question)]
        assert len(numbers) == 2
        assert sum(numbers) == answer < 40
