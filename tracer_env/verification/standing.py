"""Standing: whether a number among tokens stands for itself or is part of something larger.

Only the neighbours are looked at, so each question costs the same however long the text is.
"""

from __future__ import annotations

from tracer_env.verification.tokens import MINUS, Token
from tracer_env.verification.units import unit_length
from tracer_env.verification.wording import GLUED_UNITS, bounded, conditional, in_passing, refuted, variable

__all__ = ["continues", "opens", "stands"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_NUMBER_AFTER = frozenset({"sqrt", "log", "ln", "sin", "cos", "tan", "exp", "twice", "double", "triple", "root"})
_NO_NUMBER_BEFORE = frozenset(
    {"pi", "squared", "cubed", "factorial", "sqrt", "log", "ln", "sin", "cos", "tan", "exp", "choose", "mod", "root"}
)
_OPERATORS = frozenset({"times", "plus", "minus", "divided", "over", "multiplied", "choose", "mod", "modulo"})
_JOINING = frozenset({"or", "and", "to", "through", "versus", "vs", "nor"})
_SHORT = _words(
    "in of to is at by on or an as we he it so my us up if do go no me be am pm st nd rd th al id ok mr "
    "ms dr vs bc ad ce"
)
_NUMERALS = _words(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_WORK_OF = frozenset(
    {"root", "half", "third", "quarter", "square", "cube", "percent", "fifth", "log", "logarithm", "power", "factorial"}
)
_DENYING = frozenset({"not", "isn't", "isn\u2019t", "never", "except", "without", "than"})
_MAYBE = frozenset({"possibly", "maybe", "perhaps", "even", "probably", "also", "about", "else"})
_APART = frozenset(",;:/%\u00b0|&?!.\u2192+~" + MINUS)
_ALL = frozenset({"all", "any", "anything", "everything", "none"})
_RELATIONS = "=\u2248:"


def stands(tokens: list[Token], place: int) -> bool:
    """Return whether the number at ``place`` stands for itself and is no part of something larger."""
    return _free_before(tokens, place) and _free_after(tokens, place)


def opens(tokens: list[Token], sign: int, place: int) -> bool:
    """Return whether a minus behind a word is a sign: in ``is -5``, not in ``x-5`` and ``left - 5``."""
    before = tokens[sign - 1]
    return before.kind == "word" and tokens[place].glued and not tokens[sign].glued and len(before.text) > 1


def _free_before(tokens: list[Token], place: int) -> bool:
    start = place - 1
    if start >= 0 and (tokens[start].text in MINUS or tokens[start].text == "+"):
        if start and tokens[start - 1].kind != "mark" and not opens(tokens, start, place):
            return _dash(tokens, start, place)
        start -= 1
    if start < 0:
        return True
    token = tokens[start]
    text = token.text.lower()
    if token.kind == "number" or token.kind == "command":
        return False
    if text in ("minus", "negative"):
        return start == 0 or tokens[start - 1].kind == "word" or tokens[start - 1].text in _RELATIONS
    if token.kind == "word":
        if text in _DENYING or (text == "but" and start and tokens[start - 1].text.lower() in _ALL):
            return False
        if bounded(tokens, start) or (text == "of" and start and tokens[start - 1].text.lower() == "instead"):
            return False
        operator = text in _OPERATORS and start > 0 and tokens[start - 1].kind == "number"
        work = text in _NO_NUMBER_AFTER or operator or _of(tokens, start)
        return not work and not _letter(tokens, start, place)
    if text in "([":
        if start and _factor(tokens, start):
            return False
        name = tokens[start - 1].text.lower() if start and token.glued and tokens[start - 1].kind != "mark" else ""
        applied = 0 < len(name) < 4 or name in _NO_NUMBER_AFTER or name.startswith("\\")
        return not applied and not _in_a_list(tokens, place)
    if text == "{":
        return start == 0
    if text == "|" and tokens[place].glued:
        return False
    if text == ">":  # ``<<9*2=18>>18``, ``-> 18``, and no inequality
        return bool(start) and token.glued and tokens[start - 1].text in (">", "-", "=")
    if text == "=" and start and ((tokens[start - 1].text in "!<>~" and token.glued) or conditional(tokens, start)):
        return False
    return text in "=\u2248:,;.)]!?\u2192\u2022>'\"|&#" and not (
        text == ":" and start and tokens[start - 1].kind == "number" and token.glued
    )


def _factor(tokens: list[Token], bracket: int) -> bool:
    """Return whether the bracket at ``bracket`` is a factor, a divisor or a summand: ``3/(18)``, ``(2)(18)``."""
    before = tokens[bracket - 1]
    if before.text in ("/", "*", "^", "\u00d7", "\u00b7", "\u00f7"):
        return bracket > 1
    if before.text == "+" or before.text in MINUS:
        return bracket > 1 and tokens[bracket - 2].kind == "number"
    return before.text == ")" and tokens[bracket].glued


def _dash(tokens: list[Token], sign: int, place: int) -> bool:
    """Return whether a minus behind a word is a dash: ``the total - 5 eggs``."""
    before = tokens[sign - 1]
    return before.kind == "word" and len(before.text) > 1 and not tokens[place].glued and not tokens[sign].glued


def _of(tokens: list[Token], place: int) -> bool:
    """Return whether ``of`` at ``place`` asks for work: ``root of 16``, ``half of 36``, ``20% of 50``."""
    if tokens[place].text.lower() != "of" or place == 0:
        return False
    before = tokens[place - 1]
    return before.kind != "word" or before.text.lower() in _WORK_OF


def _letter(tokens: list[Token], place: int, number: int) -> bool:
    """Return whether the word at ``place`` is a letter that belongs to the number behind it (``x 5``, ``H2``)."""
    text = tokens[place].text
    if tokens[number].glued and number == place + 1:
        return text.lower() not in (
            "rs",
            "usd",
            "eur",
            "gbp",
            "us",
            "s",
            "r",
            "a",
            "c",
            "hk",
            "inr",
            "cad",
            "aud",
            "chf",
            "jpy",
            "cny",
        ) or (
            len(text) == 1
            and "$" not in tokens[number].found.string[tokens[place].found.end() : tokens[number].found.start()]
        )
    return len(text) == 1 and text not in "AaI"


def _in_a_list(tokens: list[Token], place: int) -> bool:
    """Return whether the bracket that opens before the number is closed behind a comma: ``(1, 2)``, ``[0, 5)``."""
    for token in tokens[place + 1 : place + 40]:
        if token.text in ")]}":
            return False
        if token.text in ",;":
            return True
    return True


def _free_after(tokens: list[Token], place: int) -> bool:
    if tokens[place].found["tail"]:
        return False
    if place + 1 >= len(tokens):
        return True
    token, following = tokens[place + 1], tokens[place + 2] if place + 2 < len(tokens) else None
    text = token.text.lower()
    if token.kind == "number":
        return False
    if token.kind == "command":
        return False
    if token.kind == "word":
        return _word_after(tokens, place)
    if text in "%\u00b0":
        if following is not None and following.text.lower() == "of" and tokens[place + 3 : place + 4]:
            return tokens[place + 3].kind != "number"
        return following is None or following.kind != "number"
    if text in ".,;:!?":
        listed = text in ",;:" and _closes_a_list(tokens, place)
        doubted = text == "?" and following is not None and following.text == ")"
        return (
            not listed
            and not doubted
            and not (following is not None and following.kind == "number" and following.glued)
        )
    if text == ")" or text == "]":
        return not _closes_a_list(tokens, place) and _power_free(following)
    if text == "|":
        return not token.glued
    if text == "(":
        return following is not None and (
            (following.kind == "word" and len(following.text) > 1)
            or following.text in _RELATIONS
            or following.kind == "mark"
            or (not token.glued and _remark(tokens, place + 1))
        )
    if text == "/" or text in MINUS:  # ``7200/year``, ``600-meter``, ``18 - as said``
        word = (
            following is not None
            and following.kind == "word"
            and (len(following.text) > 1 or unit_length(following.text) > 0)
        )
        return word and following is not None and (token.glued == following.glued)
    return text in "=\u2248\u2192|&}"


def _remark(tokens: list[Token], place: int) -> bool:
    """Return whether the bracket at ``place`` holds words: a remark and no factor."""
    for token in tokens[place + 1 : place + 40]:
        if token.text == ")":
            return False
        if (token.kind == "word" and len(token.text) > 1) or token.text == "=":
            return True
    return False


def _power_free(following: Token | None) -> bool:
    return following is None or (
        not (following.glued and variable(following))
        and following.text not in ("^", "**", "*", "/", "_", "(", "\\", "!")
        and following.kind not in ("number", "command")
    )


def _closes_a_list(tokens: list[Token], place: int) -> bool:
    """Return whether the number stands in a bracket that holds a comma: the last coordinate of a pair."""
    depth = 0
    for back in range(place - 1, max(place - 60, -1), -1):
        text = tokens[back].text
        if text in ")]":
            depth += 1
        elif text in "([":
            if depth == 0:
                inside = tokens[back + 1 : place + 2]
                return any(token.text in ",;" for token in inside) and not any(
                    token.kind == "word" and len(token.text) > 1 for token in inside
                )
            depth -= 1
    return False


def _word_after(tokens: list[Token], place: int) -> bool:
    """Return whether the word behind a number leaves it one: a unit or an ordinary word, no factor."""
    token = tokens[place + 1]
    following = tokens[place + 2] if place + 2 < len(tokens) else None
    text = token.text.lower()
    if text in _NO_NUMBER_BEFORE or refuted(tokens, place + 1):
        return False
    if text in _JOINING and following is not None:
        numeral = following.kind == "number" or following.text.lower() in _NUMERALS
        return not numeral and not (len(following.text) == 1 and following.text not in "aAI")
    if text in _OPERATORS and following is not None and _operand(following) and not in_passing(tokens, place + 2):
        return False
    if text == "remainder" and following is not None and following.kind == "number":
        return False
    if text in ("less", "more") and following is not None and following.text.lower() == "than":
        behind = tokens[place + 3 : place + 4]
        return not behind or not (variable(behind[0]) or behind[0].kind == "number")
    if text in ("percent", "percentage", "of") and following is not None:
        behind = (
            tokens[place + 3 : place + 4]
            if following.text.lower() == "of"
            else [following]
            if text == "of" and "/" in tokens[place].text
            else []
        )
        if behind and (behind[0].kind == "number" or variable(behind[0])):
            return False
    if len(token.text) == 1:
        article = text == "a" and following is not None and following.kind == "word" and not token.glued
        clock = token.found.string[token.found.start() : token.found.start() + 4].lower() in ("a.m.", "p.m.")
        pronoun = (token.text == "I" and not token.glued) or clock
        unit = token.text in GLUED_UNITS if token.glued else unit_length(token.text) > 0
        return article or pronoun or (unit and _unit_stands(following))
    if len(token.text) == 2 or (token.glued and len(token.text) < 3):
        return text in _SHORT or unit_length(token.found.string[token.found.start() :]) > 0
    return True


def _operand(token: Token) -> bool:
    return token.kind in ("number", "command") or token.text.lower() in ("by", "pi") or variable(token)


def _unit_stands(following: Token | None) -> bool:
    """Return whether what stands behind a one-letter unit leaves it a unit: not an operator with work behind it."""
    return following is None or (following.text not in ("+", "_", "(") and following.kind not in ("number", "command"))


def continues(tokens: list[Token], numbers: list[int], index: int) -> bool:
    """Return whether number ``index`` continues the one before it: as an alternative, a range, a list or a compound."""
    if index == 0:
        return False
    between = tokens[numbers[index - 1] + 1 : numbers[index]]
    if not between:
        return True
    last = between[-1]
    if any(token.text in "(" for token in between):
        return last.text.lower() == "or"
    if last.kind == "word":
        while len(between) > 1 and last.text.lower() in _MAYBE:
            between = between[:-1]
            last = between[-1]
        joined = last.text.lower() in _JOINING and (last.text.lower() != "to" or len(between) < 3)
        compound = len(between) == 1 and last.text != "in" and unit_length(last.text) > 0
        return (joined or compound) and tokens[numbers[index]].text != tokens[numbers[index - 1]].text
    marks = all(token.text in _APART or unit_length(token.text) > 0 for token in between)
    return marks and tokens[numbers[index]].text != tokens[numbers[index - 1]].text
