"""What parts may offer beside what they must: each asked for in one place, by a function that says what it stands for.

    Cast          ``parts`` by seat, and ``part(seat)``        controllers and speakers that are several
    Keyed         ``tell``                                     a table that is asked under a key of its own
    Particular    ``check(rules)``                             a speaker that cannot play under all rules
    Free          ``free``                                     a speaker whose words cost nothing, and may be tried
    Recorded      ``trees``                                    a speaker that plays dialogue trees back
    Consulting    ``question(state)``, ``decided(said)``       a controller that asks a speaker whether to speak
    Answering     ``answers_questions``                        a speaker that can be asked
    Served        ``waiting``, ``interrupt()``                 a speaker that waits for a server, and can be broken off
    Keeping       ``keep(store)``                              a speaker whose model is asked once, and its answers kept
    Voiced        ``voice``                                    a method that speaks with words of its own
    Severed       ``speak_each(requests)``                     a speaker that tells apart which requests failed

A part of yours may leave all of them out. `interfaces` has what it must offer; how many worlds a speaker has is
`worlds`, whose words it says `voices`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from tracer_env.errors import ConfigError, PartError
from tracer_env.interfaces import Controller, Information, Request, Speaker
from tracer_env.rules import DialogueState, Rules
from tracer_env.types import Seat, Utterance

__all__ = [
    "Answering",
    "Cast",
    "Consulting",
    "Free",
    "Keeping",
    "Keyed",
    "Particular",
    "Recorded",
    "Served",
    "Severed",
    "Voiced",
    "asked_each",
    "at_seat",
    "check_answers",
    "check_plays",
    "consulting",
    "costs_nothing",
    "keepers",
    "own_key",
    "parts_of",
    "trees_of",
    "voice_of",
    "waiting_parts",
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


class Served(Protocol):
    """A speaker that waits for a server: it may be asked from many threads at once, one of which runs at a time."""

    waiting: Callable[[], AbstractContextManager[None]]
    """Entered while it waits; set by whoever has something else to do meanwhile, and deleted again."""

    def interrupt(self) -> None:
        """End all waiting at once, with KeyboardInterrupt where it waits."""
        ...


class Severed(Protocol):
    """A speaker that fails request by request: what was said beside a failure is kept."""

    def speak_each(self, requests: Sequence[Request]) -> list[Utterance | PartError]:
        """As `speak`, with an error in the place of each utterance that failed."""
        ...


def asked_each(speaker: Any) -> Callable[[Sequence[Request]], Any]:
    """Return what a speaker is asked by: `Severed.speak_each` where it has that, else ``speak``."""
    found: Callable[[Sequence[Request]], Any] = getattr(speaker, "speak_each", None) or speaker.speak
    return found


class Consulting(Protocol):
    """A controller that decides by what a speaker answers; what it asks is paid for, and no part of the dialogue.

    ``asks`` is the speaker that it asks, None for the one that acts.
    """

    asks: Any

    def question(self, state: DialogueState) -> str:
        """Return what is asked before the seat that acts in ``state`` decides."""
        ...

    def decided(self, said: str) -> float:
        """Return P(SPEAK), from 0 to 1, of the answer."""
        ...


class Answering(Protocol):
    """A speaker that answers `interfaces.Request.question`."""

    answers_questions: bool


def consulting(controller: Any, seat: Seat) -> Consulting | None:
    """Return the controller that decides at a seat where it is one that asks a speaker (`Consulting`), else None."""
    part = at_seat(controller, seat)
    return part if hasattr(part, "question") and hasattr(part, "decided") else None  # type: ignore[return-value]


def check_answers(controller: Any, speaker: Any, rules: Rules) -> None:
    """Raise ConfigError where a controller asks a speaker that cannot answer (`Answering`)."""
    for seat in dict.fromkeys(rules.seats[1:]):
        asking = consulting(controller, seat)
        if asking is not None and not _answers(speaker if asking.asks is None else asking.asks, seat):
            name = getattr(asking, "name", type(asking).__name__)
            raise ConfigError(
                f"the controller {name} asks the speaker whether to speak, and "
                f"the speaker of {seat} cannot be asked: take a model (hf:, smollm2, endpoint:) or a function, or name "
                "who is asked with asks=NAME"
            )


def _answers(speaker: Any, seat: Seat) -> bool:
    """Return whether the speaker behind all wrappers answers questions."""
    for _ in range(16):
        told = getattr(speaker, "answers_questions", None)
        if told is not None:
            return bool(told)
        behind = getattr(type(speaker), "behind", None)
        if behind is None:
            return False
        speaker = behind(speaker, seat)
    return False


class Voiced(Protocol):
    """A method that brings a speaker, None where it speaks with the run's."""

    voice: Any  # Speaker | None


class Keeping(Protocol):
    """A speaker that can keep the answers of its model."""

    def keep(self, store: Any) -> None:  # `store.database.Store`, which stands above this room
        """Look there before the model is asked, and put there what it says; None: ask the model each time."""
        ...


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


def waiting_parts(speaker: Any) -> list[Any]:
    """Return the speakers behind ``speaker`` that wait for servers (`Served`): itself, parts, behind a memory."""
    if hasattr(speaker, "interrupt"):
        return [speaker]
    if parts := parts_of(speaker):
        return [each for part in {id(part): part for part in parts.values()}.values() for each in waiting_parts(part)]
    inner = getattr(speaker, "inner", None)
    return [] if inner is None else waiting_parts(inner)


def trees_of(speaker: Any) -> Any:
    """Return the dialogue trees that a speaker plays back (`Recorded`), None for any other."""
    return getattr(speaker, "trees", None)


def keepers(speaker: Any) -> list[Keeping]:
    """Return the speakers behind ``speaker`` that keep answers: itself, parts of a cast, behind a memory."""
    if hasattr(speaker, "keep"):
        return [speaker]
    if parts := parts_of(speaker):
        return [found for part in {id(part): part for part in parts.values()}.values() for found in keepers(part)]
    inner = getattr(speaker, "inner", None)
    return [] if inner is None else keepers(inner)


def voice_of(method: Any) -> Speaker | None:
    """Return the speaker that a method brings (`Voiced`), None where it speaks with the run's."""
    found: Speaker | None = getattr(method, "voice", None)
    return found
