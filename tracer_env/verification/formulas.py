r"""Formulas: what a stated answer says in mathematics, and whether two of them say the same.

An answer is taken apart before the library sees it:

    dress        ``**$18$.**``, ``\(18\)``, ``\text{18}``                       off
    sentence     ``the value of x is 5``, ``She pays $18 in total``             what follows ``is``, or the number
    remark       ``12 (3 times 4)``, ``18 (approximately)``                     off
    unit         ``12 km/h``, ``5\text{ cm}^2``, ``90^\circ``, ``\$5``, ``50%``  kept beside the formula
    word         ``12 apples``                                                 kept beside the formula
    base         ``2516_8``, ``2516 (base 8)``                                  kept beside the formula
    plain text   ``3 1/2``, ``4.5e33``, ``2pi``, ``½``, ``10 080``                 into LaTeX (`plain_math`)

Then: words are compared with words. Where gold has a unit (or a word behind its number), another one is wrong and
none is right; where it has none, one is ignored, but a letter that may be a variable is no unit. Percent is a unit,
and 50% is also the number 0.5. Where gold has a base, another one is wrong and none is right; where it has none,
only base ten is. Integers and fractions are compared exactly, decimals by a relative 1e-6. Everything else is the
library's, in a worker (`comparison`). Alternatives (``2 or 3``) are a set, and undecided where gold is one thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from tracer_env.verification import math_pool, numbers
from tracer_env.verification.beside import ABOUT, FUNCTIONS, TEXTS, WORD, has_words, take_off
from tracer_env.verification.dress import undress
from tracer_env.verification.extraction import MAX_CONTENT
from tracer_env.verification.opening import BRACE, DELIMITED, OR, opened
from tracer_env.verification.plain_math import Rational, rational, to_latex
from tracer_env.verification.units import canonical

__all__ = ["Formula", "bare", "ends_in_factorial", "equal", "is_whole", "mere_words", "read", "undecided"]

RELATIVE = Fraction(1, 10**6)
"""How far two decimals may be apart, relative to the larger one."""

_MAX_DEPTH = 50
_MOST_WORDS = 8
_SENTENCE = re.compile(
    r"(?<![A-Za-z\\])[A-Za-z]{2,}[^0-9]*(?<![A-Za-z])(?:is|are|has|have|was|pays?|gets?|costs?)(?![A-Za-z])"
)
_SPACE = re.compile(r"\s++")
_NAME = re.compile(r"\s*(?:\\sum\s*=|[A-Za-z]\([^()=]*\)\s*=)")
_STEP = re.compile(
    r"\s*(?:[0-9]+\s*[a-df-hj-z]|[a-df-hj-z]\s*\^\s*(?:[0-9]|\{\s*[0-9]+\s*\})|[0-9]*\s*[a-df-hj-z]\s*[-+]\s*[0-9]+)\s*=[^=]*"
)
_BASE = re.compile(
    r"(?P<digits>-?\(?[0-9A-F.]{1,60}\)?) ?"
    r"(?:_ ?(?:\{ ?(?:\\text ?\{)? ?(?P<a>[0-9]{1,2}|[a-z]{1,9}) ?\}? ?\}|(?P<b>[0-9]))"
    r"|(?:\\text ?\{)? ?[,(]? ?(?:in )?base[- ~]?(?P<c>[0-9]{1,2}|[a-z]{1,9}) ?[)}]{0,2})"
)
_BASES = {
    word: number
    for number, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"], 2
    )
} | {"sixteen": 16}
_LEADING = re.compile(
    r".*?(?:\b(?:is|are|equals|be|as|exactly|about|approximately|around|roughly|nearly|almost)\b|:|=(?=\s*[^=]*$))"
    r"\s*(?P<rest>[^A-Za-z\s].*|[A-Za-z](?![A-Za-z]).*|[A-Za-z]{2,4}[ (\\].*)",
    re.DOTALL | re.IGNORECASE,
)
_NAMED = re.compile(r"(?:so|thus|hence|therefore|the|answer|value|solution|is|:|,| )++(?=[-0-9\\($\[{])", re.IGNORECASE)
_RESTATED = re.compile(
    r"[^A-Za-z]*(?:\\[dtc]?frac[^A-Za-z]*)?(?:\\text\s*\{\s*or\s*\}|or)[^A-Za-z]*(?:\\[dtc]?frac[^A-Za-z]*)?"
)
_EITHER = re.compile(r"(?<![A-Za-z\\])(?:or|either|between|neither|nor)(?![A-Za-z])", re.IGNORECASE)
_DENIED = re.compile(r"(?<![A-Za-z\\])(?:not|never|isn't|cannot)(?![A-Za-z])|n['\u2019]t(?![A-Za-z])", re.IGNORECASE)
_ASSIGNED = re.compile(r"(?P<name>[A-Za-z]|\\[a-z]+)\s*=\s*(?P<value>[^=]+)")
_LIST = re.compile(r"[,;]|\\pm|\\mp|\\cup|\\\{|(?<![A-Za-z])or(?![A-Za-z])")
_COMPARABLE = re.compile(
    r"[0-9=^_<>\u00b2-\u00be\u2070-\u209f\u2200-\u22ff\u03b1-\u03c9]"
    r"|\\(?!text|mbox|mathrm|textbf|textit|textrm|boxed|[,;: ])[A-Za-z]"
)
_ALONE = re.compile(r"[^A-Za-z]*[A-Za-z][^A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Formula:
    """What an answer says: words, or a formula in LaTeX with what stands beside it."""

    latex: str
    words: str = ""
    value: Rational | None = None
    unit: str | None = None
    noun: str | None = None
    base: int | None = None
    alternatives: bool = False
    several: bool = False


def bare(answer: str) -> str | None:
    """Return an answer without dress and delimiters, as it is kept; None for nothing, too much or too deep."""
    if len(answer) > MAX_CONTENT or _depth(answer) > _MAX_DEPTH:
        return None
    answer = undress(_SPACE.sub(" ", answer))
    while found := DELIMITED.fullmatch(answer):
        answer = undress(found["a"] or found["b"] or found["c"] or found["d"])
    return answer if any(map(str.isalnum, answer)) else None


def mere_words(content: str, text: str, rule: str) -> bool:
    """Return whether a statement is words that anything which can be compared beats.

    A box is meant as it is, words or not, unless its word is a unit or the plural of what is counted.
    """
    plain = TEXTS.sub(r" \1 ", content)
    if _COMPARABLE.search(plain) or _ALONE.fullmatch(plain):
        return False
    if rule not in ("boxed", "tag"):
        return True
    words = undress(plain).lower()
    return canonical(words) is not None or (words.endswith("s") and words.isalpha() and words not in ("yes", "ss"))


def is_whole(answer: str) -> bool:
    """Return whether a gold answer is wholly a formula, with what may stand beside it, or a few words."""
    formula = read(answer)
    if formula is None or not _balanced(answer) or _DENIED.search(answer):
        return False
    if formula.words:
        return len(formula.words.split()) <= _MOST_WORDS
    return not has_words(formula.latex) and not _SENTENCE.search(TEXTS.sub("", answer))


def ends_in_factorial(text: str) -> bool:
    """Return whether the last number of ``text`` has a ``!`` behind it: in mathematics that is no punctuation."""
    backwards = re.search("[0-9]", text[::-1])
    return backwards is not None and backwards.start() > 0 and text[-backwards.start()] == "!"


def undecided(answer: str, gold: str) -> bool:
    """Return whether ``answer`` gives alternatives, or denies one, where ``gold`` is one thing."""
    said, expected = read(answer), read(gold)
    return bool(said and expected and said.alternatives and not expected.several and not expected.words)


def equal(gold: str, answer: str, seconds: float = math_pool.TIMEOUT) -> bool | None:
    """Return whether two answers say the same; None when time or memory ran out."""
    expected, said = read(gold), read(answer)
    if expected is None or said is None:
        return False
    if expected.words or said.words:
        return _letters(expected) == _letters(said) != ""
    if not _beside(expected, said):
        return False
    if expected.value is not None and said.value is not None:
        return _near(expected, said)
    if expected.latex == said.latex:
        return True
    if _differently_built(expected.latex, said.latex):
        return False
    if expected.value is not None and said.latex.count("=") == 1 and _NAME.match(said.latex):
        right = rational(said.latex.rpartition("=")[2].strip())
        if right is not None:
            return _near(expected, replace(said, value=right))
    return math_pool.compare(expected.latex, said.latex, seconds)


def _differently_built(gold: str, said: str) -> bool:
    r"""Return whether the library would take one thing for another.

    A ratio for a fraction (``1:2``), a set for a pair (``\{3,4\}``), a step for its right side (``3x = 18``).
    """
    ratio = ":" in said and ":" not in gold
    braces = said.startswith("\\{") and gold.startswith(("(", "[")) and not gold.startswith("\\{")
    return ratio or braces or ("=" not in gold and _STEP.fullmatch(said) is not None)


def _letters(formula: Formula) -> str:
    """Return the words of an answer folded; of a formula only when it is a letter or a word."""
    if formula.words:
        return formula.words
    letters = formula.latex.strip("()[] .")
    return letters.casefold() if letters.isalpha() else ""


def _beside(gold: Formula, said: Formula) -> bool:
    """Return whether what stands beside the two formulas agrees."""
    if gold.base != said.base and said.base is not None and (gold.base is not None or said.base != 10):
        return False
    if gold.unit is not None:
        return said.noun is None if said.unit is None else said.unit == gold.unit
    if gold.noun is not None:
        return said.unit is None and said.noun in (None, gold.noun)
    return True


def _near(gold: Formula, said: Formula) -> bool:
    assert gold.value is not None
    assert said.value is not None
    pairs = [(gold.value, said.value)]
    if (gold.unit == "%") != (said.unit == "%"):
        left, right = gold.value, said.value
        share = Rational(left.value / 100, left.decimal) if gold.unit == "%" else left
        pairs.append((share, Rational(right.value / 100, right.decimal) if said.unit == "%" else right))
    return any(_numbers_near(*pair) for pair in pairs)


def _numbers_near(left: Rational, right: Rational) -> bool:
    if not (left.decimal or right.decimal) or left.value == right.value:
        return left.value == right.value
    allowed = RELATIVE * max(abs(left.value), abs(right.value))
    if 1 in (left.value.denominator, right.value.denominator):  # a whole number is not met by half a unit beside it
        allowed = min(allowed, Fraction(1, 1000))
    return abs(left.value - right.value) <= allowed


@lru_cache(maxsize=1 << 14)
def read(answer: str) -> Formula | None:
    """Return what a bare answer says, or None when it says nothing."""
    text = opened(answer)
    if not any(map(str.isalnum, text)):
        return None
    alternatives = bool(_EITHER.search(TEXTS.sub(r" \1 ", text)) or _DENIED.search(TEXTS.sub(r" \1 ", text)))
    if _only_words(text):
        return Formula("", words=_fold(text))
    if based := _BASE.fullmatch(text):
        name = based["a"] or based["b"] or based["c"]
        base = int(name) if name.isdigit() else _BASES.get(name)
        if base is not None:
            return Formula(based["digits"].strip("()"), base=base, value=rational(based["digits"].strip("()")))
    text, unit, noun = take_off(text)
    latex = _one_formula(text)
    if latex is None:
        found = numbers.read_number(TEXTS.sub(r" \1 ", text))
        if found is None:
            return Formula(to_latex(text), alternatives=alternatives)
        latex = numbers.render_number(found)
    value = rational(latex)
    alternatives = alternatives and (value is None or not _RESTATED.fullmatch(text))
    return Formula(latex, "", value, unit, noun, None, alternatives, bool(_LIST.search(latex)))


def _one_formula(text: str) -> str | None:
    """Return the formula that ``text`` is, or that a sentence ends in, in LaTeX; None when words stand in between."""
    text = ABOUT.sub("", text, count=1) if ABOUT.match(text) else text
    if has_words(text):
        sentence = _LEADING.fullmatch(text)
        text = sentence["rest"] if sentence else text
    named = _NAMED.match(text)
    text = text[named.end() :] if named else text
    pieces = [piece for piece in OR.split(text) if piece.strip()]
    if any(has_words(piece) for piece in pieces):
        return None
    if len(pieces) > 1 and (agreed := _agreed(pieces)):
        return agreed
    values = [piece for part in pieces for piece in re.split(r"\s*[,;]\s+|,(?=\s*[A-Za-z]\s*=)", part) if piece]
    assigned = [_ASSIGNED.fullmatch(value.strip()) for value in values]
    names = {found["name"] for found in assigned if found}
    if len(values) > 1 and len(names) == 1:
        values = [found["value"] if found else value for found, value in zip(assigned, values, strict=True)]
        return to_latex(", ".join(values))
    return to_latex(", ".join(pieces) if len(pieces) > 1 else text)


def _agreed(pieces: list[str]) -> str | None:
    """Return the number that all ``pieces`` are (``1/2 or 0.5``), or None."""
    values = {rational(to_latex(piece)) for piece in pieces}
    exact = {value.value for value in values if value is not None}
    return to_latex(pieces[0]) if None not in values and len(exact) == 1 else None


def _only_words(text: str) -> bool:
    plain = TEXTS.sub(r" \1 ", text)
    if _COMPARABLE.search(plain) or any(character.isnumeric() for character in plain):
        return False
    letters = re.sub(r"[^A-Za-z]", "", plain)
    words = WORD.findall(plain)
    return any(word.lower() not in FUNCTIONS for word in words) or (len(letters) == 1 and plain != text)


def _fold(text: str) -> str:
    plain = TEXTS.sub(r" \1 ", text)
    words = re.findall(r"[^\W\d_]+", plain)
    if len(words) > 1 and words[0].lower() in ("a", "an", "the"):
        words = words[1:]
    return " ".join(words).casefold()


def _balanced(answer: str) -> bool:
    depth = 0
    for brace in BRACE.finditer(answer):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth < 0:
            return False
    return depth == 0


def _depth(answer: str) -> int:
    """Return how deep the braces are nested."""
    depth = deepest = 0
    for brace in BRACE.finditer(answer):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        deepest = max(deepest, depth)
    return deepest
