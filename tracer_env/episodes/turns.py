"""A turn as it is kept: the seat, what it could do, what it did, and what both actions were worth."""

from __future__ import annotations

from dataclasses import dataclass

from tracer_env.types import Action, Role, Utterance

__all__ = ["TurnRecord"]


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn: the seat, what it could do, what it did, and what both actions were worth."""

    turn: int
    agent: int
    role: Role
    mask: tuple[int, int]  # (SKIP, SPEAK)
    key: str  # information state of the seat
    speak_probability: float
    action: Action
    vote: int  # of the pending proposal, after the turn
    skip_value: float  # the paper's one-step values (rewards.py)
    speak_value: float | None  # None where the utterance was never drawn
    utterance: Utterance | None = None  # what was said
    other: Utterance | None = None  # after SKIP: what SPEAK would have said, where it was drawn
    asked: tuple[int, int] = (0, 0)  # prompt and completion tokens of asking a speaker whether to speak

    @property
    def tokens(self) -> int:
        """What the turn cost: what was said, and what was asked before."""
        return sum(self.asked) + (self.utterance.tokens if self.utterance is not None else 0)

    @property
    def calls(self) -> int:
        """How often a speaker was called: for what was said, and for what was asked before."""
        return (self.utterance is not None) + (self.asked != (0, 0))

    @property
    def free(self) -> bool:
        """Whether both actions were legal."""
        return self.mask == (1, 1)
