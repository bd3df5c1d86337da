"""The dress of an answer: what stands round it and is no part of it.

Markdown stars, underscores and backticks, quotation marks of all scripts, full stops (``**.``), HTML of a few plain
tags, closing tags and the signs with which models end (``<|im_end|>``), characters that do not show, spaces of every
width, ticks, stars and smileys (``18 :)``), ``I hope it is correct.`` One function takes them off, for answers of all
kinds and for verdicts. Brackets, currency signs, exclamation marks and crosses stay: they may mean something.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["ornamental", "shown", "unadorned", "undress"]

_QUOTES = (
    "\"'\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u300c\u300d\u300e\u300f\uff02\uff07"
)
_BEFORE = " \t\r\n*`" + _QUOTES
_AFTER = " \t\r\n*`.,;:\u3002\uff0e\uff0c" + _QUOTES
_EMPHASIS = re.compile(r"_{1,3}(?=[^\s_])")
_MEANING = frozenset(
    "\u00b0\u2715\u2716\u2717\u2718\u274c\u274e\u2612\u26d4\u2753\u2754\u2795\u2796\u2797"
    "\U0001f6ab\U0001f44e\U0001f914\U0001f937"
)
"""Symbols that mean something: degrees, signs of sums, and what denies or doubts that beside which it stands."""
_CLOSING = re.compile(r"(?:(?P<math>\$)?\\(?:checkmark|blacksquare|qed|Box)(?(math)\$)|(?<=\s)[:;]-?[)D])$")
_CLOSING_SIZE = 20
_HOPE = re.compile(r"(?<=[.!?$)]) I hope (?:it|this|that|the|my)\b[^.!?\n]{0,40}[.!]?$")
_HOPE_SIZE = 64
_HTML = re.compile(
    r"</?(?:b|strong|i|em|u|p|br|span|div|code|mark|center|h[1-6])(?: [^<>]{0,40})?/?>"
    r"|</[A-Za-z][\w-]{0,30}>|<\|[^<>|\n]{1,40}\|>|<(?:s|eos|end_of_turn|pad)>",
    re.IGNORECASE,
)


def undress(content: str) -> str:
    """Return a stated answer without its dress; what is nothing but dress comes back as it was, stripped."""
    content = shown(content).strip()
    if hope := _HOPE.search(content, max(len(content) - _HOPE_SIZE, 0)):
        content = content[: hope.start()].rstrip()
    bare = _opened(unadorned(content))
    if bare and bare[0] == "." and not bare[1:2].isdigit():
        bare = _opened(bare.lstrip("."))
    for _ in range(3):
        bare = unadorned(bare.rstrip(_AFTER)).rstrip(_AFTER)
        if bare.endswith("_") and not bare[-2:-1].isspace():
            bare = bare.rstrip("_")
        elif bare.endswith("\\"):  # the backslash of a LaTeX space that was stripped
            bare = bare[:-1]
        else:
            break
    return bare or content


def ornamental(character: str) -> bool:
    """Return whether a character is an ornament: a tick, a star, a smiley, the sign of an end."""
    if character.isascii() or character in _MEANING or unicodedata.decomposition(character):
        return False
    return character in "\u220e\ufe0f\u20e3\u2234" or unicodedata.category(character) in ("So", "Sk")


def unadorned(content: str) -> str:
    """Return ``content`` without ornaments round it."""
    closing = _CLOSING.search(content, max(len(content) - _CLOSING_SIZE, 1))
    if closing:
        content = content[: closing.start()].rstrip()
    if content.isascii():
        return content
    start, end = 0, len(content)
    while end > start and (ornamental(content[end - 1]) or content[end - 1].isspace()):
        end -= 1
    while start < end and (ornamental(content[start]) or content[start].isspace()):
        start += 1
    return content[start:end]


def _opened(content: str) -> str:
    """Return ``content`` without the dress before it; an underscore that stands alone is no emphasis."""
    for _ in range(3):
        bare = content.lstrip(_BEFORE)
        emphasis = _EMPHASIS.match(bare)
        content = bare[emphasis.end() :] if emphasis else bare
        if emphasis is None:
            break
    return content


def shown(content: str) -> str:
    """Return ``content`` as a reader sees it: plain spaces, digits 0 to 9, without HTML tags and what does not show."""
    if "<" in content:
        content = _HTML.sub(" ", content)
    return content if content.isascii() else "".join(map(_shown, content))


def _shown(character: str) -> str:
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in ("Cf", "Cs", "Co"):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return _WIDE.get(character, character)


_WIDE = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)} | {"\u2236": ":", "\u066b": ".", "\u066c": ","}
