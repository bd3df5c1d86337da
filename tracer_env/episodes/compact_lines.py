"""The lines of the compact form: what stands at each place of their arrays, read by its kind and range.

Bounds are those of the readable lines (`lines`); what the places mean is told in `compact`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tracer_env.episodes.lines import (
    MOST_REASON,
    MOST_TURNS,
    Count,
    LogProb,
    Seed,
    Share,
    Tokens,
    Turns,
    Value,
)

__all__ = ["NOTHING_TOLD", "CompactLine", "CompactSaid", "CompactSignals", "CompactTask", "CompactTurn"]

_Vote = Annotated[int, Meta(ge=-MOST_TURNS, le=MOST_TURNS)]


class CompactTask(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """The task of an episode."""

    id: str
    question: str
    answer: str
    kind: str
    difficulty: Share
    scenario: str


class CompactSignals(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """What a model tells of its words; null where it does not."""

    logprob_sum: LogProb | None = None
    logprob_mean: LogProb | None = None
    logprob_min: LogProb | None = None
    margin: Annotated[float, Meta(ge=-1e30, le=1e30)] | None = None


NOTHING_TOLD = CompactSignals()
"""The signals of an utterance that has none."""


class CompactSaid(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """What was said, or would have been said; what is left out at its end is empty."""

    text: str
    prompt_tokens: Tokens | None
    completion_tokens: Tokens | None
    mark: Literal[-1, 0, 1, 2, 3]
    rule: str = ""
    answer: str | None = None
    signals: CompactSignals = NOTHING_TOLD
    agrees: Literal[-1, 0, 1] = 0
    dropped: Tokens = 0
    finish: Literal[0, 1] = 0


class CompactTurn(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """One turn; its number is its place."""

    agent: Annotated[int, Meta(ge=0, lt=MOST_TURNS)]
    role: Literal[0, 1]
    move: Literal[0, 1, 2, 3]
    key: Annotated[str, Meta(min_length=1)]
    vote: _Vote
    skip_value: Value
    speak_value: Value | None
    said: CompactSaid | None
    chance: Share | UnsetType = UNSET
    asked: tuple[Tokens, Tokens] = (0, 0)


class CompactLine(Struct, array_like=True, forbid_unknown_fields=True, frozen=True, gc=False):
    """An episode, turn by turn, and why it failed where it did."""

    schema: Literal[3]
    episode: Count
    world: Count
    method: str
    task: CompactTask
    seed: Seed
    max_turns: Annotated[int, Meta(ge=1, le=MOST_TURNS)]
    final_turn: Turns
    turns: Annotated[tuple[CompactTurn, ...], Meta(max_length=MOST_TURNS)]
    failed: Annotated[str, Meta(min_length=1, max_length=MOST_REASON)] | UnsetType = UNSET
