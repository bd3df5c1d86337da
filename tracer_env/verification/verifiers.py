r"""Verifiers: what answer does a text settle on, and is it the gold answer?

    number   GSM8K. Values are exact rationals: 0.0004 is not 0, 1,000 is 1000, 50% is 50, $5.00 is 5, 1/2 is 0.5.
    choice   GPQA. An option letter, A to J, of those that the task offers.
    math     MATH. `formulas` reads, math-verify compares, in worker processes.
    text     Words: case, spaces and dress do not count.

`extraction` describes where answers are looked for. A grade is UNPARSABLE when no answer could be read (in
mathematics also when alternatives are given where one answer is asked for), and TIMEOUT when the comparison ran out
of time: neither is WRONG. Every text gets a grade in bounded time. Gold answers are read strictly: see
`AnswerVerifier.refusal`.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Self

from tracer_env.errors import DataError, UnknownNameError
from tracer_env.interfaces import Extraction
from tracer_env.types import Grade, Task
from tracer_env.verification import formulas, letters, math_pool, numbers
from tracer_env.verification.dress import undress
from tracer_env.verification.extraction import ANSWER_IS, MAX_CONTENT, STATED, end_of, has_digit, statements
from tracer_env.verification.reasoning import UNREAD, spoken

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
_SPACE = re.compile(r"\s++")
_LABELLED = re.compile(r"\s*[(\[]?([A-Ja-j])[)\].:]\s")


class AnswerVerifier:
    """The base: extraction gives a canonical form, and equal canonical forms are equal answers.

    ``unread`` names the reasoning blocks that are left out of reading. ``options`` are a task's, for choices.
    """

    kind = ""

    def __init__(self, unread: Sequence[str] = UNREAD) -> None:
        self.unread = tuple(unread)

    def leaving_out(self, unread: tuple[str, ...]) -> Self:
        """Return this verifier with other names of reasoning blocks."""
        twin = copy.copy(self)
        twin.unread = unread
        return twin

    def read(self, answer: str) -> str | None:
        """Return the canonical form of a bare answer (an extracted one, a gold one), or None when it is none."""
        raise TypeError(f"{type(self).__name__} must define read")

    def find(self, text: str, options: Sequence[str]) -> Extraction:
        """Return the answer that ``text``, without reasoning blocks, settles on."""
        raise TypeError(f"{type(self).__name__} must define find")

    def extract(self, text: str, options: Sequence[str] = ()) -> Extraction:
        """Return the answer that ``text`` settles on, in canonical form; none when a reasoning block is not closed."""
        said = spoken(text, self.unread)
        return NOTHING if said is None else self.find(end_of(said), options)

    def grade(self, text: str, gold: str, options: Sequence[str] = ()) -> Grade:
        """Return how ``text`` fares against ``gold``; DataError when the gold answer itself cannot be read."""
        expected = self.gold(gold, options)
        answer = self.extract(text, options).answer
        if answer is None:
            return Grade.UNPARSABLE
        return Grade.CORRECT if answer == expected else Grade.WRONG

    def same(self, left: str, right: str) -> bool:
        """Return whether two extracted answers are equal."""
        if left == right:
            return True
        first = self.read(left)
        return first is not None and first == self.read(right)

    def gold(self, gold: str, options: Sequence[str] = ()) -> str:
        """Return the canonical form of a gold answer, or raise DataError."""
        expected = self.read(gold)
        if expected is None:
            raise DataError(f"the gold answer {gold[:80]!r} cannot be read as an answer of kind {self.kind!r}")
        return expected

    def refusal(self, task: Task) -> str | None:
        """Return why the gold answer of ``task`` cannot be used, naming its field, or None when it can.

        A gold answer must be wholly a value of its kind, or a worked solution whose last marker holds one.
        """
        try:
            self.gold(task.answer, task.options)
        except DataError:
            return f"the field 'answer' holds {task.answer[:80]!r}, which is no answer of kind {self.kind!r}"
        return None


class NumberVerifier(AnswerVerifier):
    """Exact numbers.

    A marker whose content has no digit is passed over; one with digits that are no single number
    (``2 + 3``, 500 digits) settles that there is no answer. A gold answer is one number, or a worked
    solution that ends in a marker (``... #### 18``); anything else is refused.
    """

    kind = "number"

    def read(self, answer: str) -> str | None:
        return _read_number(answer) if len(answer) <= MAX_CONTENT else None

    def find(self, text: str, options: Sequence[str]) -> Extraction:
        for rules in (STATED | {"a_colon"}, ANSWER_IS):
            for rule, content in statements(text, rules):
                if has_digit(content):
                    value = numbers.read_number(undress(content))
                    return NOTHING if value is None else Extraction(numbers.render_number(value), rule)
        return _last_number(text)


class ChoiceVerifier(AnswerVerifier):
    """Option letters; a marker without one is passed over, one that names several settles that there is no answer."""

    kind = "choice"

    def read(self, answer: str) -> str | None:
        return letters.read_choice(answer) or None if len(answer) <= MAX_CONTENT else None

    def gold(self, gold: str, options: Sequence[str] = ()) -> str:
        letter = _gold_letter(gold, options)
        if letter is None:
            raise DataError(f"the gold answer {gold[:80]!r} cannot be read as an answer of kind 'choice'")
        if letter not in letters.offered(options):
            raise DataError(f"the gold answer {letter} is none of the {len(options)} options")
        return letter

    def refusal(self, task: Task) -> str | None:
        letter, offered = _gold_letter(task.answer, task.options), letters.offered(task.options)
        if letter is None or letter in offered:
            return super().refusal(task)
        return f"the field 'answer' is {letter}, but there are {len(offered)} options, A to {offered[-1]}"

    def find(self, text: str, options: Sequence[str]) -> Extraction:
        for rule, content in statements(text, STATED | ANSWER_IS):
            letter = letters.read_choice(content, options)
            if letter is not None:
                return Extraction(letter, rule) if letter else NOTHING
        listed = letters.listed_choice(text, options)
        return Extraction(listed, "option") if listed else NOTHING


class TextVerifier(AnswerVerifier):
    """Words, compared without regard to case, spaces, and the dress round them."""

    kind = "text"

    def read(self, answer: str) -> str | None:
        folded = _SPACE.sub(" ", unicodedata.normalize("NFKC", undress(answer))).strip().casefold()
        return folded or None

    def find(self, text: str, options: Sequence[str]) -> Extraction:
        for rule, content in statements(text, frozenset({"final_answer", "boxed", "tag"})):
            if answer := _plain(content):
                return Extraction(answer, rule)
        answer = _plain(text.rstrip().rpartition("\n")[2])
        return Extraction(answer, "last_line") if answer else NOTHING

    def grade(self, text: str, gold: str, options: Sequence[str] = ()) -> Grade:
        answer = self.extract(text).answer
        if answer is None:
            return Grade.UNPARSABLE
        return Grade.CORRECT if self.read(answer) == self.gold(gold) else Grade.WRONG


class MathVerifier(AnswerVerifier):
    """Mathematics: an answer is its own string; equality is that of `formulas`, under the clock of `math_pool`.

    Strings that agree are equal without asking. An answer nested more than 50 braces deep is none. Of the
    markers the last one counts that holds something to compare; words count when no marker holds more.
    ``seconds`` of processor time are what one comparison may take.
    """

    kind = "math"

    def __init__(self, unread: Sequence[str] = UNREAD, seconds: float = math_pool.TIMEOUT) -> None:
        super().__init__(unread)
        math_pool.require_math_verify()
        self.seconds = math_pool.check_seconds(seconds)

    def read(self, answer: str) -> str | None:
        return formulas.bare(answer)

    def find(self, text: str, options: Sequence[str]) -> Extraction:
        words: Extraction | None = None
        for rules in (STATED, ANSWER_IS):
            for rule, content in statements(text, rules):
                answer = self.read(content)
                if answer is None:
                    continue
                if not formulas.mere_words(content, text, rule):
                    return Extraction(answer, rule)
                words = words or Extraction(answer, rule)
            if words is not None:
                return words
        return NOTHING if formulas.ends_in_factorial(text) else _last_number(text)

    def gold(self, gold: str, options: Sequence[str] = ()) -> str:
        expected = _read_formula(gold)
        if expected is None:
            raise DataError(f"the gold answer {gold[:80]!r} cannot be read as an answer of kind 'math'")
        return expected

    def grade(self, text: str, gold: str, options: Sequence[str] = ()) -> Grade:
        expected = self.gold(gold)
        answer = self.extract(text).answer
        if answer is None:
            return Grade.UNPARSABLE
        if answer == expected:
            return Grade.CORRECT
        if formulas.undecided(answer, expected):
            return Grade.UNPARSABLE
        equal = formulas.equal(expected, answer, self.seconds)
        if equal is None:
            return Grade.TIMEOUT
        return Grade.CORRECT if equal else Grade.WRONG

    def same(self, left: str, right: str) -> bool:
        """Return whether two answers are equal; False as well when that could not be found out in time."""
        return left == right or formulas.equal(left, right, self.seconds) is True


def boxed_answer(text: str) -> str | None:
    r"""Return what the last ``\boxed{}`` of ``text`` holds, or None."""
    return next((content for _, content in statements(text, frozenset({"boxed"}))), None)


@lru_cache(maxsize=1 << 14)
def _read_formula(gold: str) -> str | None:
    """Return a gold answer of mathematics: what the last marker of a worked solution holds, else all of it."""
    stated = next((content for _, content in statements(gold, STATED)), gold)
    expected = formulas.bare(stated)
    return expected if expected is not None and formulas.is_whole(expected) else None


def _gold_letter(gold: str, options: Sequence[str]) -> str | None:
    """Return the letter that a gold answer is, alone or in the last box of a worked solution."""
    bare = undress(gold).strip("()[] .")
    if len(bare) == 1 and bare.upper() in letters.LETTERS:
        return bare.upper()
    if labelled := _LABELLED.match(gold):
        return labelled[1].upper()
    held = next((content for _, content in statements(gold, STATED | ANSWER_IS)), None)
    return None if held is None else letters.read_choice(held, options) or None


def _last_number(text: str) -> Extraction:
    value = numbers.last_number(text)
    return NOTHING if value is None else Extraction(numbers.render_number(value), "last_number")


@lru_cache(maxsize=1 << 14)
def _read_number(answer: str) -> str | None:
    for _, content in statements(answer, STATED):
        answer = content
        break
    value = numbers.whole_number(undress(answer))
    return None if value is None else numbers.render_number(value)


def _plain(content: str) -> str:
    """Return a line without the dress round it; empty when it is too long or nothing but dress."""
    answer = undress(content) if len(content) <= MAX_CONTENT else ""
    return answer if any(map(str.isalnum, answer)) or answer.strip(" \t\r\n*_`\"'.,;:") else ""


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
