"""Whether the numbers of stored trees could have come from dialogues under their rules.

Kinds and shapes have been checked before (`stored_arrays`). What is left are contradictions, and each of these
follows from the rules alone:

    who speaks      utterances, verdicts and tokens stand where a seat may speak, a verdict where it reviews
    what is kept    below SKIP everything pending is as above; a new proposal has no votes yet
    votes           below a review the vote has moved by the verdict, grade and answer are those of the proposal
    signals         log-probabilities are at most 0, the least at most the mean, the sum at most the least (`signals`);
                    all stand where something is said, a margin at reviews alone
    finals          ``final_correct`` is what the rule for the final answer says of grades, votes and answers
    texts           utterances are numbered tree by tree, and each says what its node says
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.intake.checked import Misfit
from tracer_env.rules import Rules
from tracer_env.signals import ORDERED, ROUNDING
from tracer_env.trees.finals import Standing, finals
from tracer_env.trees.levels import Level
from tracer_env.trees.shape import places, spoken_nodes, utterances
from tracer_env.types import SIGNALS, UNTOLD, Grade, Role, Signals, Utterance, Verdict

__all__ = ["check_levels", "check_texts", "with_signals"]


def check_levels(rules: Rules, levels: Sequence[Level], texts: int | None) -> None:
    """Raise Misfit for levels that no dialogues give; ``texts`` is how many utterances there are, if any are kept."""
    for depth, level in enumerate(levels):
        spoken = spoken_nodes(rules, depth)
        _check_ranges(level, depth)
        _check_silence(level, depth, spoken)
        _check_told(level, depth, spoken, rules.seats[depth + 1].role is Role.PROPOSER)
        if depth:
            _check_step(rules, levels[depth - 1], level, depth, spoken)
    _check_numbers(rules, levels, texts)
    standing = [Standing(level.grade, level.vote, level.answer) for level in levels]
    for depth, (level, grade) in enumerate(zip(levels, finals(rules, standing), strict=True)):
        _refuse(level.final_correct != (grade == Grade.CORRECT), "final_correct", depth, "does not follow from grades")


def check_texts(rules: Rules, levels: Sequence[Level], said: Sequence[Utterance]) -> None:
    """Raise Misfit for utterances that are not those of the levels: other grades, verdicts, token counts or roles."""
    count = len(said)
    told: dict[str, NDArray[Any]] = {
        "grade": np.fromiter((-1 if one.grade is None else one.grade for one in said), np.int8, count),
        "verdict": np.fromiter((one.verdict for one in said), np.int8, count),
        "prompt_tokens": np.fromiter((one.prompt_tokens for one in said), np.int32, count),
        "completion_tokens": np.fromiter((one.completion_tokens for one in said), np.int32, count),
    }
    for depth, level in enumerate(levels):
        columns = np.flatnonzero(spoken_nodes(rules, depth))
        numbers = level.utterance[:, columns]
        proposes = rules.seats[depth + 1].role is Role.PROPOSER
        for name, values in told.items():
            stored = getattr(level, name)[:, columns]
            if name == "grade" and not proposes:
                stored = np.full_like(stored, -1)
            wrong = values[numbers] != stored
            if wrong.any():
                number = int(numbers[wrong][0])
                raise Misfit(f"of line {number + 1} is not what {name}_{depth} says of the same utterance", name)


def with_signals(levels: Sequence[Level], said: Sequence[Utterance]) -> list[Utterance]:
    """Return utterances with what the levels' arrays tell of their words; those that no level has as they are."""
    whole = list(said)
    for level in levels:
        told = [getattr(level, name) for name in ("agrees", *SIGNALS)]
        if not told[0].any() and all(np.isnan(array).all() for array in told[1:]):
            continue
        for row, node in zip(*np.nonzero(level.utterance >= 0), strict=True):
            agrees, *signals = (array[row, node].item() for array in told)
            values = Signals(*(None if value != value else value for value in signals))
            number = level.utterance[row, node]
            whole[number] = replace(whole[number], agrees=agrees, signals=UNTOLD if values == UNTOLD else values)
    return whole


def _check_ranges(level: Level, depth: int) -> None:
    for name, known in (("grade", tuple(map(int, Grade))), ("verdict", tuple(map(int, Verdict)))):
        array, low, high = getattr(level, name), min(known), max(known)
        _refuse((array < low) | (array > high), name, depth, f"leaves the range {low} to {high}")
    for name, least in (("prompt_tokens", 0), ("completion_tokens", 0), ("answer", -1)):
        _refuse(getattr(level, name) < least, name, depth, f"falls below {least}")
    unread = (level.grade == Grade.UNPARSABLE) & (level.answer != -1)
    _refuse(unread, "answer", depth, "is one where the proposal holds none")


def _check_silence(level: Level, depth: int, spoken: NDArray[np.bool_]) -> None:
    """Nothing is said at a node that was reached by SKIP, or lies beyond the end."""
    for name, nothing in (("verdict", 0), ("prompt_tokens", 0), ("completion_tokens", 0), ("utterance", -1)):
        wrong = (getattr(level, name) != nothing) & ~spoken
        _refuse(wrong, name, depth, f"is not {nothing} where nothing was said")
    _refuse((level.utterance < 0) & spoken, "utterance", depth, "is -1 where something was said")
    if depth == 0:
        _refuse((level.verdict != 0) | (level.vote != 0), "vote", depth, "is not 0 at a first proposal")


def _check_told(level: Level, depth: int, spoken: NDArray[np.bool_], proposes: bool) -> None:
    """Signals are told of what is said, and of reviews alone whether they agree, and their margin."""
    _refuse((level.agrees < -1) | (level.agrees > 1), "agrees", depth, "leaves the range -1 to 1")
    review = spoken & (not proposes)
    _refuse((level.agrees != 0) & ~review, "agrees", depth, "is not 0 where nobody reviews")
    _refuse(~np.isnan(level.margin) & ~review, "margin", depth, "is told where nobody reviews")
    for name in SIGNALS:
        told = getattr(level, name)
        _refuse(np.isinf(told), name, depth, "is not finite")
        if name != "margin":
            _refuse(~np.isnan(told) & ~spoken, name, depth, "is told where nothing was said")
            _refuse(told > 0, name, depth, "is above 0")
    for low, high in ORDERED:
        least = getattr(level, low) > getattr(level, high) * np.float64(1.0 - ROUNDING)
        _refuse(least, low, depth, f"is above {high} of the same utterance")


def _check_step(rules: Rules, above: Level, here: Level, depth: int, spoken: NDArray[np.bool_]) -> None:
    """What is pending at a node is what was pending above it, but for what the turn itself has changed."""
    renewed = spoken & (rules.seats[depth + 1].role is Role.PROPOSER)
    _refuse((here.verdict != 0) & renewed, "verdict", depth, "is one where a proposer sits")
    for name in ("grade", "answer"):
        changed = getattr(here, name) != np.repeat(getattr(above, name), 2, axis=1)
        _refuse(changed & ~renewed, name, depth, "does not follow from the turn before")
    votes = np.where(renewed, 0, np.repeat(above.vote, 2, axis=1) + here.verdict)
    _refuse(here.vote != votes, "vote", depth, "does not follow from the turn before")


def _check_numbers(rules: Rules, levels: Sequence[Level], texts: int | None) -> None:
    """Utterances are numbered tree by tree; a part of a larger set of trees keeps the numbers that it had there."""
    each = utterances(rules)
    first = levels[0].utterance[:, 0].astype(np.int64)
    if (first % each).any() or len(np.unique(first)) < len(first):
        raise Misfit("does not number the utterances tree by tree", "utterance_0")
    if texts is not None and int(first.max()) + each > texts:
        raise Misfit(f"leaves the range -1 to {texts - 1}", "utterance_0")
    for depth, level in enumerate(levels):
        place = places(rules, depth)
        wanted = np.where(place >= 0, first[:, None] + place, -1)
        _refuse(level.utterance != wanted, "utterance", depth, "does not number the utterances tree by tree")


def _refuse(wrong: NDArray[np.bool_], name: str, depth: int, why: str) -> None:
    if wrong.any():
        row, node = (int(place[0]) for place in np.nonzero(wrong))
        raise Misfit(f"{why}, first in row {row} at node {node}", f"{name}_{depth}")
