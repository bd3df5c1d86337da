r"""Numbers: the one number that a piece of text holds, as an exact rational, or nothing.

Read: ``1,000`` ``1 000`` ``1'000`` ``1_000`` ``$5.00`` ``5 EUR`` ``-€5`` ``minus 7`` ``50%`` (is 50) ``18.0``
``1e3`` ``4.5 x 10^3`` ``2 million`` ``1/2`` ``3 1/2`` ``3½`` ``\frac{1}{2}`` ``18 eggs`` ``25 m^2`` ``18 (= 9 *
2)`` and the right side of ``9 * 2 = 18``.

A number that is part of something larger is none: work left to do (``2 + 3``, ``4\sqrt{2}``, ``5\pi``, ``3x``,
``2^10``, ``20% of 50``), a ratio, a range, a pair or an interval (``3:1``, ``3-4``, ``(1,2)``), an alternative
(``18 or 19``, ``between 3 and 4``), a compound quantity (``5 feet 3 inches``), another way of writing
(``1.234,56``, ``2516_8``), an inequality or a bound (``less than 18``, ``is at least 18``), and what is denied
(``not 18``). A closing ``!`` is punctuation. Of several numbers in a sentence the first counts when the statement
begins with it, the one that alone follows ``is`` or ``=``, and the one beside which the others only say how long
(``Bob saved $12 over 4 weeks``); otherwise there is no single one. Without a marker, a question and an equation
that is not solved (``3x = 18``) hold none.

Everything is linear in the length of what is read: one pass cuts tokens, and only their neighbours are looked at.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from tracer_env.verification.standing import continues, opens, stands
from tracer_env.verification.tokens import MINUS, Token, cut, places, tidy
from tracer_env.verification.wording import (
    CONCLUDING,
    PREPOSITIONS,
    REASONS,
    REMARKS,
    alternative,
    concludes,
    denied,
    in_passing,
    leads,
    main_clause,
    reason_at,
    refers,
    unsolved,
)

__all__ = ["MAX_DIGITS", "count_numbers", "last_number", "read_number", "render_number", "whole_number"]

MAX_DIGITS = 400
"""Digits of a number that are read; a longer one is no number."""
_WINDOW = 120
"""Characters before the last number of a text that are looked at to see what it is part of."""

_PLAIN = re.compile(r"\$?(-?)\$?((?:[0-9]{1,3}(?:,[0-9]{3}){1,9}|[0-9]{1,30})(?:\.[0-9]{1,30})?)(?: ?%)?")
_LISTED = re.compile(r"\s*[0-9]{1,2}[.)]\s+[^\W\d]")
"""The mark of an item of a list: ``3. So the rest is hers``."""
_CASES = frozenset({"otherwise", "else", "respectively"})
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_STATING = frozenset(
    {
        "is",
        "are",
        "was",
        "were",
        "be",
        "equals",
        "equal",
        "total",
        "totals",
        "pays",
        "costs",
        "makes",
        "has",
        "get",
        "gets",
    }
)


def read_number(content: str) -> Fraction | None:
    """Return the number that a stated answer holds, or None when it holds none or not one alone."""
    plain = _PLAIN.fullmatch(content)
    if plain:
        value = Fraction(plain[2].replace(",", ""))
        return -value if plain[1] else value
    tokens = cut(tidy(content))
    numbers = places(tokens)
    if not numbers:
        return None
    place = _stated(tokens, numbers)
    return None if place is None else _value(tokens, place)


def last_number(text: str) -> Fraction | None:
    """Return the last number in ``text``, or None when there is none or it is part of something larger."""
    backwards = re.search("[0-9]", text[::-1]) if text else None
    if backwards is None:
        return None
    last = len(text) - backwards.start()
    begin = max(text.rfind("\n", 0, last) + 1, last - _WINDOW)
    end = text.find("\n", last)
    line = text[begin : min(len(text) if end < 0 else end, last + _WINDOW)]
    tokens = cut(tidy(line.strip("_ ")))
    numbers = places(tokens)
    if not numbers or (begin and text[begin - 1] != "\n" and numbers[-1] == 0):
        return None
    place = numbers[-1]
    if not stands(tokens, place) or continues(tokens, numbers, len(numbers) - 1):
        return None
    if unsolved(tokens, place) or refers(tokens, place) or (begin and place == 0 and _LISTED.match(line)):
        return None
    if next((token.text for token in tokens[place:] if token.text in ".!?"), "") == "?":
        return None
    return _value(tokens, place)


def count_numbers(content: str) -> int:
    """Return how many numbers stand in ``content``; a fraction is one."""
    return len(places(cut(tidy(content))))


def whole_number(content: str) -> Fraction | None:
    """Return the number that ``content`` is: a number with its sign, currency and at most a few words behind it.

    Stricter than `read_number`, for gold answers: ``18 eggs``, ``x = 5`` and ``50%`` are; a sentence, a calculation
    and a statement with two numbers are not.
    """
    tokens = cut(tidy(content))
    numbers = places(tokens)
    if len(numbers) != 1:
        return None
    before = [token for token in tokens[: numbers[0]] if token.kind != "mark"]
    named = [token.text for token in tokens[: numbers[0]] if token.text == "="] == ["="] and len(before) == 1
    words = [token for token in tokens[numbers[0] :] if token.kind == "word"]
    signs = all(token.text.lower() in ("minus", "negative", "usd", "eur", "us", "rs") for token in before)
    return read_number(content) if (signs or named) and len(words) <= 6 else None


def render_number(value: Fraction) -> str:
    """Return the canonical form: the shortest decimal where there is a finite one, else ``p/q``."""
    if value.denominator == 1:
        return str(value.numerator)
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MAX_DIGITS // 2:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _stated(tokens: list[Token], numbers: list[int]) -> int | None:
    """Return the place of the one number that a statement settles on, or None."""
    if denied(tokens, numbers) or any(token.text.lower() in _CASES for token in tokens):
        return None
    words = any(token.kind == "word" for token in tokens[: numbers[0]])
    equals = [place for place, token in enumerate(tokens) if token.text in ("=", "\u2248", "\\approx")]
    reason = reason_at(tokens, numbers[0])
    if equals:
        if words and reason is not None and reason < equals[0] and not leads(tokens, reason):
            return _reasoned(tokens, numbers, equals, reason)
        if words or not _remark_follows(tokens, numbers[0], equals[0]):
            return _right_side(tokens, numbers, equals)
    if len(numbers) > 1 and continues(tokens, numbers, 1):
        return None
    if len(numbers) > 1:
        return _in_a_sentence(tokens, numbers, reason, words)
    return numbers[0] if stands(tokens, numbers[0]) else None


def _in_a_sentence(tokens: list[Token], numbers: list[int], reason: int | None, words: bool) -> int | None:
    """Return the place of the one of several numbers in a sentence that it states, or None."""
    begin = main_clause(tokens, numbers[0])
    end = len(tokens) if reason is None or reason < begin else reason
    inside = [place for place in numbers if begin <= place < end] or numbers
    if not words:
        return inside[0] if stands(tokens, inside[0]) and not concludes(tokens, inside) else None
    rest = [place for place in inside if not in_passing(tokens, place)]
    if len(rest) == 1 and tokens[rest[0] - 1].text.lower() not in PREPOSITIONS and stands(tokens, rest[0]):
        return rest[0]
    after = [place for place in inside if _follows_a_verb(tokens, place)]
    if not after or not all(stands(tokens, place) for place in after):
        return None
    if len({_value(tokens, place) for place in after}) > 1 or (inside[-1] != after[-1] and inside[0] != after[0]):
        return None
    return after[0]


def _follows_a_verb(tokens: list[Token], place: int) -> bool:
    if place and tokens[place - 1].text.lower() == "of":
        return place > 1 and tokens[place - 2].text.lower() == "total"
    return place > 0 and tokens[place - 1].text.lower() in _STATING


def _remark_follows(tokens: list[Token], number: int, equals: int) -> bool:
    """Return whether the first ``=`` stands in a remark behind the number: ``18 (= 9 * 2)``, ``18, since 9 * 2 = 18``.

    ``2 dogs bark, after 10 minutes they have barked 60 * 10 = 600 times`` begins with a number that is not stated.
    """
    if not stands(tokens, number):
        return False
    for place in range(number + 1, equals):
        text = tokens[place].text.lower()
        if text == "(" or text in REASONS or (text in ("when", "where", "if") and place < number + 4):
            return True
        if text in ",;":
            following = tokens[place + 1]
            return following.kind != "word" or following.text.lower() in REMARKS
    return False


def _reasoned(tokens: list[Token], numbers: list[int], equals: list[int], reason: int) -> int | None:
    """Return the number before a reason whose calculation comes to the same: ``He buys 6 because 1.5 / .25 = 6``."""
    place = _right_side(tokens, [number for number in numbers if number > reason], equals)
    value = None if place is None else _value(tokens, place)
    said = [number for number in numbers if number < reason and stands(tokens, number)]
    return next((number for number in said if value is not None and _value(tokens, number) == value), None)


def _right_side(tokens: list[Token], numbers: list[int], equals: list[int]) -> int | None:
    """Return the place of the number behind the last ``=``, unless several equations give several values."""
    after = [place for place in numbers if place > equals[-1]]
    if not after:
        return None
    if any(alternative(tokens, place) for place in range(equals[0], len(tokens))) and len(numbers) > 1:
        return None
    for first, second in pairwise(equals):
        between = tokens[first + 1 : second]
        joined = any(token.text.lower() in ("and", ",", ";") for token in between)
        concluded = any(token.text.lower() in CONCLUDING for token in between)
        if joined and not concluded and between and between[-1].kind == "word":  # ``x = 2 and y = 3``
            return None
    if any(continues(tokens, numbers, numbers.index(place)) for place in after[1:2]):
        return None
    if concludes(tokens, after):  # ``= 16.75 bags, meaning he buys 17``
        return None
    return after[0] if stands(tokens, after[0]) else None


def _value(tokens: list[Token], place: int) -> Fraction | None:
    found = tokens[place].found
    first, part, below = found["first"], found["part"], found["below"]
    if len(found.group()) > 2 * MAX_DIGITS or (below is not None and int(below) == 0):
        return None
    value = Fraction(re.sub("[,'\u2019_ ]", "", first))
    exponent = found["exponent"] or found["power"]
    if exponent:
        value *= Fraction(10) ** int(exponent)
    if found["scale"]:
        value *= 10 ** _SCALES[found["scale"].strip()]
    if part is not None:
        if value.denominator != 1 or int(part) >= int(below):
            return None
        value += Fraction(int(part), int(below))
    elif below is not None:
        value /= int(below)
    if max(len(str(abs(value.numerator))), len(str(value.denominator))) > MAX_DIGITS:
        return None
    return -value if _negative(tokens, place) else value


def _negative(tokens: list[Token], place: int) -> bool:
    if place == 0:
        return False
    before = tokens[place - 1]
    if before.text.lower() in ("minus", "negative"):
        return True
    if before.text not in MINUS:
        return False
    return place == 1 or tokens[place - 2].kind == "mark" or opens(tokens, place - 1, place)
