"""Parts that misbehave at one place, and all that they must not do: the cases of `torture_parts`."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import tracer_env
from tracer_env.agents.speakers.cast import CastSpeaker
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ControllerError, PartError, ScenarioError, SpeakerError
from tracer_env.interfaces import Extraction, Request
from tracer_env.rules import DialogueState
from tracer_env.types import Grade, Task, Utterance, Verdict

__all__ = ["CASES", "RAISED", "TASKS", "TURNS", "Case", "Where", "given"]

TASKS, TURNS = 8, 5


@dataclass(frozen=True)
class Where:
    """The one place at which a part misbehaves; ``turn`` 0 is nowhere."""

    task: str = ""
    question: str = ""
    turn: int = 0

    def here(self, state: DialogueState) -> bool:
        """Return whether a state is the place."""
        return (state.task.id, state.turn) == (self.task, self.turn)


class Raises:
    """Stands for raising in place of returning."""

    def __init__(self, kind: type[Exception], *words: Any) -> None:
        self.kind, self.words = kind, words

    def __repr__(self) -> str:
        return f"raise {self.kind.__name__}"


def given(value: Any) -> Any:
    if isinstance(value, Raises):
        raise value.kind(*value.words)
    return value


class Cracked:
    """A speaker that misbehaves at one place."""

    def __init__(self, where: Where, value: Any) -> None:
        self.where, self.value, self.well = where, value, SimulatedSpeaker()

    def speak(self, requests: Sequence[Request]) -> list[Any]:
        """Return what the simulated speaker says, but there."""
        said: list[Any] = []
        for request, one in zip(requests, self.well.speak(requests), strict=True):
            if self.where.here(request.state):
                said.append(given(self.value))
            else:
                said.append(Utterance(one.text, one.prompt_tokens, one.completion_tokens))
        return said


class Unlisted(Cracked):
    """A speaker whose whole list is wrong at one place."""

    def speak(self, requests: Sequence[Request]) -> Any:
        """Return the value in place of the list, there."""
        if any(self.where.here(request.state) for request in requests):
            return given(self.value)
        return super().speak(requests)


class Wavering:
    """A controller that misbehaves at one place."""

    def __init__(self, where: Where, value: Any) -> None:
        self.where, self.value = where, value

    def speak_probability(self, state: DialogueState, key: str) -> Any:
        """Return 0.75, but there."""
        return given(self.value) if self.where.here(state) else 0.75


class Crooked:
    """A scenario that misbehaves at one place: in grading, or (``extraction``) in reading."""

    def __init__(self, where: Where, value: Any, extraction: bool) -> None:
        self.inner = tracer_env.make_scenario("arithmetic", limit=TASKS)
        self.where, self.value, self.extraction, self.name = where, value, extraction, "arithmetic"
        self.turn = 0

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.inner)

    def __getitem__(self, index: int) -> Task:
        return self.inner[index]

    def reading(self, state: DialogueState) -> Crooked:
        """Return this scenario at the turn of ``state``."""
        twin = Crooked(self.where, self.value, self.extraction)
        twin.turn = state.turn if state.task.id == self.where.task else 0
        return twin

    def extract(self, text: str) -> Any:
        """Return what is read, but there."""
        there = self.extraction and self.turn == self.where.turn > 0
        return given(self.value) if there else self.inner.extract(text)

    def grade(self, text: str, task: Task) -> Any:
        """Return the grade, but there."""
        there = not self.extraction and self.turn == self.where.turn > 0
        return given(self.value) if there else self.inner.grade(text, task)

    def same(self, left: str, right: str) -> bool:
        """Return whether answers are equal."""
        return self.inner.same(left, right)


def _function(where: Where, value: Any) -> Callable[[str], Any]:
    def misspoken(prompt: str) -> Any:
        here = "Is it RIGHT or WRONG?" in prompt.rpartition("### Task")[2]
        if where.question in prompt and "Discussion so far:" not in prompt and where.turn == 1 + here:
            return given(value)
        drawn = zlib.crc32(prompt.encode())
        return f"{'RIGHT' if drawn % 3 else 'WRONG'}\nFinal answer: {drawn % 60}"

    return misspoken


@dataclass(frozen=True)
class Case:
    """A part: its name, the error that belongs to it, what it must not do, and how it is put into `compare`."""

    name: str
    error: type[PartError]
    values: Sequence[Any]
    parts: Callable[[Where, Any], dict[str, Any]]
    turns: Sequence[int] = range(1, TURNS + 1)


_SAID = Utterance("Final answer: 1")
RAISED = [
    Raises(RuntimeError, "two\nlines \x1b[2J"),
    Raises(KeyError, "\ud800"),
    Raises(RecursionError),
    Raises(MemoryError),
    Raises(OSError, 28, "No space left on device"),
    Raises(StopIteration),
    Raises(AssertionError),
]
_UTTERANCES: list[Any] = [
    *RAISED,
    *[None, "text", b"text", 7, {}, [], ("a",), object(), Verdict.RIGHT],
    *[replace(_SAID, text=text) for text in (None, 7, b"x", ["x"], 1.5)],  # type: ignore[arg-type]
    *[
        replace(_SAID, **{name: count})
        for name in ("prompt_tokens", "completion_tokens", "dropped")
        for count in (-1, 1.5, 2.0, math.nan, "7", True, 10**30, None, [1], 1j)
    ],
    *[replace(_SAID, finish=finish) for finish in (None, "tired", 0, "STOP")],  # type: ignore[arg-type]
    *[
        replace(_SAID, token_ids=(1,), logprobs=logs)
        for logs in ((0.5,), (math.nan,), (-1.0, -1.0), ("a",), (-math.inf,))
    ],  # type: ignore[arg-type]
    *[
        replace(_SAID, rule="given", answer=answer, grade=grade, verdict=verdict)  # type: ignore[arg-type]
        for answer, grade, verdict in (("1", None, None), (1, Grade.WRONG, Verdict.NONE), ("\udfff", 1, Verdict.RIGHT))
    ],
]
_LISTS: list[Any] = [None, 7, "text", {}, [], [_SAID] * 99, (one for one in [_SAID]), {1: _SAID}, Utterance]
_CHANCES = [*RAISED, None, "0.5", 2.0, -0.1, math.nan, math.inf, -math.inf, 1j, [0.5], {}, 10**400, object()]
_GRADES = [*RAISED, None, True, 1, 0, "correct", 1.0, 7, [], Verdict.RIGHT]
_FOUND = [*RAISED, None, "1", ("1", "rule"), Extraction(1, "x"), Extraction("1", None), Extraction("\ud800", "x"), 7]  # type: ignore[arg-type]
_TEXTS = [*RAISED, None, 7, b"x", ["x"], 1.5, {}, object()]

CASES: dict[str, Case] = {
    "speaker": Case("Cracked", SpeakerError, _UTTERANCES, lambda where, value: {"speaker": Cracked(where, value)}),
    "list": Case("Unlisted", SpeakerError, _LISTS, lambda where, value: {"speaker": Unlisted(where, value)}),
    "cast": Case(
        "Cracked",
        SpeakerError,
        _UTTERANCES,
        lambda where, value: {
            "speaker": CastSpeaker({"proposer": Cracked(where, value), "reviewer": Cracked(where, value)})
        },
    ),
    "function": Case(
        "misspoken",
        SpeakerError,
        _TEXTS,
        lambda where, value: {"speaker": tracer_env.make_speaker(_function(where, value))},
        (1, 2),  # its prompt does not say which turn it is; these are told by the role and the silence before
    ),
    "controller": Case(
        "Wavering",
        ControllerError,
        _CHANCES,
        lambda where, value: {
            "controllers": {"always": tracer_env.make_controller("always"), "mine": Wavering(where, value)}
        },
        range(2, TURNS + 1),
    ),
    "grade": Case(
        "Crooked",
        ScenarioError,
        _GRADES,
        lambda where, value: {"scenario": Crooked(where, value, False), "speaker": Cracked(Where(), None)},
        (1, 3, 5),
    ),
    "extraction": Case(
        "Crooked",
        ScenarioError,
        _FOUND,
        lambda where, value: {"scenario": Crooked(where, value, True), "speaker": Cracked(Where(), None)},
        (1, 3, 5),
    ),
}
