r"""What a text settles on when it is read to pay for it: stricter than the referee, who reads what it can.

The referee takes one answer out of every text by a fixed rule (the last marker, the first number behind it, the
first word of a review), which is fair to a text that was written to inform. A policy that is paid by the reading
learns what the reading overlooks, so a text must here say one thing and say it openly:

    a proposal   states its answer behind a marker (`extraction`), not only as its last number or line;
                 the last marker that holds a word holds the answer, and all others agree with it;
                 a number stands alone in its line (``9 * 2 = 18`` is one), a choice is one letter;
                 nothing is denied or left open (``not 18``, ``17 or 18``), hidden in a comment or in characters
                 that do not show, or written in digits that the referee cannot read;
                 in mathematics nothing is left to compute where the gold answer is finished (``\boxed{6+12}``,
                 copied from the question, equals 18 for a computer algebra system), and there are no
                 more pieces than the gold answer has
    a review     gives one verdict, as a whole word, and does not give the other one as well

What is refused here is still graded, shown and voted on as before: only the pay differs. Some honest texts are
refused too (``18 eggs for 2 dollars``, ``2^10`` for 1024); a policy in training can learn to be plain.

Not promised: that the words before the answer support it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from tracer_env.types import Task, Utterance, Verdict
from tracer_env.verification import extraction, letters, numbers
from tracer_env.verification.dress import undress
from tracer_env.verification.reasoning import UNREAD, spoken
from tracer_env.verification.verdicts import read_verdict
from tracer_env.verification.verifiers import verifier_for

__all__ = ["FALLBACKS", "MAX_STATEMENTS", "single_verdict", "states_one_answer"]

FALLBACKS = frozenset({"none", "last_number", "last_line", "option"})
"""Extraction rules that find an answer where no marker states one."""
MAX_STATEMENTS = 20
"""A text that states its answer more often than this states none."""

_STATED = extraction.STATED
_MARKERS = {
    "number": _STATED | {"a_colon"},
    "choice": _STATED | {"answer_is"},
    "math": _STATED,
    "text": frozenset({"final_answer", "boxed", "tag"}),
}
_OURS = frozenset().union(*_MARKERS.values())
_HIDDEN = re.compile(r"<!--|\\[hv]?phantom(?![a-z])")
_LEFT_OPEN = re.compile(
    r"\b(?:not|or|either|neither|between|except)\b|n['\u2019]t\b|\u2260|\\neq?(?![a-z])", re.IGNORECASE
)
_TWO_WAY_MARKS = "\u200e\u200f"
_LETTER = re.compile(r"(?<![A-Za-z])([A-J])[)\]]")
_UNITS = re.compile(r"\\(?:text|mathrm|textbf)\s*\{[^{}]*\}(?:\s*\^\s*\{?\d\}?)?|\^\s*\{?\s*\\circ\s*\}?")
_WORK = re.compile(
    r"[+*!]|(?<=[\d)}\]])\s*[-\u2212^]|\\(?:cdot|times|div|sqrt|log|ln|exp|sum|prod|int|[dt]?binom|pmod|lfloor|lceil"
    r"|gcd|min|max|sin|cos|tan|cot|sec|csc|arc[a-z]+|det)(?![a-z])"
)
_SEPARATOR = re.compile(r"[\[({]|[\])}]|,(?!\s?\d{3}(?!\d))|;|\b(?:or|and)\b")

_VERDICT = r"(?P<%s>RIGHT|CORRECT|WRONG|INCORRECT)(?![^\W_]|['\u2019-][^\W_])"
_OPENING = re.compile(r"(?:[^\w\n]|_)*+" + _VERDICT % "word", re.IGNORECASE)
_JOINED = re.compile(
    r"\W{0,8}(?:(?:or|and|but|yet)\b\W{0,8}|[/|&+]\W{0,8})"
    + _VERDICT % "word"
    + r"|\W{1,8}"
    + _VERDICT % "next"
    + r"\W{0,3}(?:$|\n)",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"(?P<denied>(?i:\b(?:not|never)|n['\u2019]t)\s+)?(?<![\w'\u2019-])"
    + _VERDICT % "capitals"
    + r"|(?i:\b(?:it|this|that|(?:the|this|that)\s+(?:\w+\s+)?(?:answer|proposal|solution|result))"
    + r"\s+is\s+(?P<also>not\s+)?"
    + _VERDICT % "said"
    + r"(?=\W*(?:$|\n|[.!;])))"
    + r"|(?i:(?:(?m:^)|(?<=[.!?;]))[ \t]{0,4}"
    + _VERDICT % "alone"
    + r"(?=[.!?;]|\s*$|\s*\n))"
)


def states_one_answer(utterance: Utterance, task: Task, unread: tuple[str, ...] = UNREAD) -> bool:
    """Return whether a proposal, read by the referee, states its answer openly and once.

    An answer that was found by a rule of somebody else's (``given``, a hook) counts as stated.
    """
    if utterance.answer is None or utterance.rule in FALLBACKS:
        return False
    text, rules = spoken(utterance.text, unread), _MARKERS.get(task.kind)
    if rules is None or utterance.rule not in _OURS:
        return True
    if text is None or utterance.rule not in rules:
        return False
    if _HIDDEN.search(text) or any(len(line) > extraction.MAX_CONTENT for line in text.splitlines()):
        return False
    contents = [content for _, content in extraction.statements(text, rules) if any(map(str.isalnum, content))]
    if not 0 < len(contents) <= MAX_STATEMENTS or not all(map(_shows, contents)):
        return False
    return _agree(contents, task) and not any(_evasive(content, task) for content in contents)


def single_verdict(text: str, unread: tuple[str, ...] = UNREAD) -> Verdict:
    """Return the verdict that a review opens with, or NONE when it has none or gives the other one as well.

    ``WRONG. The right answer is 25.`` gives one; ``RIGHT or WRONG``, ``RIGHT ... WRONG``, ``Right. Wrong.`` and
    ``WRONG. The answer is correct.`` give two, and ``right-hand`` and ``RIGHT1`` give none.
    """
    text = (spoken(text, unread) or "").lstrip()
    opening = _OPENING.match(text)
    if opening is None or read_verdict(text, ()) is Verdict.NONE:
        return Verdict.NONE
    verdict, rest = _named(opening["word"]), text[opening.end() :]
    joined = _JOINED.match(rest)
    if joined and _named(joined["word"] or joined["next"]) is not verdict:
        return Verdict.NONE
    for claim in _CLAIM.finditer(rest):
        claimed = _named(claim["capitals"] or claim["said"] or claim["alone"])
        denied = bool(claim["denied"] or claim["also"])
        if (claimed is verdict) is denied:
            return Verdict.NONE
    return verdict


def _named(word: str) -> Verdict:
    return Verdict.RIGHT if word.upper() in ("RIGHT", "CORRECT") else Verdict.WRONG


def _agree(contents: list[str], task: Task) -> bool:
    """Return whether the last statement holds an answer and every other one that holds one holds the same."""
    read, same = _readers(task)
    last = read(contents[0])
    if not last:
        return False
    others = {read(content) for content in contents[1:]} - {None, last}
    return all(same(last, str(other)) for other in others)


def _readers(task: Task) -> tuple[Callable[[str], str | None], Callable[[str, str], bool]]:
    verifier = verifier_for(task.kind)
    if task.kind == "number":
        return _number, str.__eq__
    if task.kind == "choice":
        return (lambda content: letters.read_choice(content, task.options)), verifier.same
    return verifier.read, verifier.same


def _number(content: str) -> str | None:
    value = numbers.read_number(undress(content))
    return None if value is None else numbers.render_number(value)


def _shows(content: str) -> bool:
    """Return whether a reader and the referee see the same: no invisible characters, no digits but 0 to 9."""
    return all(
        c.isascii()
        or not (
            c.isdecimal()
            or unicodedata.decomposition(c).startswith("<fraction>")
            or (unicodedata.category(c) in ("Cf", "Cc", "Co", "Cs") and c not in _TWO_WAY_MARKS)
        )
        for c in content
    )


def _evasive(content: str, task: Task) -> bool:
    """Return whether a statement names more than it settles on."""
    if task.kind == "number":
        several = "=" not in content and numbers.count_numbers(content) > 1
        return several or _LEFT_OPEN.search(content) is not None
    if task.kind == "choice":
        letters = set(_LETTER.findall(content))
        return len(letters) > 1 or re.search(r"\bnot\b|n['\u2019]t\b|\u2260", content, re.IGNORECASE) is not None
    if task.kind == "math":
        return _unfinished(content, task.answer) or _pieces(content) > _pieces(task.answer)
    return False


def _unfinished(content: str, gold: str) -> bool:
    """Return whether ``content`` leaves something to compute, where the gold answer does not."""
    if _WORK.search(_UNITS.sub("", gold)):
        return False
    return _WORK.search(_UNITS.sub("", content.rpartition("=")[2])) is not None


def _pieces(answer: str) -> int:
    """Return how many things stand side by side: parted by commas and the like outside brackets, or in formulas."""
    depth, parts = 0, 1
    for found in _SEPARATOR.finditer(answer):
        mark = found.group()
        if mark in "[({":
            depth += 1
        elif mark in "])}":
            depth = max(depth - 1, 0)
        else:
            parts += depth == 0 or mark in ("or", "and")
    return max(parts, answer.replace("\\$", "").count("$") // 2)
