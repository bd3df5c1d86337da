"""Naming: sentences that name an option without a marker: ``Option B is correct.``, ``I choose B``.

A sentence counts when it begins so, behind no more than a word or clause that leads over (``Therefore,``, ``Based on
this,``), and when it ends there or goes on with a reason. What follows an ``if``, what is denied, doubted or told of
others (``Some say option B is correct``) names nothing. All sentences of a text must name the same option, and none
that turns (``However``, ``Wait``) may follow.
"""

from __future__ import annotations

import re

from tracer_env.verification.dress import undress

__all__ = ["named_choices"]

_LETTER = r"[*_`(\[\"'\u201c]{0,4}(?P<%s>[A-J])(?![A-Za-z0-9'\u2019+\-])[*_`)\]\"'\u201d]{0,4}"
_ANY_CASE = _LETTER.replace("A-J", "A-Ja-j")
_OPTION = r"(?i:option|choice|answer|statement|letter)"
_LEAD = (
    r"(?i:(?:(?:so|thus|hence|therefore|then|clearly|finally|overall|no|yes|and|in conclusion|in summary|conclusion)"
    r"[ ,:]{1,3}"
    r"|(?:based on|among|of|out of|given|considering|from) [^,.;:?!\n]{1,60}, ){0,3}"
    r"(?:i (?:think|believe) (?:that )?)?(?:only |the )?)"
)
_GOOD = (
    r"(?:correct|right|best|answer|(?:most|more) (?:accurate|likely|appropriate|plausible|suitable|fitting)|accurate)"
)
_IS_GOOD = (
    r"(?i:\s{1,4}(?:is|must be|should be|seems to be|would be)\s{1,4}"
    r"(?:clearly |therefore |thus |indeed |definitely )?(?:the |my )?(?:only |single |final |most )?"
    rf"{_GOOD}(?:\s{{1,4}}(?:one|answer|option|choice|statement|response))?)"
)
_CHOSEN = (
    r"(?i:(?:i|we)(?:['\u2019](?:d|ll|m)| will| would| am)? (?:choose|pick|select|go(?:ing)? with|say|opt for|choosing)"
    r"|choose|select|pick|it is|it['\u2019]s|it must be"
    r"|(?:that|this) (?:is|would be|must be|matches|corresponds to))"
)
_THE_GOOD = (
    r"(?i:(?:the )?(?:correct|right|best)(?: \w{2,12})? (?:is|would be|must be|should be):?"
    r"|the (?:\w{1,12} ){1,6}is(?= (?:option|choice) )|the (?:solution|letter) is:?)"
)
_END = (
    r"[*_`]{0,3} ?(?:$|\n|[.!](?=[\s*_`\"'\u201d)]|$)|,? (?i:because|since|as|for|due to|given)\b|:\s"
    r"|,(?= (?i:which|not|and not)\b))"
)
_NAMES = re.compile(
    r"(?:(?<=\n)|(?<=[.!?:] )|^)[ \t>*_#-]{0,6}"
    + _LEAD
    + r"[*_`]{0,3}(?:"
    + rf"(?:{_OPTION} )?"
    + _LETTER % "good"
    + _IS_GOOD
    + r"|"
    + _CHOSEN
    + rf" (?:(?i:the )?{_OPTION} )?"
    + _LETTER % "chosen"
    + r"|"
    + _THE_GOOD
    + rf" (?:{_OPTION} )?"
    + _LETTER % "held"
    + r")"
    + _END
)
_ALONE = re.compile(
    rf"{_LEAD}(?:{_OPTION} (?:[-\u2013\u2014] )?{_ANY_CASE % 'named'}|{_LETTER % 'alone'})"
    r"(?:$|[.!]$|,? (?:because|since)\b.*)",
    re.DOTALL,
)
_TURNS = re.compile(r"\b(?:however|wait|actually|hmm+|but|on second thought|alternatively|although)\b", re.IGNORECASE)
_LAST = 300
_READ = 20_000


def named_choices(text: str) -> set[str]:
    """Return the letters that sentences of ``text`` name; none when a sentence that turns follows the last one."""
    found = list(_NAMES.finditer(text, max(len(text) - _READ, 0)))
    if found:
        if _TURNS.search(text, found[-1].end()):
            return set()
        return {match["good"] or match["chosen"] or match["held"] for match in found}
    line = undress(text.rstrip().rpartition("\n")[2])
    alone = _ALONE.fullmatch(line) if len(line) <= _LAST else None
    return {(alone["named"] or alone["alone"]).upper()} if alone else set()
