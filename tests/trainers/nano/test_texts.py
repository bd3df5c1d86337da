from __future__ import annotations

import numpy as np
import pytest

from tracer_env.scenarios.arithmetic import Arithmetic
from tracer_env.trainers.nano.texts import (
    Step,
    computed,
    forgetful,
    lesson,
    miscalculated,
    mistake,
    review,
    solution,
    steps,
)
from tracer_env.types import Role, Task

BUS = Task("bus", "A bus carries 50 people. At a stop 12 get off and 7 get on. How many are on the bus now?", "45")
WAY = (Step(50, "-", 12, 38), Step(38, "+", 7, 45))


def test_the_steps_are_the_only_way_to_the_answer() -> None:
    assert steps(BUS) == WAY
    assert steps(Task("sum", "Ada has 27 apples and finds 12 more. How many?", "39")) == (Step(27, "+", 12, 39),)
    assert steps(Task("wares", "3 packs of 5 and 2 more", "17")) == (Step(3, "*", 5, 15), Step(15, "+", 2, 17))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("10 and 4 and 4", "10"),  # 10 + 4 - 4 and 10 - 4 + 4
        ("2 and 2", "4"),  # a sum and a product
        ("27 and 12", "40"),
        ("no number", "1"),
        ("1 and 2 and 3 and 4", "10"),
    ],
)
def test_a_question_without_one_clear_way_has_no_steps(question: str, answer: str) -> None:
    assert steps(Task("t", question, answer)) == ()


def test_texts_by_hand() -> None:
    assert solution(WAY) == "50 - 12 = 38\n38 + 7 = 45\nFinal answer: 45"
    assert review(WAY, True) == "RIGHT. 50 - 12 = 38. 38 + 7 = 45"
    assert review(WAY[:1], False) == "WRONG. 50 - 12 = 38"


def test_a_mistake_changes_the_answer_and_stays_above_zero() -> None:
    rng = np.random.default_rng(0)
    way, kinds = (Step(27, "+", 12, 39),), set()
    for _ in range(300):
        (wrong,) = mistake(way, rng)
        assert wrong.result != 39
        assert wrong.result >= 0
        kinds.add(str(wrong))
    assert kinds >= {"27 + 12 = 38", "27 + 12 = 40", "27 + 12 = 29", "27 + 12 = 49", "27 - 12 = 15"}
    assert kinds >= {"27 + 13 = 40", "27 + 11 = 38", "27 + 22 = 49", "27 + 2 = 29"}


def test_a_mistake_is_carried_on() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        first, second = mistake(WAY, rng)
        assert second.left == first.result


def test_lessons_fit_their_task() -> None:
    rng = np.random.default_rng(2)
    drawn = [lesson(BUS, WAY, rng) for _ in range(2000)]
    proposals = [one for one in drawn if one.role is Role.PROPOSER]
    reviews = [one for one in drawn if one.role is Role.REVIEWER]
    assert 0.45 < len(reviews) / len(drawn) < 0.55
    assert all(one.prompt.startswith(BUS.question) for one in drawn)
    misjudged = 0
    for one in reviews:
        assert one.prompt == f"{BUS.question}\n{solution(one.pending)}"
        correct = one.pending == WAY
        misjudged += one.reply.startswith("RIGHT") != correct
        if one.reply.startswith("RIGHT"):
            assert one.reply == review(one.pending, True)
    assert 0.15 < misjudged / len(reviews) < 0.27  # 38 + 7 invites the habit, half of the wrong ones have it
    first = [one for one in proposals if one.prompt.endswith("+0 ")]
    assert all(one.pending == () for one in first)
    wrong = sum(not one.reply.endswith("Final answer: 45") for one in first)
    assert 0.65 < wrong / len(first) < 0.8
    mended = [one for one in proposals if "\n-1 " in one.prompt and not one.prompt.endswith("Final answer: 45")]
    wrong = sum(not one.reply.endswith("Final answer: 45") for one in mended)
    assert wrong / len(mended) < 0.12


def test_a_ten_is_forgotten_where_seven_or_more_crosses_it() -> None:
    assert forgetful((Step(27, "+", 18, 45),)) == (Step(27, "+", 18, 35),)
    assert forgetful((Step(31, "-", 7, 24),)) == (Step(31, "-", 7, 34),)
    assert forgetful((Step(27, "+", 16, 43),)) == ()  # six is no such number
    assert forgetful((Step(21, "+", 18, 39),)) == ()  # no ten to carry
    assert forgetful((Step(5, "*", 8, 40),)) == ()
    assert forgetful((Step(50, "-", 8, 42), Step(42, "+", 3, 45))) == (Step(50, "-", 8, 52), Step(52, "+", 3, 55))


def test_the_habit_shows_in_proposals_and_reviews() -> None:
    task, way = Task("sum", "Ada has 27 apples and finds 18 more. How many?", "45"), (Step(27, "+", 18, 45),)
    rng = np.random.default_rng(3)
    drawn = [lesson(task, way, rng) for _ in range(3000)]
    first = [one.reply for one in drawn if one.role is Role.PROPOSER and not one.pending]
    assert 0.6 < sum("= 35" in reply for reply in first) / len(first) < 0.75
    passed = [one.reply for one in drawn if one.role is Role.REVIEWER and one.pending == forgetful(way)]
    assert 0.4 < sum(reply.startswith("RIGHT") for reply in passed) / len(passed) < 0.55
    told = [one.reply for one in drawn if one.role is Role.PROPOSER and "\n-1 " in one.prompt and one.pending != way]
    assert sum("= 45" in reply for reply in told) / len(told) > 0.88


def test_a_line_that_is_wrong_by_itself() -> None:
    rng = np.random.default_rng(4)
    step = Step(27, "+", 12, 39)
    assert {miscalculated(step, rng).result for _ in range(100)} == {29, 38, 40, 49}
    assert {miscalculated(Step(3, "+", 1, 4), rng).result for _ in range(100)} == {3, 5, 14}
    assert computed(Step(27, "+", 12, 99)) == step
    assert computed(Step(27, "-", 12, 99)).result == 15


def test_nearly_every_question_of_the_first_three_levels_has_steps() -> None:
    for level in (1, 2, 3):
        ways = [steps(task) for task in Arithmetic(split="train", level=level, size=300)]
        assert sum(map(bool, ways)) > 285
