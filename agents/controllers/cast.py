"""Different controllers for different seats, behind the interface of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.interfaces import Controller
from tracer_env.rules import DialogueState, Rules
from tracer_env.types import Role, Seat

__all__ = ["CastController", "most_specific"]


def most_specific(names: Iterable[str], seat: Seat) -> str | None:
    """Return the name that covers a seat: ``agent_0/proposer`` before ``agent_0`` before ``proposer``."""
    known = set(names)
    role = seat.role.name.lower()
    return next((name for name in (f"{seat.name}/{role}", seat.name, role) if name in known), None)


class CastController:
    """Asks the controller of the seat that acts; parts are named by agent, role, or ``agent_0/proposer``.

    Raises ConfigError for a name that is neither.
    """

    def __init__(self, parts: Mapping[str, Controller]) -> None:
        roles = [role.name.lower() for role in Role]
        for name in parts:
            agent, _, role = name.partition("/")
            number = agent.removeprefix("agent_") if agent.startswith("agent_") else ""
            fits = name in roles or (number.isdecimal() and (not role or role in roles))
            if not fits:
                raise ConfigError(f"{name!r} names no seat{did_you_mean(name, [*roles, 'agent_0'])}")
            if (final := getattr(parts[name], "final_answer", None)) is not None:
                raise ConfigError(
                    f"the controller of {name} takes the {final} of all proposals, which is no choice of one seat; "
                    f"give it alone, or set rules.final_answer={final}"
                )
        self.parts = dict(parts)

    def check(self, rules: Rules) -> None:
        """Raise ConfigError when a seat of ``rules`` has no controller."""
        for here in rules.seats[1:]:
            if most_specific(self.parts, here) is None:
                raise ConfigError(f"no controller for {here}; parts are given for: {', '.join(self.parts)}")
        for name in self.parts:
            if not any(most_specific([name], here) for here in rules.seats[1:]):
                raise ConfigError(f"the controller of {name} has no turn under these rules; leave it out")

    def part(self, seat: Seat) -> Controller:
        """Return the controller of a seat."""
        name = most_specific(self.parts, seat)
        if name is None:
            raise ConfigError(f"no controller for {seat}; parts are given for: {', '.join(self.parts)}")
        return self.parts[name]

    def behind(self, seat: Seat) -> Controller:
        """Return the controller of a seat: errors name it and not the cast."""
        return self.part(seat)

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return self.part(state.seat).speak_probability(state, key)
