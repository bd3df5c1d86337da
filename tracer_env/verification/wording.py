"""Wording: what the words round a number make of it.

is at least 18, up to 18         a bound
over 4 weeks, in the next 4 days a circumstance
3x = 18, x^2 = 18                a step: the equation is not solved yet
"""

from __future__ import annotations

from tracer_env.verification.tokens import MINUS, Token

__all__ = [
    "CONCLUDING",
    "GLUED_UNITS",
    "PREPOSITIONS",
    "REASONS",
    "REMARKS",
    "alternative",
    "bounded",
    "concludes",
    "conditional",
    "denied",
    "in_passing",
    "leads",
    "main_clause",
    "reason_at",
    "refers",
    "refuted",
    "unsolved",
    "variable",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GLUED_UNITS = frozenset("mgshlL")
"""Units of one letter that may stand glued to a number."""
PREPOSITIONS = _words("over in after within during for every each per by with at from on of before until than")
"""Words behind which a number is no more than a circumstance, or what is counted by."""
REASONS = frozenset({"because", "since"})
"""Words that begin a reason."""
REMARKS = _words("as from where when if with for i.e i that given which being because since not and")
"""Words behind a comma that only add to the number before it."""
CONCLUDING = _words("so meaning rounds rounded thus therefore then hence get have find obtain leaving")
"""Words that go on to another number, which is the one that is meant."""
_LEADING = _words("if since as because when after given although while with")
_REFERENCES = _words(
    "step steps part line equation eq section page figure table problem question exercise example theorem lemma chapter"
)
_BOUNDS = (("at", "least"), ("at", "most"), ("up", "to"), ("over",), ("under",), ("above",), ("below",), ("beyond",))
_BEING = frozenset({"is", "are", "be", "was", "were"})
_DETERMINERS = _words("the a an next last first all these those another whole full")
_DENIALS = _words(
    "not isn't isn\u2019t aren't aren\u2019t don't don\u2019t never cannot can't can\u2019t neither except"
)
_OF_A_DENIAL = _words(
    "be been equal equals to the a an exactly simply just only necessarily actually really true that answer value"
    " result it is are was x : = more less fewer than sure certain clear know think believe if whether but determined"
    " found computed calculated solved answered given from with i would say"
)
_TIMES = _words("second seconds minute minutes hour hours day days week weeks weekend weekends month months year years")


def denied(tokens: list[Token], numbers: list[int]) -> bool:
    """Return whether the first number of a statement is denied, or one of two: ``not 18``, ``between 3 and 4``.

    ``The number of players who did not play is 7`` denies something else.
    """
    number = numbers[0]
    for place in range(number - 1, -1, -1):
        word = tokens[place].text.lower()
        if word in _DENIALS:
            return all(token.text.lower() in _OF_A_DENIAL for token in tokens[place + 1 : number])
        if word == "either":
            return all(token.text.lower() in _DETERMINERS for token in tokens[place + 1 : number])
        if word == "between":
            pair = len(numbers) > 1 and any(t.text.lower() in ("and", "or") for t in tokens[number : numbers[1]])
            return pair and all(token.text.lower() in _DETERMINERS for token in tokens[place + 1 : number])
    return False


def reason_at(tokens: list[Token], number: int) -> int | None:
    """Return the place of the first word behind ``number`` that begins a reason, or None."""
    for place in range(number + 1, len(tokens)):
        if tokens[place].text.lower() in REASONS:
            return place
    return None


def leads(tokens: list[Token], reason: int) -> bool:
    """Return whether what the reason at ``reason`` explains comes behind it: ``..., and since it is so, x is 5``."""
    return tokens[reason].text.lower() == "since" and any(token.text == "," for token in tokens[reason:])


def main_clause(tokens: list[Token], number: int) -> int:
    """Return where a sentence goes on behind a clause that leads to it and holds its first number, else 0."""
    first = next((token.text.lower() for token in tokens if token.text.lower() not in CONCLUDING | {",", "and"}), "")
    if first not in _LEADING:
        return 0
    return next((place for place in range(number + 1, len(tokens)) if tokens[place].text == ","), 0)


def concludes(tokens: list[Token], numbers: list[int]) -> bool:
    """Return whether a later one of ``numbers`` is drawn from the first: ``16.75 bags, so 17 bags``."""
    return len(numbers) > 1 and any(token.text.lower() in CONCLUDING for token in tokens[numbers[0] : numbers[-1]])


def alternative(tokens: list[Token], place: int) -> bool:
    """Return whether the ``or`` at ``place``, if it is one, stands before another value and not before a word."""
    if tokens[place].text.lower() != "or":
        return False
    return any(token.kind == "number" or token.text == "=" for token in tokens[place + 1 : place + 4])


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
    start = back
    while start > max(back - 12, 0) and tokens[start - 1].text not in ("=", ",", ";", ":", "."):
        start -= 1
        if tokens[start].text.lower() in _BEING:  # ``the number of wins is 2x = 20``
            return False
    return any(_work(tokens, place) for place in range(start + 1, back))


def _work(tokens: list[Token], place: int) -> bool:
    """Return whether the token at ``place`` is the power of a letter, or a letter with a factor."""
    before, token = tokens[place - 1], tokens[place]
    if token.text == "^":
        return variable(before)
    factor = before.kind == "number" and token.glued and tokens[place + 1].kind != "number"
    return factor and variable(token) and token.text not in GLUED_UNITS


def conditional(tokens: list[Token], equals: int) -> bool:
    """Return whether the ``=`` at ``equals`` belongs to a condition: ``when x = 3``, ``at x = 3``."""
    return (
        equals > 1
        and variable(tokens[equals - 1])
        and tokens[equals - 2].text.lower() in ("when", "where", "at", "if", "for", "with", "given")
    )


def refuted(tokens: list[Token], place: int) -> bool:
    """Return whether the word at ``place`` says that what stands before it is no answer: ``18 is wrong``."""
    word = tokens[place].text.lower()
    behind = tokens[place + 1].text.lower() if place + 1 < len(tokens) else ""
    return word in ("isn't", "isn\u2019t") or (
        word in ("is", "was") and behind in ("not", "wrong", "incorrect", "impossible")
    )


def refers(tokens: list[Token], place: int) -> bool:
    """Return whether a number only says which: ``step 3``, ``equation (3)``."""
    back = place - 1 - (place > 1 and tokens[place - 1].text in "(#")
    return back >= 0 and tokens[back].text.lower() in _REFERENCES


def variable(token: Token) -> bool:
    """Return whether a token is one letter that is no word."""
    return token.kind == "word" and len(token.text) == 1 and token.text not in "aAI"
