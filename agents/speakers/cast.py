"""Different speakers for different seats: the "multi-LLM" of a dialogue.

    CastSpeaker({"proposer": a, "reviewer": b})                 by role
    CastSpeaker({"agent_0": a, "agent_1": b})                   by agent
    CastSpeaker({"proposer": a, "agent_2/proposer": b, ...})    by both; the most specific key wins:
                                                                agent/role, then agent, then role

Each part is called once a turn with all of its requests, so a part batches as it would alone. The same
object under two keys is one part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracer_env.errors import ConfigError, PartError, did_you_mean
from tracer_env.interfaces import Request, Speaker
from tracer_env.parts.contracts import heard
from tracer_env.parts.worlds import most_worlds
from tracer_env.rules import Rules
from tracer_env.types import Role, Seat, Utterance

__all__ = ["CastSpeaker", "check_seat_key", "seat_keys"]

_ROLES = tuple(role.name.lower() for role in Role)
_KEY = re.compile(rf"(agent_(0|[1-9]\d*))?/?({'|'.join(_ROLES)})?")


class CastSpeaker:
    """Routes each request to the part that covers its seat.

    With ``rules`` the cover is checked at once. Raises ConfigError for a key that is no role, agent or
    agent/role, for a part that cannot speak, and for a seat that no part covers.
    """

    def __init__(self, parts: Mapping[str, Speaker], rules: Rules | None = None) -> None:
        if not parts:
            raise ConfigError("a cast needs at least one part, for example {'proposer': ..., 'reviewer': ...}")
        for key, part in parts.items():
            check_seat_key(key)
            if not isinstance(part, Speaker):
                raise ConfigError(f"the part {key!r} of a cast must be a speaker with a speak() method, got {part!r}")
        self.parts = dict(parts)
        if rules is not None:
            self.check(rules)

    def __repr__(self) -> str:
        return f"CastSpeaker({self.parts!r})"

    def check(self, rules: Rules) -> None:
        """Raise ConfigError unless every seat of ``rules`` is covered and every key names a seat there."""
        for seat in rules.seats[1:]:
            self.part(seat)
        names = {name for seat in rules.seats[1:] for name in seat_keys(seat)}
        for key in self.parts:
            if key not in names:
                raise ConfigError(f"the part {key!r} of the cast has no turn under these rules; leave it out")

    def part(self, seat: Seat) -> Speaker:
        """Return the speaker of a seat, the most specific one."""
        for name in seat_keys(seat):
            if name in self.parts:
                return self.parts[name]
        there, wanted = ", ".join(self.parts), ", ".join(seat_keys(seat))
        raise ConfigError(f"no part of the cast speaks for {seat}: it has {there}; add one of {wanted}")

    @property
    def worlds(self) -> int | None:
        """The most of its parts: a world is new where one of them says something else."""
        return most_worlds(self.parts.values())

    def worlds_under(self, seed: int) -> int | None:
        """The most of its parts under ``seed``."""
        return most_worlds(self.parts.values(), seed)

    def behind(self, seat: Seat) -> Speaker:
        """Return the part of a seat: errors name it and not the cast."""
        return self.part(seat)

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Call each part once and put the utterances back into request order."""
        said = self.speak_each(requests)
        for one in said:
            if isinstance(one, PartError):
                raise one
        return said  # type: ignore[return-value]  # no error is left in it

    def speak_each(self, requests: Sequence[Request]) -> list[Utterance | PartError]:
        """As `speak`, with an error in the place of each utterance that a part did not say."""
        shares: dict[int, tuple[Speaker, list[int]]] = {}
        for index, request in enumerate(requests):
            part = self.part(request.seat)
            shares.setdefault(id(part), (part, []))[1].append(index)
        answers: dict[int, list[Utterance | PartError]] = {}
        for part, indices in shares.values():
            rest = iter(heard(part, [requests[index] for index in indices]))
            for index in indices:
                answers[index] = [next(rest) for _ in range(requests[index].candidates)]
        return [utterance for index in range(len(requests)) for utterance in answers[index]]


def seat_keys(seat: Seat) -> tuple[str, str, str]:
    """Return the keys that cover a seat, the most specific first: agent/role, agent, role."""
    role = seat.role.name.lower()
    return f"{seat.name}/{role}", seat.name, role


def check_seat_key(key: object, what: str = "a part of a cast") -> None:
    """Raise ConfigError unless ``key`` is a role, agent_N or agent_N/role."""
    match = _KEY.fullmatch(key) if isinstance(key, str) else None
    if not key or match is None or ("/" in str(key)) is not (match.group(1) is not None and match.group(3) is not None):
        hint = did_you_mean(str(key), _ROLES)
        raise ConfigError(f"{what} is named by role, agent_N or agent_N/role, got {key!r}{hint}")
