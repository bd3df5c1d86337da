"""Behaviour by turn with intervals: tasks are the units, so what is counted is kept by task.

    accuracy by turn     the answer that stands after a turn is correct; a dialogue that has ended keeps its last one
    correction, corruption, preservation     from the first proposal to the final answer, timeouts left out
    oscillations         dialogues whose pending answer turned from wrong to right or back more than once
    right, then lost     dialogues in which a correct answer stood at some turn, and the final one is not correct
    RIGHT is right       of reviews that say RIGHT, those of a correct answer; and the same of WRONG
    Brier, reliability   where reviews tell a margin m: the chance of RIGHT they state is c = 1 / (1 + exp(-m)), the
                         score is the mean of (c - correct)^2 (Brier 1950), and the table holds c and the truth in bins

`ByTurn` takes one episode after the other and keeps four bytes for each figure and task. Intervals are those of shares
(`shares`), 95%; several seeds count as worlds of a task here.
"""

from __future__ import annotations

from array import array
from math import exp
from typing import Any

import numpy as np

from tracer_env.episodes.transcript import Transcript
from tracer_env.statistics.shares import share_interval
from tracer_env.types import Grade, Role, Verdict

__all__ = ["BINS", "ByTurn"]

BINS = 5
"""Of the chance that reviews state: 0 to 0.2, ..., 0.8 to 1."""
_COUNTS = (
    *("episodes", "oscillating", "lost", "wrong", "corrected", "right", "corrupted"),
    *("says_right", "right_is_right", "says_wrong", "wrong_is_wrong"),
)
_SHARES = {
    "oscillations": ("oscillating", "episodes"),
    "right_then_lost": ("lost", "episodes"),
    "correction": ("corrected", "wrong"),
    "corruption": ("corrupted", "right"),
    "preservation": ("preserved", "right"),
    "right_is_right": ("right_is_right", "says_right"),
    "wrong_is_wrong": ("wrong_is_wrong", "says_wrong"),
}


class ByTurn:
    """The counts of one method by task; `add` takes its episodes in any order, tasks numbered from 0."""

    def __init__(self) -> None:
        self._counts = {name: array("i") for name in _COUNTS}
        self._right: list[array[int]] = []  # by turn: episodes whose answer is correct after it
        self._ended: list[array[int]] = []  # by turn: episodes that ended before it, right
        self._reviews = [(0, 0.0, 0)] * BINS  # reviews, sum of chances, of a correct answer
        self._squares = 0.0

    def add(self, transcript: Transcript, task: int) -> None:
        """Count one more episode."""
        counts = self._counts
        self._room(task, len(transcript.turns))
        pending: Grade | None = None
        first: Grade | None = None
        flips, stood = 0, False
        for place, turn in enumerate(transcript.turns):
            said = turn.utterance
            if said is not None and turn.role is Role.REVIEWER:
                self._judged(task, pending, said.verdict, said.signals.margin)
            elif said is not None and said.grade is not None:
                flips += pending is not None and (pending is Grade.CORRECT) is not (said.grade is Grade.CORRECT)
                pending = said.grade
                first = pending if first is None else first
                stood = stood or pending is Grade.CORRECT
            self._right[place][task] += pending is Grade.CORRECT
        self._ended[len(transcript.turns) - 1][task] += pending is Grade.CORRECT
        final = transcript.final.grade
        counts["episodes"][task] += 1
        counts["oscillating"][task] += flips > 1
        counts["lost"][task] += stood and final is not Grade.CORRECT
        if first is not None and Grade.TIMEOUT not in (first, final):
            was, ended = first is Grade.CORRECT, final is Grade.CORRECT
            counts["right" if was else "wrong"][task] += 1
            counts["corrupted"][task] += was and not ended
            counts["corrected"][task] += ended and not was

    def to_data(self) -> dict[str, Any]:
        """Return shares with both ends of their intervals as JSON-ready data; a share without a case is None."""
        made = {name: np.array(column, dtype=np.int64) for name, column in self._counts.items()}
        made["preserved"] = made["right"] - made["corrupted"]
        shares = {name: _share(made[above], made[below]) for name, (above, below) in _SHARES.items()}
        kept, turns = np.zeros(len(made["episodes"]), dtype=np.int64), []
        for right, ended in zip(self._right, self._ended, strict=True):
            turns.append(_share(np.array(right, dtype=np.int64) + kept, made["episodes"]))
            kept = kept + np.array(ended, dtype=np.int64)
        return {"accuracy_by_turn": turns, **shares, **self._calibration()}

    def _calibration(self) -> dict[str, Any]:
        told = sum(number for number, _, _ in self._reviews)
        if not told:
            return {"brier": None, "reliability": []}
        bins = [
            {
                "from": place / BINS,
                "to": (place + 1) / BINS,
                "reviews": number,
                "stated": chance / number,
                "correct": right / number,
            }
            for place, (number, chance, right) in enumerate(self._reviews)
            if number
        ]
        return {"brier": self._squares / told, "reliability": bins}

    def _judged(self, task: int, pending: Grade | None, verdict: Verdict, margin: float | None) -> None:
        if pending is None or pending is Grade.TIMEOUT:
            return
        counts, correct = self._counts, pending is Grade.CORRECT
        if verdict is Verdict.RIGHT:
            counts["says_right"][task] += 1
            counts["right_is_right"][task] += correct
        elif verdict is Verdict.WRONG:
            counts["says_wrong"][task] += 1
            counts["wrong_is_wrong"][task] += not correct
        if margin is not None:
            chance = 1.0 / (1.0 + exp(-max(-700.0, min(700.0, margin))))
            place = min(BINS - 1, int(chance * BINS))
            number, total, right = self._reviews[place]
            self._reviews[place] = (number + 1, total + chance, right + correct)
            self._squares += (chance - correct) ** 2

    def _room(self, task: int, turns: int) -> None:
        """Have a place for a task in every column, and a column for every turn."""
        size = max(len(self._counts["episodes"]), task + 1)
        while len(self._right) < turns:
            self._right.append(array("i", bytes(4 * size)))
            self._ended.append(array("i", bytes(4 * size)))
        if len(self._counts["episodes"]) < size:
            for column in (*self._counts.values(), *self._right, *self._ended):
                column.extend([0] * (size - len(column)))


def _share(cases: Any, total: Any) -> dict[str, Any]:
    """Return a share over tasks with its interval; None without a case."""
    there = total > 0
    if not there.any():
        return {"share": None, "ci": None, "cases": 0}
    low, high = (float(end) for end in share_interval(cases[there], total[there]))
    return {"share": float(cases.sum() / total.sum()), "ci": [low, high], "cases": int(total.sum())}
