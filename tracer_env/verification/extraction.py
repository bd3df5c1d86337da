r"""Where a text states its answer, and which number or letter a piece of text holds.

A text states an answer with a marker, and the marker that stands last wins:

    final_answer   ``Final answer: 18`` (any case, markdown stars allowed, ``is`` instead of the colon too;
                   when the rest of the line is empty, the next line that is not)
    boxed          ``\boxed{18}`` or ``\fbox{18}`` with balanced braces
    hashes         ``#### 18`` at the start of a line; a heading such as ``#### Step 3`` states nothing
    a_colon        ``A: 18`` at the start of a line, for numbers alone: it collides with options
    answer_is      ``the answer is (B)``, ``Answer: B``, for choices alone

The content of a marker ends with its line or where the next marker begins. A marker without content
of the right kind is passed over and the one before it is asked, down to the 200th from the end.
Everything here is linear in the length of the text: patterns cannot backtrack, braces are
counted without recursion, and contents longer than 2,000 characters are not read. Of a text of more than a
million characters the end is read alone (`end_of`), so that grading takes less than a second whatever is sent.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Set
from fractions import Fraction

__all__ = [
    "MAX_CONTENT",
    "MAX_DIGITS",
    "MAX_TEXT",
    "end_of",
    "has_digit",
    "last_number",
    "listed_choice",
    "read_choice",
    "read_number",
    "render_number",
    "statements",
]

MAX_CONTENT = 2_000
"""Characters of a stated answer that are read; a longer one is no answer."""
MAX_DIGITS = 400
"""Digits of a number that are read; a longer one is no number."""
MAX_TEXT = 1_000_000
"""Characters at the end of a text that are read."""
_MAX_MARKERS = 200
_TORN = re.compile(r"[^\s{}()\[\]]*+")

_MARKER = re.compile(
    r"(?P<final_answer>final[ \t]{1,4}answer[ \t*_`]{0,8}(?::|is\b[ \t]{0,4}:?)[\s*]{0,16})"
    r"|(?P<boxed>\\(?:boxed|fbox)(?![a-z])[ \t]{0,4})"
    r"|(?P<hashes>^[ \t]{0,4}####(?!#)[ \t]{0,4})"
    r"|(?P<a_colon>^[ \t*_]{0,4}(?-i:A)[*_]{0,2}:[\s*_]{0,8})"
    r"|(?P<answer_is>\b(?:answer|choice|option)[ \t*_`]{0,8}(?::|is\b[ \t]{0,4}:?)[\s*_`]{0,16})",
    re.IGNORECASE | re.MULTILINE,
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BARE = re.compile(r"[^\s$;{}]++")
_HEADING = re.compile(r"[*_]{0,3}[A-Za-z][A-Za-z ]|\d++[.):][ \t]++\S")

_DIGITS = r"(?:[0-9]{1,3}+(?:,[0-9]{2,3}+){0,40}+(?<=,[0-9]{3})(?![0-9])|[0-9]++)(?:\.[0-9]++)?+|(?<![0-9])\.[0-9]++"
_NUMBER = re.compile(
    r"(?:(?<![\w.)\]}])(?P<sign>[-+\u2212])(?:\\?\$)?|(?<=\$)(?P<inner>[-\u2212]))?"
    rf"(?<![0-9])(?<![0-9]\.)(?<!\^)(?<!\^\{{)(?<![0-9]\*\*)(?P<first>{_DIGITS})"
    r"(?:[eE](?P<exponent>[-+]?[0-9]{1,3})(?![0-9A-Za-z]))?+"
    r"(?:(?:\ (?P<part>[0-9]++))?/(?P<below>[0-9]++)(?![.0-9]))?+"
    r"(?!\*\*[0-9]|\^\{?[0-9])"
)
_FRACTION = re.compile(
    r"\\[dt]?frac[ ]?(?:\{[ ]?([-\u2212]?[0-9]++)[ ]?\}|([0-9]))[ ]?(?:\{[ ]?([0-9]++)[ ]?\}|([0-9]))"
)
_MIXED = re.compile(r"(?<=[0-9])[ ]{0,4}(?=\\[dt]?frac)")
_LOOSE_SIGN = re.compile(r"^([\s*_`$(\\]{0,16}[-\u2212])[ \t]{1,4}(?=[0-9.$\\])")
_SPACING = re.compile(r"\{,\}|\\[,!;]")
_DECORATION = re.compile(r"[\s*_`$(\\]*+")
_OPERATOR = re.compile(r"[-+*/^\u2212\u00d7\u00f7\u00b7]|\\(?:times|cdot|div)")
_OPERATION = re.compile(
    r"[\s\\*]{0,8}(?:[-+*/^:,\u2212\u00d7\u00f7\u00b7]|\\?(?:times|cdot|div)\b)[\s*({\\$]{0,8}[0-9]"
)

_LETTERS = "ABCDEFGHIJ"
_AROUND = " \t\r\n*_`$.,:;()[]{}\\\"'"
_WRAPPING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|left|right)\b|\b(?:option|choice|answer)\b", re.IGNORECASE)
_LABEL = re.compile(r"[\s*_`$(\[]{0,8}([A-J])[*_]{0,2}[)\].:]")
_LETTER = re.compile(
    r"\(([A-Ja-j])\)|(?<![\w'\u2019])([B-HJ])(?![\w'\u2019])"
    r"|(?<![\w'\u2019])([AI])(?=[ \t]{0,4}(?:[^\w\s'\u2019]|$)|[ \t]{1,4}(?:and|or|because|since|is)\b)"
)
_CHOICE_LINE = re.compile(r"^[ \t*_(\[]{0,8}([A-J])[*_]{0,2}(?:[)\]:]|[.]?[*_ \t\r]{0,8}$)", re.MULTILINE)


def end_of(text: str) -> str:
    """Return ``text``, or the end of it that is read; a word or number that the cut goes through is left out."""
    if len(text) <= MAX_TEXT:
        return text
    torn = _TORN.match(text, len(text) - MAX_TEXT)
    return text[torn.end() if torn else -MAX_TEXT :]


def statements(text: str, rules: Set[str]) -> Iterator[tuple[str, str]]:
    """Yield ``(rule, content)`` of the markers in ``text`` that are among ``rules``, the last one first."""
    markers = [match for match in _MARKER.finditer(text) if match.lastgroup in rules]
    end = len(text)
    for match in reversed(markers[-_MAX_MARKERS:]):
        rule = str(match.lastgroup)
        if rule == "boxed":
            content = _boxed(text, match.end())
        else:
            line_end = text.find("\n", match.end(), end)
            content = text[match.end() : end if line_end < 0 else line_end]
            if rule == "hashes" and _HEADING.match(content):
                content = ""
        end = match.start()
        if 0 < len(content) <= MAX_CONTENT:
            yield rule, content


def read_number(content: str) -> Fraction | None:
    """Return the number that a stated answer holds, or None when it holds none or more than a number.

    Read: ``1,000``, ``$5.00``, ``50%`` (is 50), ``18.0``, ``-3``, ``1e3``, ``1/2``, ``3 1/2`` (is 3.5),
    ``\\frac{1}{2}``, ``18 eggs``, and the right-hand side of ``9 * 2 = 18``. Of several numbers in a
    sentence the first counts. An expression that is left to do (``2 + 3``, ``10**10**10``, ``3:1``) is no number.
    """
    content = _tidy(content)
    start = _DECORATION.match(content)
    head = _NUMBER.match(content, start.end() if start else 0)
    if "=" in content and not (head and _stands_alone(content, head.end())):
        content, head = content.rpartition("=")[2], None
    head = head or _NUMBER.search(content)
    if head is None or _OPERATION.match(content, head.end()):
        return None
    return _value(head)


def last_number(text: str) -> Fraction | None:
    """Return the last number in ``text``, or None; powers such as ``2^10`` and their parts are passed over."""
    found = deque(_NUMBER.finditer(text), maxlen=1)
    return _value(found[0]) if found else None


def count_numbers(content: str) -> int:
    """Return how many numbers stand in ``content``; a fraction is one."""
    return sum(1 for _ in _NUMBER.finditer(_tidy(content)))


def has_digit(content: str) -> bool:
    """Return whether there is an ASCII digit in ``content``."""
    return re.search("[0-9]", content) is not None


def render_number(value: Fraction) -> str:
    """Return the canonical form: the shortest decimal where there is a finite one, else ``p/q``."""
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MAX_DIGITS // 2:
        return f"{value.numerator}/{value.denominator}"
    if places == 0:
        return str(value.numerator)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def read_choice(content: str) -> str | None:
    """Return the option letter, A to J, that a stated answer holds; None for no letter and for several.

    ``A`` and ``I`` before another word are an article and a pronoun, not letters (``A bare majority``).
    """
    bare = _WRAPPING.sub("", content).strip(_AROUND)
    if len(bare) == 1 and bare.upper() in _LETTERS:
        return bare.upper()
    if bare[:4].lower() in ("not ", "none"):
        return None
    if first := _LABEL.match(content):
        return first.group(1)
    letters = {str(found[found.lastindex or 0]).upper() for found in _LETTER.finditer(content)}
    return letters.pop() if len(letters) == 1 else None


def listed_choice(text: str) -> str | None:
    """Return the one letter that lines of ``text`` begin with (``B) ...``) or consist of; None when they differ."""
    letters = {found.group(1) for found in _CHOICE_LINE.finditer(text)}
    return letters.pop() if len(letters) == 1 else None


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


def _tidy(content: str) -> str:
    """Return ``content`` with LaTeX fractions and thousands marks in plain writing and the sign beside its number."""
    content = _LOOSE_SIGN.sub(r"\1", content)
    content = _SPACING.sub(lambda found: "," if found.group()[0] == "{" else "", content)
    return _FRACTION.sub(_plain_fraction, _MIXED.sub(" ", content))


def _plain_fraction(found: re.Match[str]) -> str:
    above, below = found.group(1) or found.group(2), found.group(3) or found.group(4)
    return f"{above}/{below}"


def _stands_alone(content: str, end: int) -> bool:
    """Return whether the number that ends at ``end`` is no part of the calculation before the first ``=``."""
    between = content[end : content.index("=")]
    return bool(between.strip(" \\$*%")) and not between[0].isalpha() and not _OPERATOR.search(between)


def _value(found: re.Match[str]) -> Fraction | None:
    first, part, below = (found.group(name) for name in ("first", "part", "below"))
    if len(found.group()) > MAX_DIGITS or (below is not None and int(below) == 0):
        return None
    value = Fraction(first.replace(",", "")) * Fraction(10) ** int(found.group("exponent") or 0)
    if part is not None:
        value += Fraction(int(part), int(below))
    elif below is not None:
        value /= int(below)
    if max(len(str(abs(value.numerator))), len(str(value.denominator))) > MAX_DIGITS:
        return None
    sign = found.group("sign") or found.group("inner") or "+"
    return value if sign == "+" else -value
