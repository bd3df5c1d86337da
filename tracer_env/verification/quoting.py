r"""What of a review are its own words: statements that it repeats from somebody else's are left out.

A marker does not say whose answer it marks. ``The proposal says the answer is 12`` states nothing, and of ``The answer
is 13. You wrote \boxed{12}`` the first half is the reviewer's. Left out are

    quoted lines        ``> Final answer: 12``
    quotation marks     ``"the answer is 12" does not follow``, when a marker stands in them; not behind ``should be``,
                        nor on a line of their own
    another's words     ``you wrote ...``, ``the proposal claims ...``, ``it says ...``, ``your answer is ...``: from
                        there to the end of the sentence, or to a ``but``, ``should``, ``instead``
    what is taken back  ``The answer is 12, but it should be 13``, ``<answer>12</answer> is what it says``: up to there

``As the proposal says, the answer is 12`` and ``I agree that ...`` are the reviewer's own. What cannot be told by such
words is taken as its own: ``Final answer: 12`` on a line by itself is one. Linear in the length of the text.
"""

from __future__ import annotations

import re

__all__ = ["own_words"]

_WORK = r"(?:proposal|proposer|solution|response|attempt|derivation|agent|reviewer|work)"
_OF = r"(?:the|this|that|his|her|their|your|its)"
_WHICH = r"(?:first|second|last|earlier|previous|proposed|original|other|given|stated|claimed|final)"
_SOMEBODY = rf"(?:{_OF} (?:{_WHICH} )?{_WORK}|agent[_ ]\d{{1,4}})"
_PERSON = r"(?:he|she|they|it|the (?:student|author|writer))"
"""Whoever may be in the question as well: what such a one *does* there is no statement of anybody's."""
_SAYS = (
    r"(?:says?|said|states?|stated|claims?|claimed|concludes?|concluded|writes?|wrote|reports?|reported|answers|answered"
    r"|asserts?|asserted)"
)
_DID = (
    r"(?:gave|got|obtained|ended with|arrived at|put|boxed|computed|calculated|found|thought|assumed|added|subtracted"
    r"|multiplied|divided|made)"
)
_DOES = (
    r"(?:gives|gets|obtains|ends with|arrives at|puts|boxes|computes|calculates|finds|thinks|assumes|adds|subtracts"
    r"|multiplies|divides|makes|has)"
)
_HOW = r"(?: (?:also|then|only|wrongly|incorrectly|just|even|simply|mistakenly))?"
_ANSWER = r"(?:(?:final|proposed|stated|claimed|given|boxed) )?(?:answer|result|conclusion)"
_ANOTHERS = re.compile(
    rf"(?<!\bas )(?<!\w)(?:{_SOMEBODY}{_HOW} (?:{_SAYS}|{_DID}|{_DOES})|you{_HOW} (?:{_SAYS}|{_DID})"
    rf"|{_PERSON}{_HOW} {_SAYS}|(?:according to|in) (?:you\b|{_SOMEBODY})"
    rf"|(?:your|their|his|her|its|{_SOMEBODY}'s|proposer's|proposal's) {_ANSWER}"
    rf"|(?:the|this) {_WHICH} (?<!final ){_ANSWER}|the answer (?:given|proposed|stated|claimed)"
    r"|(?:your|their) (?=\\f?boxed|boxed\{|####|<answer>))(?!\w)"
    rf"|^\W{{0,4}}(?:proposal|proposer|proposed|given|stated|claimed)(?: {_ANSWER})?\s?:",
    re.IGNORECASE | re.MULTILINE,
)
_TURN = re.compile(r"\b(?:but|should|instead|whereas|while|however|rather|must be|actually)\b", re.IGNORECASE)
_TAKEN_BACK = re.compile(
    r"(?:,? but (?:it|that|this|the (?:correct|right|true|actual|real)|I)\b|,? which is (?:wrong|incorrect|not)\b"
    r"| is (?:wrong|incorrect|not (?:right|correct))\b| is what (?:it|you|they|he|she|the)\b"
    r"| does(?: not|n't) follow| should (?:be|have been|read|say)\b)",
    re.IGNORECASE,
)
_MARKER = re.compile(r"answer\b|\\f?boxed|boxed\{|####|<answer>", re.IGNORECASE)
_STATED = re.compile(r"answer(?: is| was|\s?[:=])\s{0,3}\S|\\f?boxed|boxed\{|####|<answer>", re.IGNORECASE)
_QUOTED = re.compile(
    r"`([^`\n]{1,300})`|\"([^\"\n]{1,300})\"|\u201c([^\u201d\n]{1,300})\u201d|(?<![\w'])'([^'\n]{1,300})'(?!\w)"
)
_OWN_LEAD = re.compile(
    r"(?:should|must|ought to|it is|is actually|get|say|is)(?: be| read| say| have been)?:?\s*$", re.I
)
_WORD = re.compile(r"\w")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_LOOK_BACK = 40


def own_words(text: str) -> str:
    """Return a review without what it repeats of others' answers; the text itself where it repeats none."""
    bare = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(">"))
    bare = _QUOTED.sub(_unquoted, bare) if _MARKER.search(bare) else bare
    if _ANOTHERS.search(bare) is None and _TAKEN_BACK.search(bare) is None:
        return bare
    kept, start = [], 0
    for gap in _SENTENCE.finditer(bare):
        kept += [_own(bare[start : gap.start()]), gap.group()]
        start = gap.end()
    return "".join([*kept, _own(bare[start:])])


def _unquoted(found: re.Match[str]) -> str:
    """Leave out a quotation in which an answer is marked, unless the words before it make it the reviewer's own."""
    inside = next(part for part in found.groups() if part is not None)
    if not _MARKER.search(inside):
        return found.group()
    before = found.string[max(0, found.start() - _LOOK_BACK) : found.start()]
    behind = found.string[found.end() : found.end() + _LOOK_BACK].partition("\n")[0]
    alone = not _WORD.search(before.rpartition("\n")[2]) and not _WORD.search(behind)
    return inside if (alone or _OWN_LEAD.search(before)) and not _ANOTHERS.search(before) else "..."


def _own(sentence: str) -> str:
    """Return what is left of a sentence."""
    repeated, taken_back = _ANOTHERS.search(sentence), _TAKEN_BACK.search(sentence)
    if taken_back is not None and (repeated is None or taken_back.start() < repeated.start()):
        return "..." + sentence[taken_back.end() :] if _STATED.search(sentence, 0, taken_back.start()) else sentence
    if repeated is None:
        return sentence
    turn = _TURN.search(sentence, repeated.end())
    return sentence[: repeated.start()] + ("..." if turn is None else sentence[turn.start() :])
