"""Short readable texts for simulated outcomes, such that the verifiers read back what was drawn."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from tracer_env.errors import DataError
from tracer_env.types import Task, Verdict

__all__ = ["answer_text", "proposal_text", "review_text"]

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_LETTER = re.compile(r"\b[A-Ja-j]\b")

_OPENINGS = (
    "Taking the question step by step.",
    "First what is given, then what is asked.",
    "Writing down the quantities and combining them.",
    "Reading it once more and working it through.",
)
_BLANKS = (
    "There are several ways to read this, and I cannot settle on one.",
    "I lost the thread half way through the working.",
)
_PRAISE = ("The steps hold together", "I worked it out on my own and agree", "Each quantity is used as it should be")
_BLAME = ("One step does not follow", "I worked it out on my own and disagree", "A quantity was used the wrong way")
_DOUBTS = ("Hard to say from this working.", "I cannot follow the middle part.")


def answer_text(task: Task, answer_id: int) -> str:
    """Return answer 0 (the gold one) or the k-th wrong answer of a task, in canonical form."""
    if task.kind == "choice":
        letters = "ABCDEFGHIJ"[: max(len(task.options), 4)]
        steps = 1 + (answer_id - 1) % (len(letters) - 1) if answer_id else 0
        return letters[(letters.index(_last(_LETTER, task).upper()) + steps) % len(letters)]
    if task.kind == "number":
        return _shifted(task.answer, answer_id) or _plain(_value(task))  # where it is no number, that says so
    if answer_id == 0:
        return task.answer
    if task.kind == "math":
        return f"{task.answer} + {answer_id}"
    return f"{task.answer} ({answer_id})"


@lru_cache(maxsize=1 << 14)
def _shifted(answer: str, answer_id: int) -> str | None:
    """Return the answer of a gold number, None where it is none; a run asks for the same few again and again."""
    try:
        gold = _value(Task("", "", answer))
    except DataError:
        return None
    return _plain(gold + (answer_id + 1) // 2 * (1 if answer_id % 2 else -1))


def _value(task: Task) -> Fraction:
    try:
        return Fraction(task.answer.replace(",", "").strip())
    except ValueError:  # $5.00, 50%, or a worked solution that ends in its number
        return Fraction(_last(_NUMBER, task).replace(",", ""))


def _last(pattern: re.Pattern[str], task: Task) -> str:
    found = pattern.findall(task.answer)
    if not found:
        raise DataError(f"the simulated speaker finds no {task.kind} in the gold answer {task.answer!r} of {task.id}")
    return str(found[-1])


def _plain(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return format(Decimal(value.numerator) / Decimal(value.denominator), "f") if rest == 1 else str(value)


def proposal_text(task: Task, answer_id: int, style: int) -> str:
    """Return a proposal that settles on the answer; -1 gives one without an answer."""
    if answer_id < 0:
        return _BLANKS[style % len(_BLANKS)]
    return f"{_OPENINGS[style % len(_OPENINGS)]}\nFinal answer: {answer_text(task, answer_id)}"


def review_text(verdict: Verdict, answer: str | None, style: int) -> str:
    """Return a review with that verdict of a proposal that gave ``answer``."""
    if verdict is Verdict.NONE:
        return _DOUBTS[style % len(_DOUBTS)]
    reasons = _PRAISE if verdict is Verdict.RIGHT else _BLAME
    about = "no answer is given" if answer is None else f"on {answer}"
    return f"{verdict.name}. {reasons[style % len(reasons)]} ({about})."
