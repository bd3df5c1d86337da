r"""Markers: where in a text a rule of `extraction` applies, found in one quick pass.

A pass over the whole text looks for the few words and signs that every marker has (``answer``, ``\boxed``, ``####``);
what stands round each of them is then matched by the rule's own pattern, which is anchored and bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import NamedTuple

__all__ = ["MAX_MARKERS", "Marker", "markers"]

MAX_MARKERS = 200
"""How many markers of a text are looked at, from its end."""


class Marker(NamedTuple):
    """One marker: its rule, where it begins, and where what it states begins."""

    rule: str
    start: int
    end: int


_TRIGGER = re.compile(r"[Aa][Nn][Ss][Ww][Ee][Rr]|\\f?box|####|A[*_]{0,2}[:\uff1a]")
_TRIGGER_OF_CHOICES = re.compile(
    r"[Aa][Nn][Ss][Ww][Ee][Rr]|[Cc][Hh][Oo][Ii][Cc][Ee]|[Oo][Pp][Tt][Ii][Oo][Nn]|\\f?box|####"
)
_SAYS = (
    r"(?:[ \t*_`]{0,8}(?:\([^()\n]{0,40}\)[ \t*_`]{0,4})?"
    r"(?:->|=>|[:=\uff1a\ufe55\u2192]|(?:is|are|(?:would|should|will|must)[ ]be)\b[ \t]{0,4}[:\uff1a]?)"
    r"[*_`]{0,4}[ \t*`]{0,16})"
)
_WORD = re.compile(r"(?:answers?|choice|option)" + _SAYS, re.IGNORECASE)
_FINAL = re.compile(r"final[ \t]{1,4}$", re.IGNORECASE)
_FOREIGN = re.compile(
    r"\b(?:incorrect|wrong|false|mistaken|not an?|not the|least \w{1,12}|which|what)[ ]$", re.IGNORECASE
)
_HEADING = re.compile(r"(?:^|\n)[ \t]{0,4}[#>*_]{1,8}[ \t*_]{0,4}final[ \t]{1,4}$", re.IGNORECASE)
_HEADING_END = re.compile(r"answer[ \t*_]{0,8}(?=\r?\n|$)", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])[ \t]{0,4}", re.IGNORECASE)
_HASHES = re.compile(r"####(?!#)[ \t]{0,4}")
_A_COLON = re.compile(r"A[*_]{0,2}[:\uff1a][*_]{0,4}[\s*]{0,8}")
_LINE_START = re.compile(r"(?:^|\n)[ \t*_]{0,4}$")
_BACK = 32


def markers(text: str, rules: Set[str]) -> list[Marker]:
    """Return the last markers of ``text`` that are among ``rules``, the last one first."""
    found = [marker for marker in _found(text, "a_colon" in rules) if marker.rule in rules]
    return found[: -MAX_MARKERS - 1 : -1]


def _found(text: str, numbers: bool) -> Iterator[Marker]:
    """Yield all markers of ``text`` in order; those of numbers alone and of choices alone exclude each other."""
    for trigger in (_TRIGGER if numbers else _TRIGGER_OF_CHOICES).finditer(text):
        start = trigger.start()
        sign = text[start]
        if sign == "\\":
            match = _BOX.match(text, start)
            if match:
                yield Marker("boxed", start, match.end())
        elif sign == "#":
            match = _HASHES.match(text, start)
            if match and _begins_line(text, start):
                yield Marker("hashes", start, match.end())
        elif trigger.end() - start < 6:
            match = _A_COLON.match(text, start)
            if match and _begins_line(text, start):
                yield Marker("a_colon", start, match.end())
        else:
            yield from _word(text, start)


def _word(text: str, start: int) -> Iterator[Marker]:
    """Yield the marker that the word at ``start`` belongs to, if any."""
    before = text[max(start - _BACK, 0) : start]
    if before.endswith("<"):
        if text[start + 6 : start + 7] == ">":
            yield Marker("tag", start - 1, start + 7)
        return
    match = _WORD.match(text, start)
    final = _FINAL.search(before) if text[start] in "Aa" else None
    if match and final:
        yield Marker("final_answer", start - len(final.group()), match.end())
    elif match and not before[-1:].isalpha():
        if not _FOREIGN.search(before):
            yield Marker("answer_is", start, match.end())
    elif final and (heading := _HEADING.search(before)) and (ended := _HEADING_END.match(text, start)):
        whole = heading.group().startswith("\n") or start <= _BACK
        if whole:
            yield Marker("final_answer", start - len(final.group()), ended.end())


def _begins_line(text: str, start: int) -> bool:
    return _LINE_START.search(text[max(start - 5, 0) : start]) is not None if start else True
