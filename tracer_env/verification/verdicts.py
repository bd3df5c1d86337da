"""Verdicts: what a review says of the pending proposal.

The first word of the first line counts, whatever stands round it (`dress`): RIGHT or CORRECT, WRONG or INCORRECT,
in any case, with or without ``Verdict:`` before it. Reasoning blocks are not read. A second verdict further on
changes nothing, but an opening that leaves it open or means something else is none:

    a hedge        ``RIGHT or WRONG? It is WRONG``, ``right/wrong``, ``RIGHT?``, ``RIGHT if x > 0``
    another sense  ``Right-hand side is 5``, ``Right now``, ``Correct answer is 19``, ``Correct the sum``
"""

from __future__ import annotations

import re

from tracer_env.types import Verdict
from tracer_env.verification.dress import shown
from tracer_env.verification.reasoning import UNREAD, spoken

__all__ = ["read_verdict", "verdict_place"]

_VERDICTS = {
    "RIGHT": Verdict.RIGHT,
    "CORRECT": Verdict.RIGHT,
    "WRONG": Verdict.WRONG,
    "INCORRECT": Verdict.WRONG,
}
_OPENING = 2_000
_FIRST_WORD = re.compile(
    r"(?:[^\w\n]|_)*+(?:verdict(?:[^\w\n]|_)*[:=\uff1a](?:[^\w\n]|_)*+)?(?P<word>RIGHT|CORRECT|WRONG|INCORRECT)(?![^\W_]|['\u2019-][^\W_])",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"(?:[^\w\n?]|_)*+(?:\?|(?:or|and|but|yet|nor|vs)\b(?:[^\w\n]|_)*+"
    r"(?:not\b|maybe\b|perhaps\b|right\b|correct\b|wrong\b|incorrect\b)|(?:only )?(?:if|unless|provided)\b)",
    re.IGNORECASE,
)
_BESIDE = r"(?:[^\w\n.!?;:]|_)*+(?:%s)(?![^\W_])"
_OPPOSITE = {
    Verdict.RIGHT: re.compile(_BESIDE % "wrong|incorrect", re.IGNORECASE),
    Verdict.WRONG: re.compile(_BESIDE % "right|correct", re.IGNORECASE),
}
_OTHER_SENSE = re.compile(
    r"[ \t]+(?:hand|handed|side|sides|angle|angles|angled|triangle|triangles|triangular|now|away|after|before|here"
    r"|there|then|isosceles|circular|cone|cylinder|prism|pyramid|half|end|column|endpoint|shift|limit|me\b"
    r"|to \w+ (?:decimal|significant)"
    r"|(?:answer|value|result|solution|option|choice|number|one)[ \t*_]*+"
    r"(?::|=|(?:is|would|should|must|was|has|here|to)\b))(?![A-Za-z])",
    re.IGNORECASE,
)
_MEND = re.compile(r"[ \t]+(?:the|this|that|these|your|its)\b")


def verdict_place(text: str, unread: tuple[str, ...] = UNREAD) -> tuple[int, str] | None:
    """Return where in a review the word stands that makes its verdict, and the word as it is written.

    None where there is no verdict, and where its word cannot be found again in the text as it was written.
    """
    verdict, word = _read(text, unread)
    if verdict is Verdict.NONE:
        return None
    said, place = (spoken(text, unread) or "").find(word), -1
    for _ in range(_LOOKED_AT):
        place = text.find(word, place + 1)
        if place < 0:
            return None
        marked = f"{text[:place]}{_MARK}{text[place + 1 :]}"
        if (spoken(marked, unread) or "").find(_MARK) == said:  # not one inside of a block
            return place, word
    return None


_MARK = "\0"
_LOOKED_AT = 20  # words like the verdict's before it, inside of blocks


def read_verdict(text: str, unread: tuple[str, ...] = UNREAD) -> Verdict:
    """Return the verdict that a review opens with, NONE when it opens with anything else or leaves it open.

    ``not right`` is not RIGHT. ``unread`` names the reasoning blocks that are left out.
    """
    return _read(text, unread)[0]


def _read(text: str, unread: tuple[str, ...]) -> tuple[Verdict, str]:
    """Return the verdict and its word."""
    said = spoken(text, unread)
    if said is None:
        return Verdict.NONE, ""
    opening = shown(said.lstrip()[:_OPENING]).lstrip()
    found = _FIRST_WORD.match(opening)
    if found is None or _HEDGE.match(opening, found.end()):
        return Verdict.NONE, ""
    verdict = _VERDICTS[found["word"].upper()]
    if _OPPOSITE[verdict].match(opening, found.end()):
        return Verdict.NONE, ""
    if verdict is Verdict.RIGHT and _OTHER_SENSE.match(opening, found.end()):
        return Verdict.NONE, ""
    if found["word"].upper() == "CORRECT" and _MEND.match(opening, found.end()):
        return Verdict.NONE, ""
    return verdict, found["word"]
