"""Worked examples: short solved tasks shown to models too small to follow the answer format unaided.

Every example serves both roles. A proposer is shown the question and a solution; a reviewer is shown
the question, a proposal (right or wrong) and the judgement of it. They are looked up by the task's
scenario, then by its kind; a kind without an entry has none. The texts are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tracer_env.types import Task

__all__ = ["EXAMPLES", "WorkedExample", "worked_examples"]


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """A question with a solution, and a proposal with its review."""

    question: str
    solution: str
    proposal: str
    review: str


# Naming the operation first is what makes a 135M model pick the right one; a second step in any example
# makes it add one everywhere. With more WRONG reviews than one it finds everything wrong.
_ONE_STEP = (
    WorkedExample(
        "Ali is 16 years old, and Sue is 5 years older. How old is Sue?",
        "Add: 16 + 5 = 21.\nFinal answer: 21",
        "Add: 16 + 5 = 21.\nFinal answer: 21",
        "RIGHT. Add: 16 + 5 = 21.",
    ),
    WorkedExample(
        "A shelf holds 31 books. Ned takes 12 away. How many books are left?",
        "Take away: 31 - 12 = 19.\nFinal answer: 19",
        "Take away: 31 - 12 = 19.\nFinal answer: 19",
        "RIGHT. Take away: 31 - 12 = 19.",
    ),
    WorkedExample(
        "Tom read 8 pages in the morning and 17 in the evening. How many pages did Tom read in all?",
        "Add: 8 + 17 = 25.\nFinal answer: 25",
        "Add: 8 + 17 = 28.\nFinal answer: 28",
        "WRONG. Add: 8 + 17 = 25, not 28.",
    ),
    WorkedExample(
        "Eva saved 27 coins and Max saved 15. How many more coins than Max does Eva have?",
        "Take away: 27 - 15 = 12.\nFinal answer: 12",
        "Take away: 27 - 15 = 12.\nFinal answer: 12",
        "RIGHT. Take away: 27 - 15 = 12.",
    ),
    WorkedExample(
        "Mia has 14 shells and finds 9 more. How many shells does Mia have now?",
        "Add: 14 + 9 = 23.\nFinal answer: 23",
        "Add: 14 + 9 = 23.\nFinal answer: 23",
        "RIGHT. Add: 14 + 9 = 23.",
    ),
    WorkedExample(
        "A shelf holds 21 books and a desk holds 6. How many books are there together?",
        "Add: 21 + 6 = 27.\nFinal answer: 27",
        "Add: 21 + 6 = 27.\nFinal answer: 27",
        "RIGHT. Add: 21 + 6 = 27.",
    ),
)

_NUMBER = (
    WorkedExample(
        "A baker fills 4 trays with 12 rolls each and sells 29 rolls. How many rolls are left?",
        "The trays hold 4 * 12 = 48 rolls. After the sale 48 - 29 = 19 are left.\nFinal answer: 19",
        "The trays hold 4 * 12 = 48 rolls. After the sale 48 - 29 = 19 are left.\nFinal answer: 19",
        "RIGHT. 4 * 12 = 48 and 48 - 29 = 19.",
    ),
    WorkedExample(
        "A ticket costs $8 and a child pays half. What do 2 adults and 3 children pay?",
        "Adults pay 2 * 8 = 16 dollars. A child pays 8 / 2 = 4, so 3 * 4 = 12. Together 16 + 12 = 28.\n"
        "Final answer: 28",
        "There are 5 people and 5 * 8 = 40.\nFinal answer: 40",
        "WRONG. Children pay half: 2 * 8 + 3 * 4 = 28, not 40.",
    ),
)

_CHOICE = (
    WorkedExample(
        "Which of these floats on water?\nA) a nail\nB) a cork\nC) a stone\nD) a key",
        "Cork is lighter than water, so it floats.\nFinal answer: B",
        "Cork is lighter than water, so it floats.\nFinal answer: B",
        "RIGHT. Cork floats; the others sink.",
    ),
    WorkedExample(
        "Which planet is nearest to the sun?\nA) Mars\nB) Venus\nC) Mercury\nD) Earth",
        "The order from the sun begins with Mercury.\nFinal answer: C",
        "Venus is the hottest, so it is the nearest.\nFinal answer: B",
        "WRONG. Mercury is nearer than Venus.",
    ),
)

_MATH = (
    WorkedExample(
        "Solve 3x + 4 = 10 for x.",
        "3x = 10 - 4 = 6, so x = 2.\nFinal answer: 2",
        "3x = 10 - 4 = 6, so x = 2.\nFinal answer: 2",
        "RIGHT. 3 * 2 + 4 = 10.",
    ),
    WorkedExample(
        "What is $\\frac{1}{2} + \\frac{1}{3}$?",
        "$\\frac{3}{6} + \\frac{2}{6} = \\frac{5}{6}$.\nFinal answer: $\\frac{5}{6}$",
        "Adding tops and bottoms gives $\\frac{2}{5}$.\nFinal answer: $\\frac{2}{5}$",
        "WRONG. With the common bottom 6 the sum is $\\frac{5}{6}$.",
    ),
)

EXAMPLES: Mapping[str, tuple[WorkedExample, ...]] = {
    "arithmetic": _ONE_STEP,
    "number": _NUMBER,
    "choice": _CHOICE,
    "math": _MATH,
}
"""Examples by scenario name or task kind; the scenario's entry wins."""


def worked_examples(task: Task, count: int) -> tuple[WorkedExample, ...]:
    """Return at most ``count`` examples that suit ``task``, always the same first ones."""
    found = EXAMPLES.get(task.scenario) or EXAMPLES.get(task.kind, ())
    return found[:count]
