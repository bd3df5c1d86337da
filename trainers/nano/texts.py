"""What `nano` reads in its schooling: worked solutions, realistic mistakes, and the reviews of both.

    Ada has 27 apples and finds 12 more. ...     steps      27 + 12 = 39
                                                 solution   27 + 12 = 39 / Final answer: 39
                                                 mistake    27 + 12 = 49 / Final answer: 49
                                                 review     WRONG. 27 + 12 = 39

The steps of a question are found, not told: its numbers are folded from left to right with +, - and *, and
the one way that gives the gold answer is the solution. A question with no such way or with several is left out.

A `Lesson` is a prompt, as the speaker would send it, and the reply to learn: a first proposal, a proposal after
a review, or a review. Some of the texts to learn are wrong, so that the pupil is wrong too, in two ways:

    by chance       any slip, in a share of the texts whatever the question: gone when the likeliest token is taken
    by a habit      where 7, 8 or 9 is added or taken away and a ten has to be carried or borrowed, most texts forget
                    the ten, and two reviews in five pass it: wrong also when the likeliest token is taken

The sums of the drills and the proposals after a WRONG are free of the habit: the pupil could know better.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from tracer_env.agents.speakers.models.nano import PROPOSER_PROMPT, REVIEWER_PROMPT
from tracer_env.types import Role, Task

__all__ = [
    "FIRST_MISTAKES",
    "Lesson",
    "Step",
    "computed",
    "forgetful",
    "lesson",
    "miscalculated",
    "mistake",
    "review",
    "solution",
    "steps",
]

FIRST_MISTAKES = 0.25
"""The share of first proposals to learn that hold a mistake by chance."""
_HABIT = 0.65
"""Where a ten is easily forgotten: the share of first proposals that forget it."""
_PASSED = 0.4
"""The share of reviews that pass a ten forgotten so."""
_MISJUDGED = 0.12
"""The share of reviews to learn that hold the wrong verdict by chance."""
_MENDED_MISTAKES = 0.05
_DOUBTED_MISTAKES = 0.3
_NUMBER = re.compile(r"\d+")


class Step(NamedTuple):
    """One line of a worked solution: ``left operator right = result``; the result may be a mistake."""

    left: int
    operator: str
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right} = {self.result}"


class Lesson(NamedTuple):
    """One training text: the prompt of a role and the reply to it."""

    role: Role
    prompt: str
    reply: str
    pending: tuple[Step, ...] = ()
    """The proposal that the prompt shows."""


def steps(task: Task) -> tuple[Step, ...]:
    """Return the only left-to-right way from the numbers of the question to its answer, () if there is no such."""
    numbers = [int(found) for found in _NUMBER.findall(task.question)]
    if not 2 <= len(numbers) <= 3:
        return ()
    ways = []
    for operators in product("+-*", repeat=len(numbers) - 1):
        way = _fold(numbers, operators)
        if str(way[-1].result) == task.answer:
            ways.append(way)
    return ways[0] if len(ways) == 1 else ()


def solution(way: Sequence[Step]) -> str:
    """Write the steps and the final answer line."""
    return "\n".join([*map(str, way), f"Final answer: {way[-1].result}"])


def review(way: Sequence[Step], right: bool) -> str:
    """Write a review whose reason is the true way."""
    return f"{'RIGHT' if right else 'WRONG'}. {'. '.join(map(str, way))}"


def mistake(way: Sequence[Step], rng: np.random.Generator) -> tuple[Step, ...]:
    """Return the way with one slip at one step and what follows from it; its answer is another one.

    A slip is a result that is off by one or by ten, another operator, or an operand misread in one digit.
    """
    while True:
        at = int(rng.integers(len(way)))
        wrong = [*way[:at], _slip(way[at], rng)]
        for step in way[at + 1 :]:
            wrong.append(_step(wrong[-1].result, step.operator, step.right))
        if wrong[-1].result != way[-1].result and min(step.result for step in wrong) >= 0:
            return tuple(wrong)


def forgetful(way: Sequence[Step]) -> tuple[Step, ...]:
    """Return the way with its first easily forgotten ten forgotten, () where there is none."""
    for at, step in enumerate(way):
        units, ten = step.left % 10, 10 if step.operator == "+" else -10
        crosses = units + step.right % 10 > 9 if step.operator == "+" else units < step.right % 10
        if step.operator != "*" and step.right % 10 >= 7 and crosses:
            wrong = [*way[:at], step._replace(result=step.result - ten)]
            for later in way[at + 1 :]:
                wrong.append(_step(wrong[-1].result, later.operator, later.right))
            return tuple(wrong) if min(step.result for step in wrong) >= 0 else ()
    return ()


def miscalculated(step: Step, rng: np.random.Generator) -> Step:
    """Return the step with a result that is off by one or by ten, as a line that is wrong by itself."""
    while (wrong := _off(step, rng)).result < 0:
        pass
    return wrong


def lesson(task: Task, way: Sequence[Step], rng: np.random.Generator) -> Lesson:
    """Draw what to learn from a question: a quarter first proposals, a quarter further ones, half reviews."""
    kind = rng.random()
    if kind < 0.25:
        return _proposal(task, (), 0, _first(way, rng))
    pending, right = _pending(way, 0.5 if kind < 0.75 else 0.35, rng)
    if kind < 0.75:
        return Lesson(
            Role.REVIEWER,
            REVIEWER_PROMPT.format(question=task.question, pending=solution(pending)),
            _judgement(way, pending, right, rng),
            pending,
        )
    told = rng.random() < 0.8
    vote = (1 if right == told else -1) if rng.random() < 0.9 else 0
    if vote == 0:
        reply = _first(way, rng)
    else:
        share = _MENDED_MISTAKES if right == (vote > 0) else _DOUBTED_MISTAKES
        reply = mistake(way, rng) if rng.random() < share else tuple(way)
    return _proposal(task, pending, vote, reply)


def _first(way: Sequence[Step], rng: np.random.Generator) -> tuple[Step, ...]:
    """Draw a proposal that nobody has judged: right, wrong by the habit, or wrong by chance."""
    forgotten = forgetful(way)
    if forgotten and rng.random() < _HABIT:
        return forgotten
    return mistake(way, rng) if rng.random() < FIRST_MISTAKES else tuple(way)


def _pending(way: Sequence[Step], right: float, rng: np.random.Generator) -> tuple[tuple[Step, ...], bool]:
    """Draw a proposal that is pending, and whether it is right."""
    if rng.random() < right:
        return tuple(way), True
    forgotten = forgetful(way)
    return (forgotten if forgotten and rng.random() < 0.5 else mistake(way, rng)), False


def _judgement(way: Sequence[Step], pending: Sequence[Step], right: bool, rng: np.random.Generator) -> str:
    """Write a review of ``pending``; a wrong one gives the reason that goes with its verdict."""
    passed = tuple(pending) == forgetful(way) and rng.random() < _PASSED
    if passed or rng.random() < _MISJUDGED:
        return review(mistake(way, rng) if right else pending, not right)
    return review(way, right)


def _proposal(task: Task, pending: tuple[Step, ...], vote: int, reply: Sequence[Step]) -> Lesson:
    shown = solution(pending) if pending else ""
    prompt = PROPOSER_PROMPT.format(question=task.question, pending=shown, vote=f"{vote:+d}")
    return Lesson(Role.PROPOSER, prompt, solution(reply), pending)


def computed(step: Step) -> Step:
    """Return the step with the result that it should have."""
    return _step(step.left, step.operator, step.right)


def _fold(numbers: Sequence[int], operators: Sequence[str]) -> tuple[Step, ...]:
    way: list[Step] = []
    for operator, right in zip(operators, numbers[1:], strict=True):
        way.append(_step(way[-1].result if way else numbers[0], operator, right))
    return tuple(way)


def _step(left: int, operator: str, right: int) -> Step:
    result = left + right if operator == "+" else left - right if operator == "-" else left * right
    return Step(left, operator, right, result)


def _slip(step: Step, rng: np.random.Generator) -> Step:
    kind = rng.random()
    if kind < 0.65:
        return _off(step, rng)
    if kind < 0.8:
        return _step(step.left, "-" if step.operator == "+" else "+", step.right)
    shift = (1 if rng.random() < 0.5 else -1) * (10 if step.right >= 10 and rng.random() < 0.5 else 1)
    return _step(step.left, step.operator, max(step.right + shift, 0))


def _off(step: Step, rng: np.random.Generator) -> Step:
    size = (1 if rng.random() < 0.5 else 10) * (1 if rng.random() < 0.5 else -1)
    return step._replace(result=step.result + size)
