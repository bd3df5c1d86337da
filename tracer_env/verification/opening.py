r"""Opening: an answer of mathematics without what is wrapped round it.

Delimiters (``$18$``, ``\(18\)``), boxes, ``\text{...}`` round all of it, style, thin spaces before units and words
that lead to a formula go; of several formulas in a sentence the list or the last one stays.
"""

from __future__ import annotations

import re

from tracer_env.verification.dress import undress

__all__ = ["BRACE", "DELIMITED", "OR", "opened"]

BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
"""Braces, and whatever is escaped."""
OR = re.compile(r",?\s*(?:\\text\s*\{\s*(?:or|and)\s*\}|(?<![A-Za-z\\])(?:or|and)(?![A-Za-z]))\s*")
"""What joins alternatives or the members of a list."""
_THIN = re.compile(r"(?<=[0-9])\\[,;: ](?=\s*\\?[A-Za-z%])")
_SAYING = re.compile(r"\\text ?\{[^{}]*\b(?:is|are|be|equals|:)\s*\}\s*(?=[-0-9\\($])")
_SCALE = re.compile(r"([0-9])\s*\\(?:text|mathrm|mbox)\s?\{\s*(hundred|thousand|million|billion|trillion)\b([^{}]*)\}")
_STYLE = re.compile(r"\\(?:displaystyle|textstyle)(?![A-Za-z])\s*")
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
    text = _TEXT_COMMA.sub(r"\1 \2 ", _STYLE.sub("", undress(_THIN.sub(" ", answer))))
    text = _SCALE.sub(r"\1 \2", _SAYING.sub("", text.replace("\\degree", "^\\circ"), count=1))
    text = undress(" ".join(text.split()))
    for _ in range(6):
        inner = DELIMITED.fullmatch(text) or _wrapped(text)
        if inner is None:
            break
        text = undress(next(part for part in inner.groups() if part is not None))
    spans = list(DELIMITED.finditer(text))
    if not spans or "\\$" in text:
        return text
    outside = DELIMITED.sub(" \x00 ", text)
    formulas = [str(span["a"] or span["b"] or span["c"] or span["d"]).strip() for span in spans]
    pieces = [piece.strip() for piece in outside.split("\x00")]
    joined = all(OR.fullmatch(piece) or piece in (",", ";") for piece in pieces[1:-1])
    if not joined:
        if re.search(r"[0-9=+*/^<>]", outside):
            return DELIMITED.sub(lambda span: f" {span['a'] or span['b'] or span['c'] or span['d']} ", text)
        return f"{formulas[-1]} {pieces[-1]}".strip()
    word = " or " if any("or" in piece.split() for piece in pieces) else ", "
    either = "either " if any(re.search(r"\b(?:either|between|not)\b", piece) for piece in pieces[:1]) else ""
    return f"{either}{word.join(formulas)} {pieces[-1]}".strip()


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
