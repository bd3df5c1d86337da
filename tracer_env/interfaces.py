"""The seams: what a part must offer to be plugged in. No part here does anything.

    Scenario    tasks, and how their answers are read and graded
    Verifier    text -> extraction -> grade, for one kind of answer
    Speaker     requests -> utterances, always batched
    Controller  a decision -> the probability of SPEAK
    Information a state -> the key of the acting seat's information state
    Reward      one move -> a reward for each agent

Protocols are structural: a class of yours needs the methods, not the inheritance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from tracer_env.rules import DialogueState
from tracer_env.types import Grade, Seat, Task, Utterance

__all__ = ["Controller", "Extraction", "Information", "Request", "Reward", "Scenario", "Speaker", "Verifier"]


@dataclass(frozen=True, slots=True)
class Extraction:
    """A parsed answer in canonical form (None when there is none) and the rule that found it."""

    answer: str | None
    rule: str


class Request(NamedTuple):
    """One call for utterances: ``candidates`` of them for the seat that acts in ``state``.

    ``stream`` is the episode's noise (`randomness.stream`); candidate c of turn t draws from
    ``(stream, t, purpose, c)`` and from nothing else, so an utterance is a function of state and stream.
    ``unread`` names the reasoning blocks that the scenario leaves out where it does not leave out the usual ones: a
    speaker that tells how sure it is of its verdict has to know which of its words that is.

    ``question``: not an utterance is wanted, but the answer to this, asked about the dialogue by a controller
    (`seams.Consulting`). It is asked of speakers that say ``answers_questions`` alone, and is no part of the dialogue.
    """

    state: DialogueState
    seat: Seat
    stream: int
    candidates: int = 1
    unread: tuple[str, ...] | None = None
    question: str | None = None


@runtime_checkable
class Speaker(Protocol):
    """Writes utterances.

    A speaker that has only so many worlds says how many with an attribute ``worlds``: a whole number of at least 1;
    None, or no such attribute, stands for no end (`worlds`). A model at temperature 0 has one.
    """

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Return ``sum(r.candidates for r in requests)`` utterances, request by request in order; none for none.

        Requests come from any mixture of tasks, seats and turns, and how they are batched must change nothing: an
        utterance hangs on its own request's state, stream and candidate number alone. Neither requests nor states are
        kept or changed. What is returned is checked once where it comes in (`parts.contracts`): a list of that length,
        of `Utterance` with texts and whole token counts of at least 0; grades and verdicts are the referee's, and what
        a speaker says of them is overwritten. Anything else, and anything raised, becomes a SpeakerError that names the
        speaker and the place; Ctrl-C and SpeakerErrors of its own pass as they are.
        """
        ...


@runtime_checkable
class Controller(Protocol):
    """Decides when to speak.

    Attributes that a controller may have besides: ``final_answer``, a rule for the final answer in the place of the
    run's (`rules.under`), and ``clairvoyant``, true of one that looks at the gold answer: a bound, set apart in tables.
    """

    def speak_probability(self, state: DialogueState, key: str) -> float:
        """Return the probability of SPEAK, in [0, 1], for the seat that acts in ``state``.

        Asked only where both actions are legal. ``key`` is the information state; a controller that
        reads ``state.pending.correct`` looks at the gold answer and is an oracle.
        """
        ...


class Verifier(Protocol):
    """Reads and grades answers of one kind."""

    def extract(self, text: str) -> Extraction:
        """Return the answer that ``text`` settles on, in canonical form."""
        ...

    def grade(self, text: str, gold: str) -> Grade:
        """Return how ``text`` fares against the gold answer, in bounded time."""
        ...

    def same(self, left: str, right: str) -> bool:
        """Return whether two extracted answers are equal."""
        ...


@runtime_checkable
class Scenario(Protocol):
    """A sized, indexable collection of tasks that knows how to grade them."""

    name: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Task]: ...

    def __getitem__(self, index: int) -> Task: ...

    def extract(self, text: str) -> Extraction:
        """Return the parsed answer of a proposal."""
        ...

    def grade(self, text: str, task: Task) -> Grade:
        """Return the grade of a proposal."""
        ...

    def same(self, left: str, right: str) -> bool:
        """Return whether two parsed answers are equal."""
        ...


class Information(Protocol):
    """What a tabular controller is told: distinct keys are distinct information states."""

    def __call__(self, state: DialogueState, /) -> str: ...


class Reward(Protocol):
    """Pays for one move."""

    def __call__(self, before: DialogueState, after: DialogueState, /) -> tuple[float, ...]:
        """Return one reward per agent for the move from ``before`` to ``after``."""
        ...
