r"""Opening: an answer of mathematics without what is wrapped round it.

Delimiters (``$18$``, ``\(18\)``), boxes, ``\text{...}`` round all of it, style, thin spaces before units and words
that lead to a formula go; of several formulas in a sentence the list or the last one stays.
"""

from __future__ import annotations

import re

from tracer_env.verification.beside import has_words
from tracer_env.verification.dress import undress

__all__ = ["BRACE", "DELIMITED", "OR", "opened"]

BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""Braces, and whatever is escaped."""
OR = re.compile(r",?\s*(?:\\text\s*\{\s*(?:or|and)\s*\}|(?<![A-Za-z\\])(?:or|and)(?![A-Za-z]))\s*")
"""What joins alternatives or the members of a list."""
_THIN = re.compile(r"(?<=[0-9])\\[,;: ](?=\s*\\?[A-Za-z%])")
_SAYING = re.compile(r"\\text ?\{[^{}]*(?:\b(?:is|are|be|equals)|:)\s*\}\s*(?=[-0-9\\($])")
_SCALE = re.compile(r"([0-9])\s*\\(?:text|mathrm|mbox)\s?\{\s*(hundred|thousand|million|billion|trillion)\b([^{}]*)\}")
_NEXT_SENTENCE = re.compile(
    r"^[.!](?: (?!.*\b(?:wait|wrong|actually|not?|incorrect|but)\b)[^0-9=<>^_\\]*)?$", re.IGNORECASE
)
_STYLE = re.compile(
    r"\\(?:displaystyle|textstyle|bf|rm|it|sf|boldmath|small|normalsize|large|Large|LARGE|huge)(?![A-Za-z])\s*"
    r"|\\color\s?\{[A-Za-z]{1,20}\}\s*|^\s*\\(?:therefore|implies|Rightarrow|Longrightarrow)(?![A-Za-z])\s*"
)
_OLD_FONT = re.compile(r"\\(?:rm|bf|it|sf)\s*\{")
_ASIDE = re.compile(
    r",?\s*(?:\\text\s?\{\s*)?(?<![A-Za-z])(?:which|attained|achieved|reached|occurring|when|where|since|because"
    r"|(?:and )?not(?= \$| \\\(| -?[0-9])|instead of|rather than"
    r"|as (?:required|desired|expected|needed)|at(?= \$?\s?[a-z]\s?=))(?![A-Za-z])",
    re.IGNORECASE,
)
_SETTLED = re.compile(
    r"(?:\b(?:is|are|equals|be)|[=:])\s*(?:\$[^$]+\$|\\\([^)]*\\\)|-?[0-9][0-9.,/]*)(?:\s+[a-z]{1,12})?\s*$",
    re.IGNORECASE,
)
_TEXT_COMMA = re.compile(r"\\text ?\{ ?([,;]) ?(and|or|) ?\}")
DELIMITED = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|\$(?P<b>[^$]+)\$|\\\((?P<c>(?:[^\\]|\\[^)])+)\\\)|\\\[(?P<d>(?:[^\\]|\\[^\]])+)\\\]"
)
"""A formula between delimiters of mathematics."""
_WRAPPED = re.compile(
    r"(?:\\(?:boxed|fbox|mathbf|boldsymbol|bm|text|textbf|mathrm|mbox|textrm|underline) ?)?\{(?P<inside>.*)\}",
    re.DOTALL,
)


def opened(answer: str) -> str:
    """Return an answer without delimiters and wrappers; of several formulas in a sentence, the list or the last."""
    text = _TEXT_COMMA.sub(r"\1 \2 ", _STYLE.sub("", undress(_THIN.sub(" ", _OLD_FONT.sub(r"\\text{", answer)))))
    text = _SCALE.sub(r"\1 \2", _SAYING.sub("", text.replace("\\degree", "^\\circ"), count=1))
    text = undress(" ".join(text.split()))
    for _ in range(6):
        inner = DELIMITED.fullmatch(text) or _wrapped(text)
        if inner is None:
            break
        text = undress(next(part for part in inner.groups() if part is not None))
    text = _without_aside(text)
    spans = list(DELIMITED.finditer(text))
    if not spans or "\\$" in text:
        return text
    outside = DELIMITED.sub(" \x00 ", text)
    formulas = [str(span["a"] or span["b"] or span["c"] or span["d"]).strip() for span in spans]
    pieces = [piece.strip() for piece in outside.split("\x00")]
    behind = _NEXT_SENTENCE.sub("", pieces[-1])
    joined = all(OR.fullmatch(piece) or piece in (",", ";") for piece in pieces[1:-1])
    if not joined:
        if re.search(r"[0-9=+*/^<>]", outside):
            return DELIMITED.sub(lambda span: f" {span['a'] or span['b'] or span['c'] or span['d']} ", text)
        return f"{formulas[-1]} {behind}".strip()
    word = " or " if any("or" in piece.split() for piece in pieces) else ", "
    either = "either " if any(re.search(r"\b(?:either|between|not)\b", piece) for piece in pieces[:1]) else ""
    return f"{either}{word.join(formulas)} {behind}".strip()


def _without_aside(text: str) -> str:
    """Return ``text`` up to what is only said beside its answer: ``$10$, which occurs when $x = 3$``."""
    asides = list(_ASIDE.finditer(text))
    for aside in asides:
        before = text[: aside.start()]
        whole = before.count("$") % 2 == 0 and all(before.count(a) == before.count(b) for a, b in ("{}", "()"))
        if whole and (_SETTLED.search(before) or (before.strip() and not has_words(before))):
            cases = re.search(r"\b(?:and|or|if|otherwise)\b", text[aside.end() :])
            return text if cases else before
    return text


def _wrapped(text: str) -> re.Match[str] | None:
    """Return the match of a command that wraps all of ``text``, or None."""
    found = _WRAPPED.fullmatch(text)
    if found is None:
        return None
    depth = 0
    for brace in BRACE.finditer(found["inside"]):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth < 0:
            return None
    return found
