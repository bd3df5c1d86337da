"""What parts may offer beside what they must: each asked for in one place, by a function that says what it stands for.

    Cast          ``parts`` by seat, and ``part(seat)``        controllers and speakers that are several
    Keyed         ``tell``                                     a table that is asked under a key of its own
    Particular    ``check(rules)``                             a speaker that cannot play under all rules
    Free          ``free``                                     a speaker whose words cost nothing, and may be tried
    Recorded      ``trees``                                    a speaker that plays dialogue trees back
    Severed       ``speak_each(requests)``                     a speaker that tells apart which requests failed

A part of yours may leave all of them out. `interfaces` has what it must offer; how many worlds a speaker has is
`worlds`, whose words it says `voices`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tracer_env.errors import PartError
from tracer_env.interfaces import Controller, Information, Request
from tracer_env.rules import Rules
from tracer_env.types import Seat, Utterance

__all__ = [
    "Cast",
    "Free",
    "Keyed",
    "Particular",
    "Recorded",
    "Severed",
    "asked_each",
    "at_seat",
    "check_plays",
    "costs_nothing",
    "own_key",
    "parts_of",
    "trees_of",
]


class Cast(Protocol):
    """Several parts behind the interface of one; keys are agents, roles, or ``agent_0/proposer``."""

    parts: Mapping[str, Any]

    def part(self, seat: Seat) -> Any:
        """Return the part of a seat; raises ConfigError where there is none."""
        ...


class Keyed(Protocol):
    """A controller with a key of its own, None where it takes the run's."""

    tell: Information | None


class Particular(Protocol):
    """A speaker that says under which rules it can play."""

    def check(self, rules: Rules) -> None:
        """Raise ConfigError for rules under which it cannot."""
        ...


class Free(Protocol):
    """A speaker that says whether asking it costs nothing."""

    free: bool


class Recorded(Protocol):
    """A speaker that plays dialogue trees back."""

    trees: Any  # `trees.tree.DialogueTrees`, which stands above this room


class Severed(Protocol):
    """A speaker that fails request by request: what was said beside a failure is kept."""

    def speak_each(self, requests: Sequence[Request]) -> list[Utterance | PartError]:
        """As `speak`, with an error in the place of each utterance that failed."""
        ...


def asked_each(speaker: Any) -> Callable[[Sequence[Request]], Any]:
    """Return what a speaker is asked by: `Severed.speak_each` where it has that, else ``speak``."""
    found: Callable[[Sequence[Request]], Any] = getattr(speaker, "speak_each", None) or speaker.speak
    return found


def parts_of(part: Any) -> Mapping[str, Any]:
    """Return the parts of a `Cast` by seat; none for any other part."""
    found = getattr(part, "parts", None)
    return found if isinstance(found, Mapping) else {}


def at_seat(controller: Controller, seat: Seat) -> Controller:
    """Return the controller of a seat: that of a `Cast`, else the controller itself."""
    found: Controller = controller.part(seat) if hasattr(controller, "part") else controller
    return found


def own_key(controller: Any) -> Information | None:
    """Return the key that a controller is asked under whatever the run's is (`Keyed`), None where there is none."""
    found: Information | None = getattr(controller, "tell", None)
    return found


def check_plays(speaker: Any, rules: Rules) -> None:
    """Raise ConfigError for rules under which a speaker says that it cannot play (`Particular`)."""
    check = getattr(speaker, "check", None)
    if check is not None:
        check(rules)


def costs_nothing(speaker: Any) -> bool:
    """Return whether a speaker says that its words cost nothing (`Free`)."""
    return bool(getattr(speaker, "free", False))


def trees_of(speaker: Any) -> Any:
    """Return the dialogue trees that a speaker plays back (`Recorded`), None for any other."""
    return getattr(speaker, "trees", None)
