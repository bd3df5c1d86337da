"""The dress of an answer: what stands round it and is no part of it.

Markdown stars, underscores and backticks, quotation marks of all scripts, full stops (``**.``), HTML of a few plain
tags, closing tags and the signs with which models end (``<|im_end|>``), characters that do not show, spaces of every
width. One function takes them off, for answers of all kinds and for verdicts. Brackets, currency signs and
exclamation marks stay: they may mean something.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["shown", "undress"]

_QUOTES = (
    "\"'\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u300c\u300d\u300e\u300f\uff02\uff07"
)
_BEFORE = " \t\r\n*`" + _QUOTES
_AFTER = " \t\r\n*`.,;:\u3002\uff0e\uff0c" + _QUOTES
_EMPHASIS = re.compile(r"_{1,3}(?=[^\s_])")
_HTML = re.compile(
    r"</?(?:b|strong|i|em|u|p|br|span|div|code|mark|center|h[1-6])(?: [^<>]{0,40})?/?>"
    r"|</[A-Za-z][\w-]{0,30}>|<\|[^<>|\n]{1,40}\|>|<(?:s|eos|end_of_turn|pad)>",
    re.IGNORECASE,
)


def undress(content: str) -> str:
    """Return a stated answer without its dress; what is nothing but dress comes back as it was, stripped."""
    content = shown(content).strip()
    bare = _opened(content)
    if bare and bare[0] == "." and not bare[1:2].isdigit():
        bare = _opened(bare.lstrip("."))
    for _ in range(3):
        bare = bare.rstrip(_AFTER)
        if bare.endswith("_") and not bare[-2:-1].isspace():
            bare = bare.rstrip("_")
        elif bare.endswith("\\"):  # the backslash of a LaTeX space that was stripped
            bare = bare[:-1]
        else:
            break
    return bare or content


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
