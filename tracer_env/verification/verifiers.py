r"""Verifiers: what answer does a text settle on, and is it the gold answer?

    number   GSM8K. The last marker (``Final answer:``, ``\boxed{}``, ``####``, ``A:``), else the last number.
             Values are exact rationals: 0.0004 is not 0, 1,000 is 1000, 50% is 50, $5.00 is 5, 1/2 is 0.5.
    choice   GPQA. An option letter A to J behind a marker or ``the answer is``, else lines such as ``B)``.
    math     MATH. The raw string behind a marker, else the last number; math-verify compares, in worker processes.
    text     Words. What stands behind a marker, else the last line; case, spaces and a last full stop do not count.

`extraction` describes the markers. A grade is UNPARSABLE exactly when no answer could be read, and
TIMEOUT when the comparison ran out of time: neither is WRONG. Every text gets a grade in bounded time.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from tracer_env import math_pool
from tracer_env.errors import DataError, UnknownNameError
from tracer_env.interfaces import Extraction
from tracer_env.types import Grade
from tracer_env.verification import extraction

__all__ = [
    "AnswerVerifier",
    "ChoiceVerifier",
    "MathVerifier",
    "NumberVerifier",
    "TextVerifier",
    "boxed_answer",
    "verifier_for",
]

NOTHING = Extraction(None, "none")
_STATED = frozenset({"final_answer", "boxed", "hashes"})
_MAX_DEPTH = 50
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_SPACE = re.compile(r"\s++")


class AnswerVerifier:
    """The base: extraction gives a canonical form, and equal canonical forms are equal answers."""

    kind = ""

    def read(self, answer: str) -> str | None:
        """Return the canonical form of a bare answer (a gold answer), or None when it is none of this kind."""
        raise TypeError(f"{type(self).__name__} must define read")

    def extract(self, text: str) -> Extraction:
        """Return the answer that ``text`` settles on, in canonical form."""
        raise TypeError(f"{type(self).__name__} must define extract")

    def grade(self, text: str, gold: str) -> Grade:
        """Return how ``text`` fares against ``gold``; DataError when the gold answer itself cannot be read."""
        expected = self.gold(gold)
        answer = self.extract(text).answer
        if answer is None:
            return Grade.UNPARSABLE
        return Grade.CORRECT if answer == expected else Grade.WRONG

    def same(self, left: str, right: str) -> bool:
        """Return whether two extracted answers are equal."""
        if left == right:
            return True
        first = self.read(left)
        return first is not None and first == self.read(right)

    def gold(self, gold: str) -> str:
        """Return the canonical form of a gold answer, or raise DataError."""
        expected = self.read(gold)
        if expected is None:
            raise DataError(f"the gold answer {gold[:80]!r} cannot be read as an answer of kind {self.kind!r}")
        return expected


class NumberVerifier(AnswerVerifier):
    """Exact numbers.

    A marker whose content has no digit is passed over; one with digits that are no single number
    (``2 + 3``, 500 digits) settles that there is no answer. A gold answer is one number, or a worked
    solution that ends in a marker (``... #### 18``); a text with several numbers and no marker is refused.
    """

    kind = "number"

    def read(self, answer: str) -> str | None:
        return _read_number(answer) if len(answer) <= extraction.MAX_CONTENT else None

    def extract(self, text: str) -> Extraction:
        text = extraction.end_of(text)
        for rule, content in extraction.statements(text, _STATED | {"a_colon"}):
            if extraction.has_digit(content):
                value = extraction.read_number(content)
                return NOTHING if value is None else Extraction(extraction.render_number(value), rule)
        return _last_number(text)


class ChoiceVerifier(AnswerVerifier):
    """Option letters; a marker without one letter is passed over."""

    kind = "choice"

    def read(self, answer: str) -> str | None:
        return extraction.read_choice(answer) if len(answer) <= extraction.MAX_CONTENT else None

    def extract(self, text: str) -> Extraction:
        text = extraction.end_of(text)
        for rule, content in extraction.statements(text, _STATED | {"answer_is"}):
            if letter := extraction.read_choice(content):
                return Extraction(letter, rule)
        listed = extraction.listed_choice(text)
        return Extraction(listed, "option") if listed else NOTHING


class TextVerifier(AnswerVerifier):
    """Words, compared without regard to case, spaces, quotes around them and a last full stop."""

    kind = "text"

    def read(self, answer: str) -> str | None:
        folded = _SPACE.sub(" ", unicodedata.normalize("NFKC", answer)).strip(" \"'`*").rstrip(".").casefold()
        return folded or None

    def extract(self, text: str) -> Extraction:
        text = extraction.end_of(text)
        for rule, content in extraction.statements(text, frozenset({"final_answer", "boxed"})):
            if answer := _plain(content):
                return Extraction(answer, rule)
        answer = _plain(text.rstrip().rpartition("\n")[2])
        return Extraction(answer, "last_line") if answer else NOTHING

    def grade(self, text: str, gold: str) -> Grade:
        answer = self.extract(text).answer
        if answer is None:
            return Grade.UNPARSABLE
        return Grade.CORRECT if self.read(answer) == self.gold(gold) else Grade.WRONG


class MathVerifier(AnswerVerifier):
    """Mathematics: an answer is its own string; equality is math-verify's, under the clock of `math_pool`.

    Strings that agree are equal without asking. An answer nested more than 50 braces deep is none.
    ``seconds`` of processor time are what one comparison may take.
    """

    kind = "math"

    def __init__(self, seconds: float = math_pool.TIMEOUT) -> None:
        math_pool.require_math_verify()
        self.seconds = math_pool.check_seconds(seconds)

    def read(self, answer: str) -> str | None:
        bare = _SPACE.sub(" ", answer).strip().rstrip(".")
        if bare.startswith("$") and bare.endswith("$") and bare.count("$") == 2:
            bare = bare[1:-1].strip()
        if not 0 < len(bare) <= extraction.MAX_CONTENT or not any(map(str.isalnum, bare)) or _depth(bare) > _MAX_DEPTH:
            return None
        return bare

    def extract(self, text: str) -> Extraction:
        text = extraction.end_of(text)
        for rule, content in extraction.statements(text, _STATED):
            if answer := self.read(content):
                return Extraction(answer, rule)
        return _last_number(text)

    def grade(self, text: str, gold: str) -> Grade:
        expected = self.gold(gold)
        answer = self.extract(text).answer
        if answer is None:
            return Grade.UNPARSABLE
        equal = answer == expected or math_pool.compare(expected, answer, self.seconds)
        if equal is None:
            return Grade.TIMEOUT
        return Grade.CORRECT if equal else Grade.WRONG

    def same(self, left: str, right: str) -> bool:
        """Return whether two answers are equal; False as well when that could not be found out in time."""
        return left == right or math_pool.compare(left, right, self.seconds) is True


def boxed_answer(text: str) -> str | None:
    r"""Return what the last ``\boxed{}`` of ``text`` holds, or None."""
    return next((content for _, content in extraction.statements(text, frozenset({"boxed"}))), None)


def _last_number(text: str) -> Extraction:
    value = extraction.last_number(text)
    return NOTHING if value is None else Extraction(extraction.render_number(value), "last_number")


@lru_cache(maxsize=1 << 14)
def _read_number(answer: str) -> str | None:
    for _, content in extraction.statements(answer, _STATED):
        answer = content
        break
    else:
        if "=" not in answer and extraction.count_numbers(answer) > 1:
            return None
    value = extraction.read_number(answer)
    return None if value is None else extraction.render_number(value)


def _plain(content: str) -> str:
    """Return a line without the spaces and markdown stars around it; empty when it is too long."""
    return content.strip(" \t\r\n*") if len(content) <= extraction.MAX_CONTENT else ""


def _depth(answer: str) -> int:
    """Return how deep the braces are nested."""
    depth = deepest = 0
    for brace in _BRACE.finditer(answer):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        deepest = max(deepest, depth)
    return deepest


_VERIFIERS: dict[str, type[AnswerVerifier]] = {
    "number": NumberVerifier,
    "choice": ChoiceVerifier,
    "math": MathVerifier,
    "text": TextVerifier,
}


@cache
def verifier_for(kind: str) -> AnswerVerifier:
    """Return the verifier for answers of ``kind``: number, choice, math or text."""
    if kind not in _VERIFIERS:
        raise UnknownNameError("kind of answer", kind, _VERIFIERS)
    return _VERIFIERS[kind]()
