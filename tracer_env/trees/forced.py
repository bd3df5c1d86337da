"""What a policy comes to on dialogue trees when some seats are forced to SKIP, and Shapley values of that game.

The players are agents, or roles. A coalition is those that may speak; everybody else skips wherever there is a choice,
and says only what the rules force (the first proposal). Members keep their policy, at the nodes that they now come to.
So 2^N policies are scored, exactly, by the sums of `evaluation`:

    value(S)  =  accuracy(S) - price * tokens(S)
    phi_i     =  sum over S without i of  |S|! (N - |S| - 1)! / N!  (value(S + i) - value(S))        (Shapley 1953)

The values of the players add up to what they are worth together, value(all) - value(nobody); players that do the same
get the same; one that changes nothing gets nothing. Coalitions are numbered in binary: player i is in S where bit i is
set. Figures are by task, a task's worlds averaged, so that the tasks can be the units of intervals.

What this is not: a training without the player. Policies that never met a silent partner may do badly beside one, and
under ``stop_when="kept"`` a proposer that is forced to skip ends the dialogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.parts.casting import make_controller
from tracer_env.rules import under
from tracer_env.trees.evaluation import reaches
from tracer_env.trees.finals import ending_under
from tracer_env.trees.levels import TreeData
from tracer_env.trees.policy import Policy, speak_probabilities
from tracer_env.types import Role, Seat

__all__ = ["MOST_PLAYERS", "PLAYERS", "Coalitions", "coalitions", "shapley"]

Floats = NDArray[np.float64]

MOST_PLAYERS = 10
"""2^10 policies are scored at most."""
PLAYERS = ("agents", "roles")


@dataclass(frozen=True)
class Coalitions:
    """What each coalition of players comes to, by task."""

    players: tuple[str, ...]  # N
    accuracy: Floats  # (2^N, n)
    tokens: Floats  # (2^N, n)

    def value(self, price: float = 0.0) -> Floats:
        """Return accuracy less ``price`` for each token, (2^N, n)."""
        return self.accuracy - price * self.tokens

    def without(self, player: int) -> int:
        """Return the number of the coalition of all but one."""
        return (1 << len(self.players)) - 1 - (1 << player)


def coalitions(
    trees: TreeData, policy: Policy, players: str = "agents", information: str | Information = "vote_and_time"
) -> Coalitions:
    """Return what each coalition comes to; ``players`` are ``agents`` or ``roles`` that have a choice somewhere.

    Raises ConfigError for more than `MOST_PLAYERS` of them, for other ``players``, and as `speak_probabilities` does.
    """
    if players not in PLAYERS:
        raise ConfigError(f"players are one of {', '.join(PLAYERS)}, got {players!r}")
    if isinstance(policy, str):
        policy = make_controller(policy, trees.rules, information if isinstance(information, str) else None)
    trees = ending_under(trees, under(trees.rules, policy))
    named = _agent if players == "agents" else _role
    choosing = [named(seat) for seat in trees.rules.seats[2:]]
    names = tuple(sorted(set(choosing), key=lambda name: (len(name), name)))
    if len(names) > MOST_PLAYERS:
        raise ConfigError(
            f"{len(names)} agents have a choice, and each coalition of them is scored: 2^{len(names)} policies; "
            f"at most {MOST_PLAYERS} agents are taken, so ask for roles, or grow trees of fewer agents or turns"
        )
    chances = speak_probabilities(trees, policy, information)
    scored = [_scored(trees, _forced(chances, choosing, names, number)) for number in range(1 << len(names))]
    accuracy, tokens = (np.stack(part) for part in zip(*scored, strict=True))
    return Coalitions(names, accuracy, tokens)


def shapley(values: Floats) -> Floats:
    """Return the Shapley value of each player, (N, ...), of the values of all coalitions, (2^N, ...)."""
    count = len(values).bit_length() - 1
    if len(values) != 1 << count:
        raise ValueError(f"a game of N players has 2^N values, got {len(values)}")
    made = np.zeros((count, *values.shape[1:]))
    for coalition in range(1 << count):
        size = coalition.bit_count()
        for player in range(count):
            if not coalition >> player & 1:
                weight = factorial(size) * factorial(count - size - 1) / factorial(count)
                made[player] += weight * (values[coalition | 1 << player] - values[coalition])
    return made


def _agent(seat: Seat) -> str:
    return f"agent_{seat.agent}"


def _role(seat: Seat) -> str:
    return "proposer" if seat.role is Role.PROPOSER else "reviewer"


def _forced(
    chances: Sequence[NDArray[np.float64]], choosing: Sequence[str], names: Sequence[str], coalition: int
) -> list[NDArray[np.float64]]:
    """Return the policy in which only the coalition's members speak."""
    speak = {name for place, name in enumerate(names) if coalition >> place & 1}
    return [depth if name in speak else np.zeros_like(depth) for depth, name in zip(chances, choosing, strict=True)]


def _scored(trees: TreeData, chances: list[NDArray[np.float64]]) -> tuple[Floats, Floats]:
    """Return accuracy and tokens by task, (n,) each."""
    reach = reaches(trees, chances)
    right = (reach[-1] * trees.levels[-1].final_correct).sum(axis=1)
    spent = np.zeros(trees.rows)
    for here, level in zip(reach, trees.levels, strict=True):
        spent += (here * (level.prompt_tokens + level.completion_tokens)).sum(axis=1)
    return _by_task(trees, right), _by_task(trees, spent)


def _by_task(trees: TreeData, rows: Floats) -> Floats:
    mean: Floats = rows.reshape(trees.worlds, -1).mean(axis=0)
    return mean
