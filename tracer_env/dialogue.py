"""What a seat may read: a view of a dialogue without the gold answer and without grades.

The environment puts one into ``info["dialogue"]``; nothing is rendered until `Dialogue.context` is
called. Prompts for language models are built from the same view, so what a person reads there is
what a model would read.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracer_env.rules import DialogueState
from tracer_env.types import Role, Seat

__all__ = ["Dialogue", "Line"]


@dataclass(frozen=True, slots=True)
class Line:
    """One earlier utterance, as a reader sees it."""

    turn: int
    seat: Seat
    text: str

    def __str__(self) -> str:
        return f"[turn {self.turn}, {self.seat.name}, {self.seat.role.name.lower()}] {self.text}"


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
        return tuple(Line(t.number, t.seat, t.utterance.text) for t in self._state.history if t.utterance)

    def context(self) -> str:
        """Render question, window and the acting seat's job as plain text."""
        state = self._state
        job = "propose a solution" if state.seat.role is Role.PROPOSER else "judge the pending proposal"
        head = f"Question: {self.question}"
        tail = f"[turn {state.turn} of {state.rules.max_turns}, vote {self.vote:+d}] {state.seat}: {job}, or skip."
        return "\n".join([head, *map(str, self.lines), tail])

    def __repr__(self) -> str:
        return f"Dialogue(task={self._state.task.id!r}, turn={self.turn}, lines={len(self._state.history)})"
