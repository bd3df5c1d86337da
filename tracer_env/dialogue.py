"""What a seat may read: a view of a dialogue without the gold answer and without grades.

The environment has one as ``env.unwrapped.dialogue``; nothing is rendered until `Dialogue.context` is
called. Prompts for language models are built from the same view, so what a person reads there is
what a model would read.
"""

from __future__ import annotations

from tracer_env.rules import DialogueState, legal_actions
from tracer_env.types import Role, Seat, Turn

__all__ = ["Dialogue", "Line"]


class Line:
    """One earlier utterance, as a reader sees it; the text is rendered when it is read."""

    __slots__ = ("_turn",)

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    @property
    def turn(self) -> int:
        """The number of the turn, from 1."""
        return self._turn.number

    @property
    def seat(self) -> Seat:
        """Who spoke, in which role."""
        return self._turn.seat

    @property
    def text(self) -> str:
        """What was said."""
        return self._turn.utterance.text if self._turn.utterance else ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Line):
            return False
        return (self.turn, self.seat, self.text) == (other.turn, other.seat, other.text)

    def __hash__(self) -> int:
        return hash((self.turn, self.seat))

    def __str__(self) -> str:
        return f"[turn {self.turn}, {self.seat.name}, {self.seat.role.name.lower()}] {self.text}"

    __repr__ = __str__


class Dialogue:
    """A lazy view of a state for the seat that acts in it."""

    __slots__ = ("_state",)

    def __init__(self, state: DialogueState) -> None:
        self._state = state

    @property
    def question(self) -> str:
        """The task's question."""
        return self._state.task.question

    @property
    def seat(self) -> Seat:
        """Who is to act."""
        return self._state.seat

    @property
    def turn(self) -> int:
        """The number of the next turn, from 1."""
        return self._state.turn

    @property
    def vote(self) -> int:
        """The vote of the pending proposal; 0 when there is none."""
        pending = self._state.pending
        return pending.vote if pending else 0

    @property
    def pending(self) -> str | None:
        """The text of the pending proposal, or None."""
        pending = self._state.pending
        return pending.utterance.text if pending else None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The utterances inside the history window, oldest first."""
        return tuple(map(Line, self._state.history))

    def context(self) -> str:
        """Render question, window and the acting seat's job as plain text."""
        state = self._state
        head = f"Question: {self.question}"
        if state.over:
            return "\n".join([head, *map(str, self.lines), "[the dialogue is over]"])
        job = "propose a solution" if state.seat.role is Role.PROPOSER else "judge the pending proposal"
        choice = job if legal_actions(state) == (0, 1) else f"{job}, or skip"
        tail = f"[turn {state.turn} of {state.rules.max_turns}, vote {self.vote:+d}] {state.seat}: {choice}."
        return "\n".join([head, *map(str, self.lines), tail])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dialogue) and self._state == other._state

    def __hash__(self) -> int:
        return hash((self._state.task.id, self._state.turn))

    def __repr__(self) -> str:
        return f"Dialogue(task={self._state.task.id!r}, turn={self.turn}, lines={len(self._state.history)})"
