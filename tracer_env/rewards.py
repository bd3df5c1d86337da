"""Rewards: what a move earns.

The one-step values of the paper (arXiv 2605.28699), in {-1, 0, +1}, with p the pending proposal:

    | seat     | skip                               | speak                                                    |
    | proposer | keep: +1 if p is correct, else -1  | refresh: +1 if the new proposal is correct, else -1      |
    | reviewer | +1 if p is correct, else -1        | +1 if the judgement is right, -1 if wrong, 0 if unparsable |

Where nothing is pending, and wherever the grade that a value needs is a timeout, the value is 0.
`RoleCredit` pays them to the agent that acted; `Team` pays everyone for a correct final answer, so a
policy's value under it is its accuracy; `TeamMinusTokens` charges for every token as it is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tracer_env.errors import ConfigError
from tracer_env.rules import DialogueState, Proposal, final_answer
from tracer_env.types import Grade, Role, Utterance

__all__ = ["RoleCredit", "Team", "TeamMinusTokens", "skip_value", "speak_value"]

_CORRECT, _TIMEOUT, _PROPOSER = Grade.CORRECT, Grade.TIMEOUT, Role.PROPOSER


def skip_value(pending: Proposal | None) -> float:
    """Return the value of skipping: what leaving the pending proposal alone is worth."""
    if pending is None:
        return 0.0
    grade = pending.utterance.grade
    return 1.0 if grade is _CORRECT else 0.0 if grade is _TIMEOUT else -1.0


def speak_value(role: Role, pending: Proposal | None, utterance: Utterance) -> float:
    """Return the value of saying ``utterance``: a better proposal, or a right judgement."""
    grade = utterance.grade
    if role is _PROPOSER:
        return 1.0 if grade is _CORRECT else 0.0 if grade is _TIMEOUT else -1.0
    if pending is None or pending.utterance.grade is _TIMEOUT or utterance.verdict == 0:
        return 0.0
    return 1.0 if (utterance.verdict == 1) == pending.correct else -1.0


def _to_one(num_agents: int, agent: int, value: float) -> tuple[float, ...]:
    if num_agents == 2:
        return (value, 0.0) if agent == 0 else (0.0, value)
    return (0.0,) * agent + (value,) + (0.0,) * (num_agents - agent - 1)


@lru_cache(maxsize=1 << 12)
def _to_all(num_agents: int, value: float) -> tuple[float, ...]:
    return (value,) * num_agents


@dataclass(frozen=True, slots=True)
class RoleCredit:
    """The one-step value of the action taken, to the agent that took it."""

    def __call__(self, before: DialogueState, after: DialogueState) -> tuple[float, ...]:
        _, seat, _, said = after.turns[-1]
        pending = before.proposals[-1] if before.proposals else None
        value = skip_value(pending) if said is None else speak_value(seat.role, pending, said)
        return _to_one(before.rules.num_agents, seat.agent, value)


@dataclass(frozen=True, slots=True)
class Team:
    """1.0 to all agents at the end if the final answer is correct, else 0.0."""

    def __call__(self, before: DialogueState, after: DialogueState) -> tuple[float, ...]:
        if not after.over:
            return _to_all(before.rules.num_agents, 0.0)
        answer = final_answer(after)
        return _to_all(before.rules.num_agents, 1.0 if answer is not None and answer.correct else 0.0)


@dataclass(frozen=True, slots=True)
class TeamMinusTokens:
    """`Team`, less ``price`` for each prompt and completion token, charged to all agents as it is spent."""

    price: float = 1e-4

    def __post_init__(self) -> None:
        if not 0.0 <= self.price < float("inf"):
            raise ConfigError(f"the price per token must be a number of at least 0, got {self.price!r}")

    def __call__(self, before: DialogueState, after: DialogueState) -> tuple[float, ...]:
        spoken = after.turns[-1].utterance
        cost = self.price * spoken.tokens if spoken is not None else 0.0
        return _to_all(before.rules.num_agents, Team()(before, after)[0] - cost)
