"""Wording: what the words round a number make of it: a bound, a circumstance, a step on the way.

is at least 18, up to 18         a bound
over 4 weeks, in the next 4 days a circumstance
3x = 18, x^2 = 18                a step: the equation is not solved yet
"""

from __future__ import annotations

from tracer_env.verification.tokens import MINUS, Token

__all__ = ["GLUED_UNITS", "PREPOSITIONS", "bounded", "in_passing", "unsolved", "variable"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GLUED_UNITS = frozenset("mgshlL")
"""Units of one letter that may stand glued to a number."""
PREPOSITIONS = _words("over in after within during for every each per by with at from on of before until than")
"""Words behind which a number is no more than a circumstance, or what is counted by."""
_BOUNDS = (("at", "least"), ("at", "most"), ("up", "to"), ("over",), ("under",), ("above",), ("below",), ("beyond",))
_BEING = frozenset({"is", "are", "be", "was", "were"})
_DETERMINERS = _words("the a an next last first all these those another whole full")
_TIMES = _words("second seconds minute minutes hour hours day days week weeks weekend weekends month months year years")


def bounded(tokens: list[Token], place: int) -> bool:
    """Return whether the words that end at ``place`` make the number a bound: ``is at least 18``, ``up to 18``.

    Behind another verb than ``is`` it is what is asked for: ``She needs at least 18 boxes``.
    """
    for words in _BOUNDS:
        start = place + 1 - len(words)
        if start >= 0 and tuple(token.text.lower() for token in tokens[start : place + 1]) == words:
            before = tokens[start - 1] if start else None
            return before is None or before.text.lower() in _BEING or before.kind == "mark"
    return False


def in_passing(tokens: list[Token], place: int) -> bool:
    """Return whether a number only says how long or how often: ``over 4 weeks``, ``in the next 12 days``."""
    back = place - 1
    while back >= 0 and tokens[back].text.lower() in _DETERMINERS:
        back -= 1
    behind = tokens[place + 1].text.lower() if place + 1 < len(tokens) else ""
    return back >= 0 and tokens[back].text.lower() in PREPOSITIONS and behind in _TIMES


def unsolved(tokens: list[Token], place: int) -> bool:
    """Return whether a number is the right side of an equation with work left to do: ``3x = 18``, ``x^2 = 18``."""
    back = place - 1
    while back > 0 and tokens[back].text in MINUS:
        back -= 1
    if back < 1 or tokens[back].text != "=":
        return False
    for index in range(back - 1, max(back - 12, -1), -1):
        token, before = tokens[index], tokens[index - 1] if index else None
        if token.text in ("=", ",", ";", ":", "."):
            return False
        if token.text == "^" and before is not None and variable(before):
            return True
        factor = before is not None and before.kind == "number" and tokens[index + 1].kind != "number"
        if factor and token.glued and variable(token) and token.text not in GLUED_UNITS:
            return True
    return False


def variable(token: Token) -> bool:
    """Return whether a token is one letter that is no word."""
    return token.kind == "word" and len(token.text) == 1 and token.text not in "aAI"
