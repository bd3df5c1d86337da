"""Who shares a policy: all agents in a role, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from tracer_env.rules import DialogueState, Rules
from tracer_env.trainers.gspo.rollouts import role_of

__all__ = ["SHARING", "policies_under"]

SHARING: Mapping[str, Callable[[DialogueState], str]] = MappingProxyType(
    {"role": role_of, "agent": lambda state: f"{state.seat.name}-{state.seat.role.name.lower()}"}
)
"""Which policy acts in a state: one for each role, or one for each agent in each of its roles."""


def policies_under(rules: Rules, sharing: str, roles: Sequence[str] = ("proposer", "reviewer")) -> list[str]:
    """Return the policies of these roles under the rules, in the order of their seats; by role in that of ``roles``.

    With ``sharing`` by role all of ``roles`` have one, whether or not they have a turn.
    """
    if sharing == "role":
        return list(roles)
    seats = dict.fromkeys((seat.name, seat.role.name.lower()) for seat in rules.seats[1:])
    return [f"{agent}-{role}" for agent, role in seats if role in roles]
