"""The readable lines of episodes: what each field may hold, read by its kind and range.

This is the form in which episodes are shown and handed on; runs write the compact one (`compact`), and both are read.

`read` takes the bytes of one line and returns a `Line`; whatever does not fit is a DataError that names the place, the
rule and what stands there. Refused are: fields that are missing, unknown or given twice; true or 1.0 for a whole
number; numbers that are not finite or out of range; half of a surrogate pair; other encodings than UTF-8, a byte
order mark; anything that is not one JSON object. And fields that contradict each other (`contradiction`).

The schema is read by msgspec, which checks while it parses. It takes the last of two equal keys, so a line that it
does not write back as it was is looked at once more: only lines that somebody reordered or spaced are slower.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tracer_env.errors import DataError
from tracer_env.intake.bounded import parse, shown, shown_path

__all__ = [
    "LONGEST",
    "MOST_REASON",
    "MOST_SEED",
    "MOST_TOKENS",
    "MOST_TURNS",
    "SCHEMA",
    "Count",
    "Line",
    "LogProb",
    "SaidLine",
    "Seed",
    "Share",
    "SignalsLine",
    "TaskLine",
    "Tokens",
    "TurnLine",
    "Turns",
    "Value",
    "contradiction",
    "place_in",
    "raw_lines",
    "read",
]

SCHEMA = 2
"""The schema of what is shown; the first one, which knew no signals, is read as well."""

LONGEST = 1 << 26
"""The most bytes a line may have, 64 MiB: some four thousand turns of long texts."""
MOST_TOKENS = 10**9
"""The most tokens an utterance may have cost; sums over any run stay whole."""
MOST_TURNS = 4096
"""The longest horizon that `Rules` takes."""
MOST_REASON = 1000
"""The most characters of what is told of a failure."""
MOST_SEED = (1 << 63) - 1
"""The largest seed: TOML promises no larger number."""

Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Seed = Annotated[int, Meta(ge=0, le=MOST_SEED)]
Tokens = Annotated[int, Meta(ge=0, le=MOST_TOKENS)]
Turns = Annotated[int, Meta(ge=0, le=MOST_TURNS)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Value = Annotated[float, Meta(ge=-1e9, le=1e9)]
LogProb = Annotated[float, Meta(ge=-1e30, le=0.0)]
Bit = Literal[0, 1]
GradeName = Literal["wrong", "correct", "unparsable", "timeout"]


class TaskLine(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The task of an episode, as far as a transcript tells it."""

    id: str
    question: str
    answer: str
    kind: str
    difficulty: Share


class SignalsLine(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What a model tells of its words (`types.Signals`); what it does not tell is left out."""

    logprob_sum: LogProb | UnsetType = UNSET
    logprob_mean: LogProb | UnsetType = UNSET
    logprob_min: LogProb | UnsetType = UNSET
    margin: Annotated[float, Meta(ge=-1e30, le=1e30)] | UnsetType = UNSET


class SaidLine(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """An utterance."""

    text: str
    answer: str | None
    rule: str
    grade: GradeName | None
    verdict: Literal["wrong", "none", "right"]
    prompt_tokens: Tokens
    completion_tokens: Tokens
    finish: Literal["stop", "length"]
    dropped: Tokens
    agrees: Literal[-1, 1] | UnsetType = UNSET  # left out where it is 0
    signals: SignalsLine | UnsetType = UNSET
    usage: Literal["unknown"] | UnsetType = UNSET  # left out where the tokens are known


class TurnLine(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A turn; what was not said, or not drawn, is left out."""

    turn: Turns
    agent: Annotated[int, Meta(ge=0, lt=MOST_TURNS)]
    role: Literal["proposer", "reviewer"]
    mask: tuple[Bit, Bit]
    key: str
    speak_probability: Share
    action: Literal["skip", "speak"]
    vote: Annotated[int, Meta(ge=-MOST_TURNS, le=MOST_TURNS)]
    skip_value: Value
    speak_value: Value | None
    utterance: SaidLine | UnsetType = UNSET
    other: SaidLine | UnsetType = UNSET
    asked: tuple[Tokens, Tokens] | UnsetType = UNSET  # left out where nobody was asked


class Line(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One episode."""

    schema: Literal[1, 2]  # up to SCHEMA
    episode: Count
    method: str
    scenario: str
    task: TaskLine
    world: Count
    seed: Seed
    max_turns: Annotated[int, Meta(ge=1, le=MOST_TURNS)]
    turns: Annotated[tuple[TurnLine, ...], Meta(max_length=MOST_TURNS)]
    final_turn: Turns
    final_answer: str | None
    grade: GradeName
    failed: Annotated[str, Meta(min_length=1, max_length=MOST_REASON)] | UnsetType = UNSET  # why it has no end


_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


def read(line: bytes) -> Line:
    """Read one line, with or without its line break; raises DataError."""
    body = line.rstrip(b"\r\n")
    try:
        found = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"not a transcript ({_reason(error, body)}): {_opening(body)}") from None
    if _encode(found) != body:
        parse(body, "the line")
    wrong = contradiction(found)
    if wrong:
        raise DataError(f"{wrong}: {_opening(body)}")
    return found


def raw_lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield (number from 1, offset, bytes) of each line of an ordinary file, the last one perhaps without its end.

    Raises DataError for a file that cannot be read, and for a line longer than `LONGEST`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{shown_path(path)} is no ordinary file")
        with path.open("rb") as file:
            number, offset = 0, 0
            while line := file.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    raise DataError(f"{shown_path(path)}, line {number}: it is longer than {LONGEST} bytes")
                yield number, offset, line
                offset += len(line)
    except OSError as error:
        raise DataError(f"cannot read {shown_path(path)}: {error.strerror or error}") from error


def contradiction(line: Line) -> str:
    """Return what in a line contradicts itself, in words; an empty text where all fits."""
    turns, last = line.turns, line.final_turn
    if len(turns) > line.max_turns:
        return f"it has {len(turns)} turns, more than its max_turns {line.max_turns}"
    if not turns and line.failed is UNSET:
        return "it has no turns"
    vote, proposed = 0, False
    for number, turn in enumerate(turns, start=1):
        wrong = _turn(turn, number)
        if wrong:
            return f"turn {number}: {wrong}"
        if turn.action == "speak":
            if turn.role == "proposer":
                vote, proposed = 0, True
            elif not proposed:
                return f"turn {number}: a reviewer speaks where nothing is pending"
            else:
                vote += _VOTES[turn.utterance.verdict]  # type: ignore[union-attr]  # _turn has seen the utterance
        if turn.vote != vote:
            return f"turn {number}: vote is {turn.vote}, and the verdicts come to {vote}"
    final = turns[last - 1] if 0 < last <= len(turns) else None
    if line.failed is not UNSET:
        fits = (last, line.final_answer, line.grade) == (0, None, "unparsable")
        return "" if fits else "it failed, and has an answer all the same"
    if (proposed or last) and (final is None or final.role != "proposer" or final.utterance is UNSET):
        return f"final_turn is {last}, and no proposal was made there"
    said = None if final is None or final.utterance is UNSET else final.utterance
    if (line.final_answer, line.grade) != ((said.answer, said.grade) if said is not None else (None, "unparsable")):
        return "final_answer and grade do not follow from the turns"
    return ""


def _turn(turn: TurnLine, number: int) -> str:
    speaks, free = turn.action == "speak", turn.mask == (1, 1)
    if turn.turn != number:
        return f"it is numbered {turn.turn}; turns are numbered from 1, one by one"
    if not turn.mask[speaks]:
        return f"its mask {list(turn.mask)} forbids to {turn.action}"
    if not free and turn.speak_probability != turn.mask[1]:
        return f"speak_probability is {turn.speak_probability}, and its mask {list(turn.mask)} left no choice"
    said = turn.utterance if speaks else turn.other
    if speaks is (turn.utterance is UNSET) or (turn.other is not UNSET and (speaks or not free)):
        return "SPEAK has an utterance and nothing else, SKIP has none, and another one only where it could have spoken"
    if turn.asked is not UNSET and not free:
        return "a speaker was asked whether to speak, and there was no choice"
    if (turn.speak_value is None) is not (said is UNSET):
        return "speak_value stands exactly where an utterance was drawn"
    if said is UNSET:
        return ""
    if said.usage is not UNSET and (said.prompt_tokens or said.completion_tokens):
        return "tokens of unknown usage are 0"
    if turn.role == "proposer":
        fits = said.grade is not None and said.verdict == "none"
        reviews = said.agrees is not UNSET or (said.signals is not UNSET and said.signals.margin is not UNSET)
        return "" if fits and not reviews else "a proposal has a grade, and no verdict, margin or agreement"
    return "" if said.grade is None else "a review has no grade"


_VOTES = {"wrong": -1, "none": 0, "right": 1}
_PLACE = re.compile(r"(?P<rule>.*) - at `\$(?P<place>[^`]*)`", re.DOTALL)


def _opening(body: bytes) -> str:
    return shown(body[:80].decode("utf-8", "replace"), 90)


def _reason(error: BaseException, body: bytes) -> str:
    """Say which rule a line breaks, where, and what stands there."""
    rule, place, value = place_in(error, body)
    if place is None:
        return rule
    if place == ".schema":
        return f"transcript schema {value} is none of 1 and {SCHEMA}, those this version reads"
    return f"{shown(place[1:], 80)[1:-1] or 'it'} is {value}: {rule}"


def place_in(error: BaseException, body: bytes) -> tuple[str, str | None, str]:
    """Return (the rule that a line breaks, where as in ``.turns[2].vote``, what stands there); None: nowhere in it."""
    if body.startswith(b"\xef\xbb\xbf"):
        return "it begins with a byte order mark; save the file as UTF-8 without one", None, ""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8", None, ""
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deep", None, ""
    found = _PLACE.fullmatch(str(error))
    if found is None:
        return shown(str(error), 200)[1:-1], None, ""
    rule = re.sub(r" `[^`]*`$", "", found["rule"]) if "unknown field" in found["rule"] else found["rule"]
    return shown(rule, 200)[1:-1], found["place"], _given(body, found["place"])


def _given(body: bytes, place: str) -> str:
    value: Any = parse(body, "the line")
    for key in re.findall(r"\w+", place):
        value = value[int(key) if isinstance(value, list) else key]
    return shown(value)
