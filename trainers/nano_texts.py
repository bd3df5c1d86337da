"""What `nano` reads in its schooling: worked solutions, realistic mistakes, and the reviews of both.

    Ada has 27 apples and finds 12 more. ...     steps      27 + 12 = 39
                                                 solution   27 + 12 = 39 / Final answer: 39
                                                 mistake    27 + 12 = 49 / Final answer: 49
                                                 review     WRONG. 27 + 12 = 39

The steps of a question are found, not told: its numbers are folded from left to right with +, - and *, and
the one way that gives the gold answer is the solution. A question with no such way or with several is left out.

A `Lesson` is a prompt, as the speaker would send it, and the reply to learn: a first proposal, a proposal after
a review, or a review. Some of the proposals to learn hold a mistake, so that the pupil makes mistakes too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from tracer_env.agents.speakers.nano import PROPOSER_PROMPT, REVIEWER_PROMPT
from tracer_env.types import Role, Task

__all__ = ["FIRST_MISTAKES", "Lesson", "Step", "lesson", "mistake", "review", "solution", "steps"]

FIRST_MISTAKES = 0.25
"""The share of first proposals to learn that hold a mistake."""
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


def lesson(task: Task, way: Sequence[Step], rng: np.random.Generator) -> Lesson:
    """Draw what to learn from a question: 4 in 10 a first proposal, 2 a further one, 4 a review."""
    kind = rng.random()
    if kind < 0.4:
        return _proposal(task, way, "", 0, rng.random() < FIRST_MISTAKES, rng)
    right = bool(rng.random() < 0.5)
    if kind < 0.8:
        pending = solution(way if right else mistake(way, rng))
        prompt = REVIEWER_PROMPT.format(question=task.question, pending=pending)
        return Lesson(Role.REVIEWER, prompt, review(way, right))
    right = bool(rng.random() < 0.35)
    pending = solution(way if right else mistake(way, rng))
    told = rng.random() < 0.75
    vote = (1 if right == told else -1) if rng.random() < 0.9 else 0
    share = FIRST_MISTAKES if vote == 0 else _MENDED_MISTAKES if right == (vote > 0) else _DOUBTED_MISTAKES
    return _proposal(task, way, pending, vote, rng.random() < share, rng)


def _proposal(
    task: Task, way: Sequence[Step], pending: str, vote: int, slips: bool, rng: np.random.Generator
) -> Lesson:
    prompt = PROPOSER_PROMPT.format(question=task.question, pending=pending, vote=f"{vote:+d}")
    return Lesson(Role.PROPOSER, prompt, solution(mistake(way, rng) if slips else way))


def _fold(numbers: Sequence[int], operators: Sequence[str]) -> tuple[Step, ...]:
    way: list[Step] = []
    for operator, right in zip(operators, numbers[1:], strict=True):
        way.append(_step(way[-1].result if way else numbers[0], operator, right))
    return tuple(way)


def _step(left: int, operator: str, right: int) -> Step:
    result = left + right if operator == "+" else left - right if operator == "-" else left * right
    return Step(left, operator, right, result)


def _slip(step: Step, rng: np.random.Generator) -> Step:
    kind, sign = rng.random(), 1 if rng.random() < 0.5 else -1
    if kind < 0.35:
        return step._replace(result=step.result + sign)
    if kind < 0.65:
        return step._replace(result=step.result + 10 * sign)
    if kind < 0.8:
        return _step(step.left, "-" if step.operator == "+" else "+", step.right)
    shift = sign * (10 if step.right >= 10 and rng.random() < 0.5 else 1)
    return _step(step.left, step.operator, max(step.right + shift, 0))
