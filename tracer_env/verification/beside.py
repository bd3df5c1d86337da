r"""What stands beside a formula: a unit, a word, a currency, a remark in brackets.

take_off(r"5\text{ cm}^2")       5, the unit cm^2
take_off("12 apples")            12, the word apple
take_off("-€5 (per person)")     -5, the unit eur
take_off("12 x")                 12 x: a letter that may be a variable is part of the formula
"""

from __future__ import annotations

import re

from tracer_env.verification.units import CURRENCIES, canonical, unit_length

__all__ = ["ABOUT", "FUNCTIONS", "TEXTS", "WORD", "has_words", "take_off"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXT = r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mbox|operatorname|mathsf|textsf) ?"
TEXTS = re.compile(_TEXT + r"\{([^{}]*)\}")
_TAIL = re.compile(
    r"(?P<core>.*?[0-9})\]A-Za-z!])[\s~]*(?:\\[,;:! ]|\\q?quad)*[\s~]*"
    + _TEXT
    + r"\{(?P<unit>[^{}]*)\}(?P<power>\s*\^\s*\{?\s*-?[0-9]\s*\}?)?[.\s]*",
    re.DOTALL,
)
_DEGREES = re.compile(
    r"(?P<core>.*[0-9})])\s*\^\s*\{?\s*\\circ\s*\}?\s*(?:\\(?:text|mathrm)\s*\{\s*(?P<scale>[CF])\s*\}|(?P<plain>[CF]))?",
    re.DOTALL,
)
_PERCENT = re.compile(r"(?P<core>.*[0-9})])\s*\\?%", re.DOTALL)
_MONEY = "".join(CURRENCIES)
_CURRENCY = re.compile(
    rf"(?P<sign>[-\u2212\u2013]?)\s*(?:\\text\{{)?\\?(?P<mark>[{_MONEY}]|\\pounds|\\euro)\}}?\s*(?P<core>[-\u2212]?\s*[0-9.].*)",
    re.DOTALL,
)
_CURRENCY_BEHIND = re.compile(rf"(?P<core>.*[0-9}}])\s*\\?(?P<mark>[{_MONEY}])", re.DOTALL)
_REMARK = re.compile(
    r"(?P<core>.*[0-9A-Za-z})!%\u00b0$])\s*(?:\\text\s*\{)?\s*\((?P<remark>[^()]{2,200})\)\s*\}?", re.DOTALL
)
FUNCTIONS = _words(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log ln exp sqrt pi theta alpha beta "
    "gamma phi min max gcd lcm mod det infinity inf infty dx dy xy ab abc xyz"
)
WORD = re.compile(r"(?<![A-Za-z\\{])[A-Za-z]{2,}(?![A-Za-z]|\})")
_COMMANDS = re.compile(r"\\[A-Za-z]+(?: ?\{[A-Za-z*]+\})?|\\.")
_PLAIN_TAIL = re.compile(
    r"(?P<core>.*?(?:[0-9})!]|\\pi(?![A-Za-z])))(?P<gap>\s*)"
    r"(?P<tail>[A-Za-z\u00b5\u03bc\u03a9\u2126\u00b0][^0-9\\={}+<>^]*+(?:\^ ?\{? ?-?[0-9] ?\}?[^0-9\\={}+<>^]*+)?)",
    re.DOTALL,
)
_PRODUCT = re.compile(_TEXT + r"\{([^{}]*)\}\s*(/|\\cdot)\s*" + _TEXT + r"\{([^{}]*)\}")
_QUOTIENT = re.compile(r"\\[dt]?frac\s*\{\s*" + _TEXT + r"\{([^{}]*)\}\s*\}\s*\{\s*" + _TEXT + r"\{([^{}]*)\}\s*\}")
_NO_NOUNS = _words(
    "or and to times plus minus over squared cubed choose mod divided hundred thousand million billion trillion"
)
ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|nearly|exactly|\\approx|\u2248|~|\\sim)\s*(?=[-0-9\\.$(])",
    re.IGNORECASE,
)


def take_off(text: str) -> tuple[str, str | None, str | None]:
    """Take remark, unit and word off ``text``: return what is left, the unit's name and the word."""
    unit = noun = None
    text = _QUOTIENT.sub(r" \\text{\1/\2}", _PRODUCT.sub(r"\\text{\1\2\3}", text))
    for _ in range(4):
        remark = _REMARK.fullmatch(text)
        if remark and _is_remark(remark["remark"], remark["core"]):
            text = remark["core"].rstrip()
            continue
        found = _latex_tail(text) or _plain_tail(text)
        if found is None:
            break
        core, behind = found
        name = canonical(behind)
        if name and unit:  # two units: whatever is meant, it is not the formula alone
            break
        text = core
        unit, noun = (name, None) if name else (unit, noun if unit or behind == "" else _singular(behind))
    money = _CURRENCY.fullmatch(text)
    if money:
        mark = {"\\pounds": "\u00a3", "\\euro": "\u20ac"}.get(money["mark"], money["mark"])
        text = money["sign"] + money["core"]
        unit = unit if unit == "cent" else CURRENCIES[mark]
        noun = None
    return text, unit, noun


def _is_remark(remark: str, core: str) -> bool:
    words = [word for word in WORD.findall(remark) if word.lower() not in FUNCTIONS]
    return bool(
        any(len(word) > 2 for word in words)
        or remark.lstrip()[:1] in ("=", "\u2248")
        or remark.lstrip().startswith("\\approx")
    ) and not core.endswith(("=", "+", "-", "\\"))


def _latex_tail(text: str) -> tuple[str, str] | None:
    """Return ``text`` without the unit or word that LaTeX sets behind it, and that unit; None when there is none."""
    if degrees := _DEGREES.fullmatch(text):
        return degrees["core"], "\u00b0" + (degrees["scale"] or degrees["plain"] or "")
    if percent := _PERCENT.fullmatch(text):
        return percent["core"], "%"
    if money := _CURRENCY_BEHIND.fullmatch(text):
        return money["core"], money["mark"]
    tail = _TAIL.fullmatch(text)
    if tail is None or re.search(r"[0-9]|\b(?:or|and)\b", tail["unit"]):
        return None
    unit = tail["unit"].strip(" .,()")
    return tail["core"], unit + (re.sub(r"[\s{}]", "", tail["power"]) if tail["power"] and unit else "")


def _plain_tail(text: str) -> tuple[str, str] | None:
    """Return ``text`` without the unit or the words behind a number, and that unit or the first word."""
    number = _PLAIN_TAIL.fullmatch(text)
    if number is None or (
        TEXTS.search(number["core"]) is None
        and WORD.search(_COMMANDS.sub("", number["core"]))
        and not ABOUT.match(text)
    ):
        return None
    tail = number["tail"].strip()
    length = unit_length(tail)
    lone = (length == 1 and not number["gap"] and tail[:1].isalpha()) or re.search(
        r"(?<![A-Za-z])[B-HJ-Zb-z](?![A-Za-z])", tail[length:]
    )
    if length and not lone and not (tail[:length].lower() in ("in", "a") and len(tail) > length):
        return number["core"], tail[:length]
    words = WORD.findall(tail)
    if not words or tail.split()[0].lower() in FUNCTIONS or len(tail.split()[0]) < 2 or re.search(r"[*/^_()]", tail):
        return None
    if tail.split()[0].lower() in _NO_NOUNS:
        return None
    return (number["core"], tail.split()[0]) if number["gap"] or len(tail.split()[0]) > 2 else None


def _singular(word: str) -> str:
    word = word.split()[0].lower().strip(".,") if word.split() else ""
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


def has_words(text: str) -> bool:
    """Return whether there is an ordinary word in ``text``, outside of LaTeX."""
    words = WORD.findall(_COMMANDS.sub(" ", TEXTS.sub("", text)))
    return any(word.lower() not in FUNCTIONS and word not in ("or", "and") for word in words)
