"""Tokens: a piece of text cut into numbers, words, commands of LaTeX and marks, for `numbers`.

A number is one token with all that belongs to its writing: groups of digits, decimals, an exponent, a fraction or a
mixed number, ``million``. Decoration and currency signs are left out; whether something stands glued to what comes
before it is kept, since ``x-5`` and ``is -5`` differ in nothing else.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tracer_env.verification.dress import ornamental, shown
from tracer_env.verification.units import CURRENCIES, unit_length

__all__ = ["MINUS", "Token", "cut", "places", "tidy"]

_SIGNS = "".join(CURRENCIES)
_DIGITS = (
    r"(?:[0-9]{1,3}+(?:,[0-9]{2,3}+){1,40}+(?<=,[0-9]{3})"
    r"|[0-9]{1,3}+(?: [0-9]{3}){1,40}+(?![0-9])"
    r"|[0-9]{1,3}+(?:['\u2019_][0-9]{3}){1,40}+"
    r"|[0-9]++)(?:\.[0-9]++)?|\.[0-9]++"
)
_TOKEN = re.compile(
    rf"(?P<number>(?P<first>{_DIGITS})"
    r"(?:[eE](?P<exponent>[-+]?[0-9]{1,3})(?![0-9A-Za-z])"
    r"|(?: ?(?:[x*\u00d7\u00b7\u22c5]|\\times|\\cdot) ?)10 ?(?:\^|\*\*) ?"
    r"(?P<brace>\{ ?)?(?P<power>[-+]?[0-9]{1,3})(?(brace) ?\})(?![0-9.])"
    r"|(?:(?: (?P<part>[0-9]{1,12}))?/(?P<below>[0-9]{1,400}))(?![0-9]))?+"
    r"(?P<scale> (?:hundred|thousand|million|billion|trillion)(?![A-Za-z]))?+"
    r"(?P<tail>[.,'\u2019_:/][0-9]|[0-9])?)"
    r"|(?P<command>\\[A-Za-z]+|\\.)"
    r"|(?P<word>[^\W\d_]+(?:['\u2019-][^\W\d_]+)*)"
    r"|(?P<space>\s+)"
    r"|(?P<mark>\*\*|[^\w\s]|_)",
    re.DOTALL,
)
_FRACTION = re.compile(
    r"(?P<before>[0-9])?\s{0,4}\\[dtc]?frac\s{0,2}(?:\{\s?(?P<a>[-\u2212]?[0-9]{1,400})\s?\}|(?P<b>[0-9]))\s{0,2}"
    r"(?:\{\s?(?P<c>[0-9]{1,400})\s?\}|(?P<d>[0-9]))(?P<after>[0-9])?"
)
_WRAPPING = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname)\s?\{([^{}]{0,200})\}")
_NOISE = re.compile(r"\\(?:left|right|displaystyle|textstyle|big|Big|bigl|bigr)(?![A-Za-z])|\\!|\\[()\[\]]")
_THIN = re.compile(r"\\[,;: ]|~|\\q?quad(?![A-Za-z])")
_DEGREE = re.compile(r"\^ ?\{? ?\\circ ?\}?|\\degree(?![A-Za-z])|\u00ba")
_VULGAR = {
    **{
        "\u00bd": "1/2",
        "\u2153": "1/3",
        "\u2154": "2/3",
        "\u00bc": "1/4",
        "\u00be": "3/4",
        "\u2155": "1/5",
        "\u2156": "2/5",
    },
    **{
        "\u2157": "3/5",
        "\u2158": "4/5",
        "\u2159": "1/6",
        "\u215a": "5/6",
        "\u215b": "1/8",
        "\u215c": "3/8",
        "\u215d": "5/8",
    },
    **{"\u215e": "7/8"},
}
_VULGAR_MARK = re.compile(rf"([0-9])?\s?([{''.join(_VULGAR)}])([0-9])?")
_SUPERSCRIPT = re.compile("[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_RAISED = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a", "0123456789-+")
MINUS = "-\u2212\u2013\u2014"
_IGNORED = frozenset("*`\"'\u2018\u2019\u201c\u201d$")


class Token(NamedTuple):
    """A piece of a text; ``found`` holds the parts of a number."""

    kind: str
    text: str
    glued: bool
    """Whether nothing, not even a space, stands before it."""
    found: re.Match[str]


def tidy(content: str) -> str:
    """Return ``content`` in plain writing: wrappers and spacing off, ``a/b`` for fractions, ``^`` for superscripts."""
    content = shown(content)
    if "{" in content or "\\" in content or "~" in content:
        content = content.replace("{,}", ",").replace("\\%", "%").replace("\\$", "$")
        content = _NOISE.sub("", _DEGREE.sub("\u00b0", content))
        content = _WRAPPING.sub(r" \1 ", _THIN.sub(" ", content))
        content = _FRACTION.sub(_plain_fraction, content)
    if not content.isascii():
        content = _VULGAR_MARK.sub(_plain_vulgar, content)
        content = _SUPERSCRIPT.sub(lambda found: "^" + found.group().translate(_RAISED), content)
    return content


def cut(content: str) -> list[Token]:
    """Cut ``content`` into numbers, words, commands and marks; decoration and currency signs are dropped."""
    tokens: list[Token] = []
    glued = False
    for found in _TOKEN.finditer(content):
        kind = str(found.lastgroup)
        if kind == "space":
            glued = False
            continue
        text = found.group()
        if text in _IGNORED or (text == "**" and not _between_digits(content, found)):
            if text == "*" and _between_operands(content, found):
                tokens.append(Token("mark", "*", glued, found))
            glued = glued and text in _SIGNS
            continue
        if text in CURRENCIES or (kind == "mark" and ornamental(text)):
            glued = glued and text in CURRENCIES
            continue
        tokens.append(Token(kind, text, glued, found))
        glued = True
    return tokens


def places(tokens: list[Token]) -> list[int]:
    """Return the places of the numbers; the power of a unit (``25 m^2``) is none."""
    return [place for place, token in enumerate(tokens) if token.kind == "number" and not _of_a_unit(tokens, place)]


def _of_a_unit(tokens: list[Token], place: int) -> bool:
    back = place - 1
    while back > 0 and tokens[back].text in ("{", "-", "^", "\u2212"):
        back -= 1
    if back == place - 1 or back < 1 or "^" not in (token.text for token in tokens[back:place]):
        return False
    unit, before = tokens[back], tokens[back - 1]
    return (
        unit.kind == "word"
        and unit_length(unit.text) > 0
        and (before.kind == "number" or before.text in ("/", "\u00b7"))
    )


def _plain_fraction(found: re.Match[str]) -> str:
    before, after = found["before"], found["after"]
    fraction = f"{found['a'] or found['b']}/{found['c'] or found['d']}"
    return f"{before + ' ' if before else ''}{fraction}{' ' + after if after else ''}"


def _plain_vulgar(found: re.Match[str]) -> str:
    return f"{found[1] + ' ' if found[1] else ''}{_VULGAR[found[2]]}{' ' + found[3] if found[3] else ''}"


def _between_digits(content: str, found: re.Match[str]) -> bool:
    return content[: found.start()][-1:].isalnum() and content[found.end() : found.end() + 1].isalnum()


def _between_operands(content: str, found: re.Match[str]) -> bool:
    """Return whether the star is a sign of multiplication and no markdown: a digit or bracket stands on both sides."""
    left, right = (
        content[max(found.start() - 8, 0) : found.start()].rstrip(),
        content[found.end() : found.end() + 8].lstrip(),
    )
    spaced = content[found.start() - 1 : found.start()] == content[found.end() : found.end() + 1] == " "
    return (
        bool(left and right)
        and (left[-1].isdigit() or left[-1] in ")}" or spaced)
        and (right[0].isdigit() or right[0] in "($\\{" or spaced)
    )
