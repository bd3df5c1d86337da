r"""Where a text states its answer: the rules of reading, in one place.

Reasoning blocks are left out first (`reasoning`). Then markers are looked for, and the one that stands last wins:

    final_answer   ``Final answer: 18`` (any case and decoration, ``is``, ``=`` or a full-width colon for the colon)
    boxed          ``\boxed{18}``, ``\fbox{18}`` with balanced braces; boxes joined by ``and``, ``or``, a comma are one
    hashes         ``#### 18`` at the start of a line; a heading such as ``#### Step 3`` states nothing
    tag            ``<answer>18</answer>``
    a_colon        ``A: 18`` at the start of a line, for numbers alone: it collides with options
    answer_is      ``the answer is (B)``, ``Answer: B``; where numbers or mathematics are asked for, only when there is
                   none of the markers above

What a marker states ends with its line or where the next marker begins. When the rest of its line is empty, the
next line that is not counts, and display mathematics (``\[``, ``$$``, ``\begin``) is read to its end. A marker that
states nothing of the right kind is passed over and the one before it is asked, down to the 200th from the end; so
is a sentence that only points elsewhere (``The final answer is boxed above.``) or judges (``The final answer is
correct and verified in step 2.``), and, where mathematics is asked for, words behind a formula.

Without a marker: a number or a mathematical task takes the last number (``last_number``), a choice the one option
that sentences name (``Option B is correct.``, see `naming`), that is the last line, or that lines begin with
(``option``), a text task the last line (``last_line``). Whatever is found must then be an answer as a whole, not a
part of one: see `numbers`, `letters` and `formulas`.

Everything here is linear in the length of the text: patterns cannot backtrack, braces are counted without
recursion, and contents longer than 2,000 characters are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from tracer_env.verification.markers import Marker, markers

__all__ = ["ANSWER_IS", "MAX_CONTENT", "MAX_TEXT", "STATED", "end_of", "has_digit", "points_elsewhere", "statements"]

MAX_CONTENT = 2_000
"""Characters of a stated answer that are read; a longer one is no answer."""
MAX_TEXT = 1_000_000
"""Characters at the end of a text that are read."""
STATED = frozenset({"final_answer", "boxed", "hashes", "tag"})
"""The rules that hold for all kinds of answers."""
ANSWER_IS = frozenset({"answer_is"})
"""The rule that is strong for choices and weak for numbers and mathematics."""
_MAX_JOINED = 12
_TORN = re.compile(r"[^\s{}()\[\]]*+")

_TAG_END = re.compile("</answer>", re.IGNORECASE)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"[^\s$;{}]++")
_HEADING = re.compile(r"[*_]{0,3}[A-Za-z][A-Za-z ]|\d++[.):][ \t]++\S")
_EMPTY_LINES = re.compile(r"(?:[ \t\r*_`>~]{0,16}(?:(?<=`)[a-z]{1,9})?[ \t\r]{0,8}\n){1,9}")
_DISPLAY = re.compile(r"\\\[|\$\$|\\begin\{[a-z]{1,20}\*?\}")
_BETWEEN_BOXES = re.compile(
    r"\s{0,4}[$\\()\[\]]{0,6}\s{0,4}(?P<word>,|;|and|or|\\text\{ ?(?:and|or) ?\}|,? and|,? or)"
    r"\s{0,4}[$\\()\[\]]{0,6}\s{0,4}(?:[a-z] ?= ?)?"
)
_POINTS = re.compile(
    r"\b(?:above|earlier|previously|boxed|as (?:shown|stated|given|derived|boxed)"
    r"|see\b|(?:shown|given|stated|written|displayed|found|highlighted|derived|obtained|computed|calculated"
    r"|explained|reached|proved|described|discussed) (?:in|at|on|under)"
    r"|(?:in|inside) (?:the|a) box)\b",
    re.IGNORECASE,
)
_JUDGES = re.compile(
    r"(?:indeed |also |thus |therefore |now |both )?(?:(?:correct|right|valid|reasonable|plausible|accurate|sensible"
    r"|consistent)(?=(?: and| as| because| since| with)\b|[.,;!]|$| to \w+ (?:decimal|significant) \w+[.!]?$)"
    r"|(?:verified|checked|confirmed|validated|justified)\b)"
    r"(?![^\n]*[:=$\\])",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"\b(?:step|part|line|equation|section|eq\.?|case|paragraph|point)s? \(?[0-9]+\)?", re.IGNORECASE
)
_VALUE = re.compile(r"[0-9$\\=^]|[^\x00-\x7f\u2018-\u201d]")


def end_of(text: str) -> str:
    """Return ``text``, or the end of it that is read; a word or number that the cut goes through is left out."""
    if len(text) <= MAX_TEXT:
        return text
    torn = _TORN.match(text, len(text) - MAX_TEXT)
    return text[torn.end() if torn else -MAX_TEXT :]


def statements(text: str, rules: Set[str]) -> Iterator[tuple[str, str]]:
    """Yield ``(rule, content)`` of the markers in ``text`` that are among ``rules``, the last one first."""
    found = markers(text, rules)
    end, index = len(text), 0
    while index < len(found):
        marker = found[index]
        index += 1
        if marker.rule == "boxed":
            content = _boxed(text, marker.end)
            if content:
                index, marker, content = _joined(text, found, index, marker, content)
        elif marker.rule == "tag":
            content = _tagged(text, marker.end, end)
        else:
            content = _line(text, marker.end, end)
            inside = content.lstrip().startswith("}")  # ``\boxed{\text{Final answer: } 18}``: the box states it
            if inside or (marker.rule == "hashes" and _HEADING.match(content)):
                content = ""
        end = marker.start
        if 0 < len(content) <= MAX_CONTENT and not points_elsewhere(content):
            yield marker.rule, content


def points_elsewhere(content: str) -> bool:
    """Return whether a statement only says where the answer stands, or that it holds.

    ``boxed above``, ``as shown in step 3 above``, ``correct and verified in step 2``.
    """
    if len(content.split()) < 2:
        return False
    if _JUDGES.match(content):
        return True
    return bool(_POINTS.search(content)) and not _VALUE.search(_REFERENCE.sub("", content))


def has_digit(content: str) -> bool:
    """Return whether there is a digit in ``content``, or a sign that stands for digits (``½``)."""
    return any(character.isnumeric() for character in content)


def _line(text: str, start: int, end: int) -> str:
    """Return the rest of the line at ``start``, or the next line that is not empty; display mathematics to its end."""
    blank = _EMPTY_LINES.match(text, start, end)
    if blank:
        start = blank.end()
        while text[start : start + 1] in (">", " "):
            start += 1
    line_end = text.find("\n", start, end)
    line_end = end if line_end < 0 else line_end
    display = _DISPLAY.search(text, start, min(line_end, start + MAX_CONTENT))
    if display:
        closing = {"\\[": "\\]", "$$": "$$"}.get(display.group(), display.group().replace("begin", "end"))
        closed = text.find(closing, display.end(), min(end, display.end() + MAX_CONTENT))
        if closed > line_end:
            line_end = closed + len(closing)
    return text[start:line_end]


def _tagged(text: str, start: int, end: int) -> str:
    closed = _TAG_END.search(text, start, min(end, start + MAX_CONTENT + 20))
    return text[start : closed.start()].strip() if closed else _line(text, start, end)


def _joined(text: str, found: list[Marker], index: int, marker: Marker, content: str) -> tuple[int, Marker, str]:
    """Join the boxes before ``marker`` that only ``and``, ``or`` or a comma parts from it: they state one answer."""
    for _ in range(_MAX_JOINED):
        if index >= len(found) or found[index].rule != "boxed" or marker.start - found[index].end > MAX_CONTENT:
            break
        before = _boxed(text, found[index].end)
        box_end = text.find(before, found[index].end) + len(before) + 1
        between = _BETWEEN_BOXES.fullmatch(text, box_end, marker.start) if before else None
        if between is None:
            break
        word = "or" if "or" in between["word"] else ","
        content, marker, index = f"{before} {word} {content}", found[index], index + 1
    return index, marker, content


def _boxed(text: str, start: int) -> str:
    """Return what the braces at ``start`` hold, or the one word that stands there without braces."""
    if text[start : start + 1] != "{":
        bare = _BARE.match(text, start)
        return bare.group().rstrip(".,") if bare else ""
    depth = 0
    for brace in _BRACE.finditer(text, start, start + MAX_CONTENT + 2):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[start + 1 : brace.start()]
    return ""
