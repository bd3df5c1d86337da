"""Letters: which option a stated answer names, of those that the task offers.

A letter counts where it stands as an answer does: alone (``B``, ``(b)``, ``**B.**``), before its option's text
(``B) Vitamin C``, ``B. ...``, ``B - ...``), before a word that gives a reason or rules others out (``B because``,
``B, not C``), or behind ``option``, ``choice``, ``answer`` or ``is`` (``the correct option is (B)``). The option's
own text counts as its letter when it is the only option that fits. Nothing is scavenged: ``25 °C``, ``300 J``,
``Vitamin C`` and ``A bare majority`` hold no letter.

A statement that names several options, or denies one, is `UNCLEAR`: it settles that there is no answer, and no
earlier statement is asked. A text without a marker may name its option in a sentence (`naming`), by the option's text
as its last line, or by lines that begin with one letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from tracer_env.verification.dress import shown, unadorned, undress
from tracer_env.verification.naming import named_choices

__all__ = ["LETTERS", "UNCLEAR", "listed_choice", "offered", "read_choice"]

LETTERS = "ABCDEFGHIJ"
"""All letters that options may have."""
UNCLEAR = ""
"""What is read where several options are named, or one is denied."""

_WRAPPING = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|boxed|left|right|displaystyle)(?![A-Za-z])")
_AROUND = " \t\r\n*_`$.,:;()[]{}\\\"'\u201c\u201d\u2018\u2019!?"
_LEAD = (
    r"(?:(?:so|thus|hence|therefore|clearly)[ ,]+)?(?:(?:i (?:choose|pick|select|think|believe)|it(?: i|')s"
    r"|must be|is|my|the|correct|right|best|most likely|final|option|choice|answer|letter|alternative|to be|be"
    r"|would be|should be)\b[ :*_(\\[\"'$]*+)*+"
)
_HEAD = re.compile(
    rf"[\s*_`$(\[\"'\u201c]*+(?P<lead>{_LEAD})[\s*_`$(\[{{\"'\u201c]*+(?P<letter>[A-Ja-j])(?![A-Za-z0-9'\u2019\u00b0])(?P<after>.*)",
    re.DOTALL | re.IGNORECASE,
)
_CLOSES = re.compile(r"[*_`$\"'\u201d}]*+[)\].:\uff1a]|[*_`$\"'\u201d}]+(?=[\s,;]|$)")
_REASON = re.compile(
    r"[\s*_`$)\]}]*+(?:$|[,;.!:\u2014\u2013(|\n]|-{1,2}\s"
    r"|(?:because|since|as|is|it is|due to|rather than|not|and not|but not|instead of|"
    r"\u2013|\u2014)(?![A-Za-z]))",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"[\s*_`$)\].:}]*+(?:,|;|/|&|\+|\||and/or|,? ?and|,? ?or|,? ?nor|versus|vs\.?)(?![A-Za-z])[\s*_`$]*+"
    r"(?:also |maybe |possibly |perhaps |either |both |option |choice )?(?P<bracket>[(\[])?[*_`]*"
    r"(?P<letter>[A-J])(?![A-Za-z0-9'\u2019])(?P<after>[)\]*_`.,;:!?\s]*(?:$|[A-Z(]|is\b|are\b|both\b|and\b|or\b))?"
)
_REFUTED = re.compile(
    r"[\s*_`$)\]}\"'\u201d]*+(?:(?:is|was|would be|looks|seems)\s+"
    r"(?:not|wrong|incorrect|false|impossible|out)|isn['\u2019]t|cannot|can['\u2019]t)\b",
    re.IGNORECASE,
)
_DISMISSED = re.compile(
    r"[\s*_`:\u2013\u2014-]*+(?:no|wrong|incorrect|not correct)[*_` ]*+(?=[.,;!]|\n|$|because)", re.IGNORECASE
)
_ALSO = re.compile(
    r"(?:(?i:\bor) (?:(?i:maybe|possibly|perhaps|option) )?|(?i:\b(?:no,|wait|actually)[, ]{1,2})(?:\w{2,9} ){0,3})"
    r"\(?(?P<letter>[A-J])(?=[)\]*_`.,;:!? ]*+(?:$|\n|\())"
)
_WORKS = re.compile(
    r"(?<![A-Za-z0-9])(?P<letter>[A-J])[)\]]? (?:(?:is|are|would|could|might|may) )?"
    r"(?:also|too|as well|works|possible|plausible|equally)(?![A-Za-z])"
)
_NEXT_LABEL = re.compile(r"[\s*_`$)\].:(\[]*+(?P<letter>[A-J])[*_]{0,2}[)\]]")
_DENIED = re.compile(
    r"[\s*_`$\"']*(?:not|isn't|isn\u2019t|neither|none|either|both|all of|any of|between)\b", re.IGNORECASE
)
_CHOICE_LINE = re.compile(r"^[ \t*_(\[]{0,8}([A-J])[*_]{0,2}(?:[)\]:\uff1a]|[.]?[*_ \t\r]{0,8}$)", re.MULTILINE)
_SPACE = re.compile(r"\s++")
_LONGEST = 300
_LABELLED = re.compile(r"[\s*_`(\[]*+([A-J])[*_`]*+[.)\]:][*_`]*+ (.*)")
_CALL = re.compile(r"\([^()]{0,12}\)[ .$]*$")


def offered(options: Sequence[str]) -> str:
    """Return the letters of a task with these options; all of them when it lists none."""
    return LETTERS[: len(options)] if options else LETTERS


def read_choice(content: str, options: Sequence[str] = ()) -> str | None:
    """Return the letter that a stated answer holds, None for none, `UNCLEAR` for several or a denied one."""
    letters, content = offered(options), unadorned(shown(content))
    plain = _WRAPPING.sub(" ", content) if "\\" in content else content
    bare = plain.strip(_AROUND)
    if len(bare) == 1 and bare.upper() in LETTERS:
        return bare.upper() if bare.upper() in letters else None
    texts = _folded(tuple(options))
    fitting = [letter for letter, text in zip(letters, texts, strict=False) if text and text == _fold(content)]
    if len(fitting) == 1:
        return fitting[0]
    if _DENIED.match(plain):
        return UNCLEAR
    head = _HEAD.match(plain)
    if head is not None:
        letter = _headed(head, letters, texts)
        if letter is not None:
            return letter
    return _by_text(plain, letters, texts)


def listed_choice(text: str, options: Sequence[str] = ()) -> str | None:
    """Return the letter that a text without a marker settles on, or None when there is none or several.

    Sentences name it (`naming`), or the last line is an option's text, or lines begin with one letter or are it.
    """
    text, letters, texts = shown(text), offered(options), _folded(tuple(options))
    named = named_choices(text)
    if named:
        letter = named.pop()
        return letter if not named and letter in letters else None
    last = text.rstrip().rpartition("\n")[2][-_LONGEST:]
    if texts and (whole := _fold(last)) in texts:
        return letters[texts.index(whole)] if texts.count(whole) == 1 else None
    labelled = _LABELLED.match(last)
    lines = [found for found in _CHOICE_LINE.finditer(text) if found[1] in letters]
    begun = {found[1] for found in lines}
    if labelled and begun <= {labelled[1]} and (labelled[1], _fold(labelled[2])) in zip(letters, texts, strict=False):
        return labelled[1]
    if len(begun) != 1:
        return None
    denied = any(pattern.match(text, lines[-1].end()) for pattern in (_REFUTED, _DISMISSED))
    return None if denied else lines[-1][1]


def _headed(head: re.Match[str], letters: str, texts: tuple[str, ...]) -> str | None:
    """Return the letter that a statement begins with when it stands as an answer there."""
    letter, after = head["letter"].upper(), head["after"]
    label = _CLOSES.match(after)
    if head["letter"].islower() and not label and not (head["lead"] and not after.strip(_AROUND)):
        return None
    if letter not in letters:
        return None
    another = _ANOTHER.match(after)
    stated = another and (another["bracket"] or another["after"] is not None)
    if another and stated and another["letter"] != letter and not _REFUTED.match(after, another.end("letter")):
        return UNCLEAR
    rivals = {found["letter"] for pattern in (_ALSO, _WORKS) for found in pattern.finditer(after)}
    if rivals & set(letters) - {letter, "I"}:
        return UNCLEAR
    listed = _NEXT_LABEL.match(after)
    if _REFUTED.match(after) or (listed and listed["letter"] != letter):
        return UNCLEAR
    text = texts[letters.index(letter)] if texts else ""
    if text and _fold(after).startswith(text):
        return letter
    if label:
        rest = _fold(after[label.end() :])
        foreign = any(rest == other and other != text for other in texts if other)
        return UNCLEAR if foreign else letter
    return letter if _REASON.match(after) and not _CALL.match(after) else None


def _by_text(content: str, letters: str, texts: tuple[str, ...]) -> str | None:
    """Return the letter of the one option whose text stands in ``content``, as whole words and undenied."""
    if not texts:
        return None
    folded = _fold(content)
    if re.search(r"\b(?:not|n't|or|neither|either|except)\b", folded):
        return None
    held = [text for text in texts if len(text) > 1 and _holds(folded, text)]
    held = [text for text in held if not any(text != other and _holds(other, text) for other in held)]
    found = [letter for letter, text in zip(letters, texts, strict=False) if text in held]
    return found[0] if len(found) == 1 else None


def _holds(text: str, part: str) -> bool:
    place = text.find(part)
    if place < 0:
        return False
    before, after = text[place - 1 : place], text[place + len(part) : place + len(part) + 2]
    return (
        not before.isalnum()
        and before not in ("-", ".", "/")
        and not after[:1].isalnum()
        and not (after[:1] in ".,/-" and after[1:].isalnum())
    )


@lru_cache(maxsize=1024)
def _folded(options: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_fold, options))


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", undress(text.replace("$", "").replace("\\text", "")))
    return _SPACE.sub(" ", text.replace("{", "").replace("}", "")).strip(" .").casefold()
