r"""Verifiers: what answer does a text settle on, and is it the gold answer?

    number   GSM8K. The last marker (``Final answer:``, ``\boxed{}``, ``####``, ``A:``), else the last number.
             Values are exact rationals: 0.0004 is not 0, 1,000 is 1000, 50% is 50, $5.00 is 5, 1/2 is 0.5.

A grade is UNPARSABLE exactly when no answer could be read. Every text gets a grade in bounded time.
"""

from __future__ import annotations

from functools import cache, lru_cache

from tracer_env import extraction
from tracer_env.errors import DataError, UnknownNameError
from tracer_env.interfaces import Extraction
from tracer_env.types import Grade

__all__ = ["AnswerVerifier", "NumberVerifier", "verifier_for"]

NOTHING = Extraction(None, "none")
_STATED = frozenset({"final_answer", "boxed", "hashes"})


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
    """Exact numbers. A marker whose content has no digit is passed over; one with digits that are
    no single number (``2 + 3``, 500 digits) settles that there is no answer."""

    kind = "number"

    def read(self, answer: str) -> str | None:
        return _read_number(answer) if len(answer) <= extraction.MAX_CONTENT else None

    def extract(self, text: str) -> Extraction:
        for rule, content in extraction.statements(text, _STATED | {"a_colon"}):
            if extraction.has_digit(content):
                value = extraction.read_number(content)
                return NOTHING if value is None else Extraction(extraction.render_number(value), rule)
        value = extraction.last_number(text)
        return NOTHING if value is None else Extraction(extraction.render_number(value), "last_number")


@lru_cache(maxsize=1 << 14)
def _read_number(answer: str) -> str | None:
    value = extraction.read_number(answer)
    return None if value is None else extraction.render_number(value)


_VERIFIERS: dict[str, type[AnswerVerifier]] = {"number": NumberVerifier}


@cache
def verifier_for(kind: str) -> AnswerVerifier:
    """Return the verifier for answers of ``kind``: number, choice, math or text."""
    if kind not in _VERIFIERS:
        raise UnknownNameError("kind of answer", kind, _VERIFIERS)
    return _VERIFIERS[kind]()
