"""Tasks, a stand-in for a model, and comparisons, for the tests of dialogue trees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tracer_env.interfaces import Request
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Role, Seat, Task, Turn, Utterance

SUMS = [Task(f"sum-{i}", f"What is {i} plus {i}?", str(2 * i), difficulty=i / 8) for i in range(8)]
PICKS = [Task(f"pick-{i}", "Which one?", "ABCD"[i % 4], "choice", options=("p", "q", "r", "s")) for i in range(8)]


class HashSpeaker:
    """A stand-in for a model: what it says is a hash of everything it may read and of the noise."""

    def __init__(self) -> None:
        self.calls = 0

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        self.calls += 1
        return [self._say(request) for request in requests]

    def _say(self, request: Request) -> Utterance:
        read = [request.state.task.question, str(request.stream), str(request.state.turn)]
        read += [turn.utterance.text for turn in request.state.history if turn.utterance]
        bits = hashlib.sha256("\n".join(read).encode()).digest()
        length = sum(map(len, read))
        if request.seat.role is Role.REVIEWER:
            return Utterance(("RIGHT", "WRONG", "WRONG", "Hm")[bits[0] % 4] + f" {bits[1]}", length, bits[2])
        gold = int(request.state.task.answer)
        return Utterance(f"Note {bits[1]}. Final answer: {gold + bits[0] % 3}" * (bits[3] > 20), length, bits[2])


class ProposeProposeReview:
    """A schedule of three seats: everybody proposes twice and reviews once."""

    def seat(self, turn: int, num_agents: int) -> Seat:
        return Seat((turn - 1) % num_agents, Role.REVIEWER if turn % 3 == 0 else Role.PROPOSER)

    def readable(self, turns: tuple[Turn, ...], seat: Seat) -> tuple[Turn, ...]:
        return tuple(turn for turn in turns if turn.seat.agent != seat.agent)


class Notes:
    def __init__(self) -> None:
        self.said: list[object] = []

    def start(self, what: str, total: int, done: int = 0) -> None:
        self.said.append((what, total, done))

    def reach(self, done: int, note: str = "") -> None:
        self.said.append((done, note.rpartition(" ")[2]))


def same(left: DialogueTrees, right: DialogueTrees) -> None:
    assert (left.rules, left.tasks, left.worlds, left.seed) == (right.rules, right.tasks, right.worlds, right.seed)
    for mine, theirs in zip(left.levels, right.levels, strict=True):
        for name, array in vars(mine).items():
            other = getattr(theirs, name)
            assert array.dtype == other.dtype
            np.testing.assert_array_equal(array, other)
    assert (left.texts is None) == (right.texts is None)
    for mine, theirs in zip(left.texts or (), right.texts or (), strict=True):
        for name in ("text", "answer", "grade", "verdict", "prompt_tokens", "completion_tokens", "finish", "rule"):
            assert getattr(mine, name) == getattr(theirs, name)


def bytes_of(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
