r"""Plain mathematics into LaTeX: what is typed for people becomes what the library reads.

    ``4.5e33``, ``4.5 x 10^33``   ``4.5\times 10^{33}``          ``2pi``, ``2π``       ``2\pi``
    ``3 1/2``, ``3½``             ``3\frac{1}{2}``               ``√2``, ``sqrt(2)``   ``\sqrt{2}``
    ``10 080``, ``10,\!080``      ``10080``                      ``x^10``, ``x**10``   ``x^{10}``

LaTeX passes through unchanged but for spacing, ``\left`` and the like. `rational` reads what is only a number.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from tracer_env.verification.dress import shown

__all__ = ["Rational", "rational", "to_latex"]

_SYMBOLS = {
    **{
        "\u2212": "-",
        "\u2013": "-",
        "\u00d7": "\\times ",
        "\u00b7": "\\cdot ",
        "\u22c5": "\\cdot ",
        "\u00f7": "\\div ",
    },
    **{
        "\u03c0": "\\pi ",
        "\u221e": "\\infty ",
        "\u2264": "\\le ",
        "\u2265": "\\ge ",
        "\u2260": "\\ne ",
        "\u00b1": "\\pm ",
    },
    **{
        "\u222a": "\\cup ",
        "\u2229": "\\cap ",
        "\u2208": "\\in ",
        "\u2205": "\\emptyset ",
        "\u2248": "\\approx ",
        "\u00b0": "^\\circ ",
    },
    **{
        "\u03b8": "\\theta ",
        "\u03b1": "\\alpha ",
        "\u03b2": "\\beta ",
        "\u03b3": "\\gamma ",
        "\u03c6": "\\phi ",
        "\u03bb": "\\lambda ",
    },
    **{
        "\u211d": "\\mathbb{R}",
        "\u00ba": "^\\circ ",
        "\u221a": "\\sqrt ",
        "\u2044": "/",
        "\u2215": "/",
        "\u03c9": "\\omega ",
        "\u03bc": "\\mu ",
    },
}
_TABLE = str.maketrans(_SYMBOLS)
_VULGAR = dict(
    zip(
        "\u00bd\u2153\u2154\u00bc\u00be\u2155\u2156\u2157\u2158\u2159\u215a\u215b\u215c\u215d\u215e",
        ["1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "2/5", "3/5", "4/5", "1/6", "5/6", "1/8", "3/8", "5/8", "7/8"],
        strict=True,
    )
)
_VULGAR_MARK = re.compile(f"[{''.join(_VULGAR)}]")
_RAISED = re.compile("[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_LOWERED = re.compile("[\u2080-\u2089]+")
_DOWN = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089",
    "0123456789-+0123456789",
)

_NOISE = re.compile(r"\\(?:displaystyle|textstyle|limits|bigl|bigr|Bigl|Bigr|biggl|biggr|big|Big)(?![A-Za-z])|\\!")
_SPACE = re.compile(r"(?:\s|~|(?<!\\)\\[,;: ]|\\q?quad(?![A-Za-z]))+")
_TIGHT_COMMA = re.compile(r"\{,\}|,\\!\s*")
_COMMA_GROUPS = re.compile(r"(?<![0-9.,])([0-9]{1,3}(?:,[0-9]{3})+)(?![0-9,])")
_SPACE_GROUPS = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?: [0-9]{3}){1,20}(?![0-9,])")
_MARK_GROUPS = re.compile(r"(?<![0-9.,_'])[0-9]{1,3}(?:['\u2019_][0-9]{3}){1,20}(?![0-9'_])")
_E_NOTATION = re.compile(r"(?<![A-Za-z0-9.])([0-9]+(?:\.[0-9]+)?|\.[0-9]+)[eE]([-+]?[0-9]{1,4})(?![0-9A-Za-z])")
_TEN_TO = re.compile(
    r"(?<=[0-9]) ?(?:[xX*]|\\times|\\cdot) ?10 ?(?:\^|\*\*) ?"
    r"(?:\{ ?([-+]?[0-9]{1,4}) ?\}|\( ?([-+]?[0-9]{1,4}) ?\)|([-+]?[0-9]{1,4}))"
)
_MIXED = re.compile(r"(?<![0-9./^_{,])([0-9]{1,12}) ([0-9]{1,12})/([0-9]{1,12})(?![0-9.])")
_POWER = re.compile(r"\^ ?(-?[0-9]{2,20}|-[0-9])")
_BRACKETED_POWER = re.compile(r"\^ ?\(([^()]{1,60})\)")
_ROOT = re.compile(r"(?<![A-Za-z\\])sqrt(?![A-Za-z])|\\sqrt(?=[ ]?[(0-9])")
_ROOT_OF = re.compile(r"\\sqrt ?(?:\(([^()]{1,200})\)|([0-9]{1,20}(?:\.[0-9]{1,20})?))")
_NAMES = re.compile(
    r"(?<![A-Za-z\\])(pi|theta|infinity|infty|alpha|beta|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|ln|log|exp)(?![A-Za-z])"
)
_STARS = re.compile(r" ?\*\*? ?")
_SMALL_FRACTION = re.compile(r"\\[dtc]?frac ?(?:\{ ?([^{}]*?) ?\}|([0-9A-Za-z])) ?(?:\{ ?([^{}]*?) ?\}|([0-9A-Za-z]))")


class Rational(NamedTuple):
    """A number as it is written: its exact value, and whether it is a decimal, which may be rounded."""

    value: Fraction
    decimal: bool


def to_latex(text: str) -> str:
    """Return ``text``, a formula without words, in LaTeX; LaTeX comes back as it was but for its spacing."""
    text = shown(text)
    if not text.isascii():
        text = _VULGAR_MARK.sub(lambda found: " " + _VULGAR[found.group()], text)
        text = _RAISED.sub(lambda found: f"^{{{found.group().translate(_DOWN)}}}", text)
        text = _LOWERED.sub(lambda found: f"_{{{found.group().translate(_DOWN)}}}", text)
        text = text.translate(_TABLE)
    text = _SPACE.sub(" ", _NOISE.sub("", _TIGHT_COMMA.sub(",", text))).strip()
    text = _grouped(text)
    if "**" in text or "*" in text:
        text = _TEN_TO.sub(_ten_to, text)
        text = _STARS.sub(lambda found: "^" if "**" in found.group() else "\\cdot ", text)
    text = _E_NOTATION.sub(r"\1\\times 10^{\2}", text)
    text = _TEN_TO.sub(_ten_to, text)
    text = _MIXED.sub(r"\1\\frac{\2}{\3}", text)
    text = _BRACKETED_POWER.sub(r"^{\1}", _POWER.sub(r"^{\1}", text))
    text = _ROOT_OF.sub(lambda found: f"\\sqrt{{{found[1] or found[2]}}}", _ROOT.sub(r"\\sqrt", text))
    return _NAMES.sub(lambda found: "\\" + {"infinity": "infty"}.get(found[1], found[1]) + " ", text).strip()


def _grouped(text: str) -> str:
    """Return ``text`` with the groups of digits joined; a comma may also part the members of a list."""
    text = _SPACE_GROUPS.sub(lambda found: found.group().replace(" ", ""), text)
    text = _MARK_GROUPS.sub(lambda found: re.sub("['\u2019_]", "", found.group()), text)
    bare = _COMMA_GROUPS.sub("", text)
    if (
        "," in text
        and "," not in bare
        and not re.search(r"[(\[{]|\\(?:cup|cap|in)(?![A-Za-z])", re.sub(r"\\[a-z]+ ?\{", "", text))
    ):
        text = _COMMA_GROUPS.sub(lambda found: found[1].replace(",", ""), text)
    return text


def _ten_to(found: re.Match[str]) -> str:
    return f"\\times 10^{{{found[1] or found[2] or found[3]}}}"


_NUMBER = r"(?P<{0}>[0-9]{{1,400}}(?:\.[0-9]{{0,400}})?|\.[0-9]{{1,400}})"
_RATIONAL = re.compile(
    r"(?P<sign>[-+])? ?"
    rf"(?:(?P<whole>[0-9]{{1,400}}) ?\\frac\{{(?P<part>[0-9]{{1,400}})\}}\{{(?P<below>[0-9]{{1,400}})\}}"
    rf"|\\frac\{{ ?(?P<inner>-)? ?{_NUMBER.format('top')} ?\}}\{{ ?(?P<under>-)? ?{_NUMBER.format('bottom')} ?\}}"
    rf"|{_NUMBER.format('over')} ?/ ?{_NUMBER.format('by')}"
    rf"|{_NUMBER.format('plain')}(?: ?\\times ?10\^\{{?(?P<power>[-+]?[0-9]{{1,4}})\}}?)?)"
)


def rational(latex: str) -> Rational | None:
    """Return the number that ``latex`` is, or None when it is anything else."""
    if len(latex) > 2_000:
        return None
    found = _RATIONAL.fullmatch(_SMALL_FRACTION.sub(_braced, latex))
    if found is None:
        return None
    decimal = any("." in (found[name] or "") for name in ("top", "bottom", "over", "by", "plain"))
    if found["whole"]:
        top, bottom = Fraction(found["part"]), Fraction(found["below"])
        value = Fraction(found["whole"]) + (top / bottom if bottom else 0)
    elif found["plain"]:
        power = int(found["power"] or 0)
        if abs(power) > 400:
            return None
        value, bottom = Fraction(found["plain"]) * Fraction(10) ** power, Fraction(1)
        decimal = decimal or power < 0
    else:
        top, bottom = Fraction(found["top"] or found["over"]), Fraction(found["bottom"] or found["by"])
        value = top / bottom if bottom else Fraction(0)
    if not bottom:
        return None
    minus = (found["sign"] == "-") + bool(found["inner"]) + bool(found["under"])
    return Rational(-value if minus % 2 else value, decimal and value.denominator != 1)


def _braced(found: re.Match[str]) -> str:
    above, below = found[1] if found[2] is None else found[2], found[3] if found[4] is None else found[4]
    return f"\\frac{{{above}}}{{{below}}}"
