"""What a controller sees: a feature vector with names, and keys for tables.

Keys start with agent and role, since each agent owns a table for each role. What follows depends on the key:

    vote_and_time   vote bucket and iteration bucket, as in the paper (arXiv 2605.28699)
    vote_only       the vote bucket (the paper's ablation "no iteration state")
    time_only       the iteration bucket (the paper's ablation "no vote state")
    history         every public event so far: perfect recall

The vote bucket is ``no_pending``, ``invalid_pending`` (a text without a parsable answer), ``vote_0``,
``vote_plus_k`` or ``vote_minus_k``. The iteration bucket is ``last`` when at most one proposal turn
remains, the current one included, else ``not_last``. Keys other than ``history`` forget (imperfect recall).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tracer_env.interfaces import Information
from tracer_env.rules import DialogueState, Rules
from tracer_env.types import Action, Role, Turn

__all__ = [
    "FEATURES",
    "KEYS",
    "features",
    "history",
    "iteration_bucket",
    "public_letters",
    "seat_prefix",
    "sight",
    "time_only",
    "vote_and_time",
    "vote_bucket",
    "vote_only",
]

FEATURES = (
    "turn",  # number of this turn / T
    "turns_left",  # turns left, this one included / T
    "is_proposer",
    "is_reviewer",
    "last_proposal_turn",  # at most one proposal turn remains
    "has_pending",
    "pending_invalid",
    "vote",  # of the pending proposal / T
    "reviews",  # of the pending proposal / T
    "last_verdict",  # +1 RIGHT, -1 WRONG, 0 none, of the pending proposal
    "proposals",  # written so far / T
)


def features(state: DialogueState) -> NDArray[np.float32]:
    """Return the feature vector of the acting seat, shape (len(FEATURES),), all entries in [-1, 1].

    The array is shared and read-only; copy it before you change it.
    """
    return sight(state)[0]


def vote_and_time(state: DialogueState) -> str:
    """The paper's key: vote bucket and iteration bucket."""
    return sight(state)[1]


def sight(state: DialogueState) -> tuple[NDArray[np.float32], str]:
    """Return `features` and `vote_and_time` at once: both are functions of a few small numbers, kept in a table."""
    rules, _, turn, proposals, _, over = state
    if proposals:
        _, _, vote, reviews, verdict = pending = proposals[-1]
        # verdict + 0 is a plain int: members of an enum hash in Python. A turn may be over in one dialogue and
        # played in another (stop_when="kept").
        code = (turn, over, pending.valid, vote, reviews, verdict + 0, len(proposals))
    else:
        code = (turn, over, True, 0, 0, 0, 0)
    table = rules.lookups
    seen: tuple[NDArray[np.float32], str] | None = table.get(code)
    if seen is None:
        prefix = seat_prefix(state.seat.agent, state.seat.role)
        key = f"{prefix}/{vote_bucket(state)}/{iteration_bucket(state)}"
        seen = table[code] = _vector(rules, turn, *code[2:]), key
    return seen


def _vector(
    rules: Rules, turn: int, valid: bool, vote: int, reviews: int, verdict: int, proposals: int
) -> NDArray[np.float32]:
    horizon = rules.max_turns
    number = min(turn, horizon)
    proposer = rules.seats[number].role is Role.PROPOSER
    values = (
        number / horizon,
        (horizon + 1 - turn) / horizon,
        proposer,
        not proposer,
        rules.proposal_turns_left[number] <= 1,
        proposals > 0,
        not valid,
        vote / horizon,
        reviews / horizon,
        verdict,
        proposals / horizon,
    )
    vector = np.array(values, dtype=np.float32)
    vector.flags.writeable = False
    return vector


def vote_bucket(state: DialogueState) -> str:
    """Return the vote bucket of the pending proposal."""
    pending = state.pending
    if pending is None:
        return "no_pending"
    return vote_name(pending.vote) if pending.valid else "invalid_pending"


def vote_name(vote: int) -> str:
    """Return the bucket of a vote: ``vote_0``, ``vote_plus_2``, ``vote_minus_1``."""
    return "vote_0" if vote == 0 else f"vote_{'plus' if vote > 0 else 'minus'}_{abs(vote)}"


def iteration_bucket(state: DialogueState) -> str:
    """Return ``last`` when at most one proposal turn remains, this one included, else ``not_last``."""
    left = state.rules.proposal_turns_left
    return "last" if left[min(state.turn, len(left) - 1)] <= 1 else "not_last"


@lru_cache(maxsize=1 << 12)
def seat_prefix(agent: int, role: Role) -> str:
    """Return what every key of a seat starts with."""
    return f"agent_{agent}/{role.name.lower()}"


def vote_only(state: DialogueState) -> str:
    """The key without the time: vote bucket alone."""
    return f"{seat_prefix(state.seat.agent, state.seat.role)}/{vote_bucket(state)}"


def time_only(state: DialogueState) -> str:
    """The key without the vote: iteration bucket alone."""
    return f"{seat_prefix(state.seat.agent, state.seat.role)}/{iteration_bucket(state)}"


def history(state: DialogueState) -> str:
    """The key that forgets nothing public: one letter a turn.

    P a proposal, I one without an answer, K kept; R and W verdicts, N a review without one, S silence.
    """
    return f"{seat_prefix(state.seat.agent, state.seat.role)}/{public_letters(state) or '-'}"


def public_letters(state: DialogueState) -> str:
    """Return the public events of a dialogue, one letter a turn (`history`)."""
    invalid = {p.turn for p in state.proposals if not p.valid}
    return "".join(_letter(turn, turn.number in invalid) for turn in state.turns)


def _letter(turn: Turn, invalid: bool) -> str:
    if turn.seat.role is Role.PROPOSER:
        return "K" if turn.action is Action.SKIP else "I" if invalid else "P"
    if turn.utterance is None:
        return "S"
    return "WNR"[turn.utterance.verdict + 1]


KEYS: dict[str, Information] = {
    "vote_and_time": vote_and_time,
    "time_only": time_only,
    "vote_only": vote_only,
    "history": history,
}
