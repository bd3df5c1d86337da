"""The nouns of the world: roles, actions, verdicts, grades, tasks, utterances and turns.

Everything here is immutable and knows no rule. How a dialogue moves is in `rules`; how a text
becomes an answer and a grade is in `verification`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

__all__ = [
    "SIGNALS",
    "UNTOLD",
    "Action",
    "Grade",
    "Interval",
    "Role",
    "Seat",
    "Signals",
    "Task",
    "Turn",
    "Utterance",
    "Verdict",
]

Interval = tuple[float, float]
"""The low and the high end of a 95% interval."""


class Role(IntEnum):
    """What a seat does at its turn: write a solution, or judge the pending one."""

    PROPOSER = 0
    REVIEWER = 1


class Action(IntEnum):
    """What a controller chooses; the value is the index into the action mask."""

    SKIP = 0
    SPEAK = 1


class Verdict(IntEnum):
    """A reviewer's judgement; the value is what it adds to the vote of the pending answer."""

    WRONG = -1
    NONE = 0
    RIGHT = 1

    def fits(self, correct: bool) -> bool:
        """Return whether this is the true judgement of an answer that is ``correct`` or not; NONE judges nothing."""
        return self is (Verdict.RIGHT if correct else Verdict.WRONG)


class Grade(IntEnum):
    """How a proposal fared against the gold answer. Only CORRECT counts as correct."""

    WRONG = 0
    CORRECT = 1
    UNPARSABLE = 2
    TIMEOUT = 3


@dataclass(frozen=True, slots=True)
class Seat:
    """Who acts at a turn: the index of the agent and the role it plays there."""

    agent: int
    role: Role

    @property
    def name(self) -> str:
        """The agent's PettingZoo name, ``agent_0`` and so on."""
        return f"agent_{self.agent}"

    def __str__(self) -> str:
        return f"{self.name} ({self.role.name.lower()})"


@dataclass(frozen=True, slots=True)
class Task:
    """A question with a checkable answer.

    ``kind`` says how answers are compared: ``number``, ``choice``, ``math`` or ``text``.
    ``difficulty`` lies in [0, 1]; 0.5 where nothing is known. ``scenario`` names where the task comes from,
    ``options`` are the texts behind the letters of a choice, ``metadata`` is for the scenario's own use.
    """

    id: str
    question: str
    answer: str
    kind: str = "number"
    difficulty: float = 0.5
    options: tuple[str, ...] = ()
    scenario: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)


class Signals(NamedTuple):
    """What a model tells about its own words, in nats; None where the speaker cannot tell.

    Log-probabilities are those of the said tokens under the model itself: at temperature 1 and with nothing cut off,
    whatever the temperature was that they were sampled at. Rounded to float32 wherever they are kept.
    """

    logprob_sum: float | None = None  # of all tokens of the utterance, at most 0
    logprob_mean: float | None = None  # a token, at most 0
    logprob_min: float | None = None  # of the least likely token, at most 0
    margin: float | None = None  # of a review: log P(RIGHT) - log P(WRONG) where its verdict word stands

    def __reduce__(self) -> tuple[Any, tuple[float | None, ...]]:
        """Cross processes such that `UNTOLD`, which is recognised by being the same object, arrives as itself."""
        return _signals, tuple(self)


SIGNALS = Signals._fields
UNTOLD = Signals()
"""The signals of a speaker that tells none."""


def _signals(*values: float | None) -> Signals:
    return UNTOLD if not any(value is not None for value in values) else Signals(*values)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a speaker said at one turn.

    A speaker fills ``text``, the token counts and, if it is a language model, the ids, the log-probabilities and the
    ``signals``. The referee fills ``answer``, ``rule`` and ``grade`` of a proposal, ``verdict`` and ``agrees`` of a
    review.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = "stop"
    """``stop`` when the speaker ended by itself, ``length`` when it was cut at the token limit."""
    dropped: int = 0
    """Earlier utterances left out of the prompt because the context was full."""
    answer: str | None = None
    """The parsed answer of a proposal in canonical form; None when nothing could be parsed."""
    rule: str = ""
    """Which extraction rule found the answer, or ``none``."""
    grade: Grade | None = None
    verdict: Verdict = Verdict.NONE
    agrees: int = 0
    """Of a review that states an answer of its own: 1 when it is the pending one, -1 when it is another; else 0."""
    signals: Signals = UNTOLD
    prompt_ids: tuple[int, ...] = field(default=(), repr=False)
    token_ids: tuple[int, ...] = field(default=(), repr=False)
    logprobs: tuple[float, ...] = field(default=(), repr=False)
    counted: bool = True
    """Whether the token counts are known; where a server does not tell them they are 0 and stand for nothing."""

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together: what the call cost."""
        return self.prompt_tokens + self.completion_tokens


class Turn(NamedTuple):
    """One turn that has been played: its number from 1, who sat there, and what was done."""

    number: int
    seat: Seat
    action: Action
    utterance: Utterance | None
