"""A speaker that lives in the workers: what the driver holds in its place.

The driver of a cluster has no room for a model, and needs none. `stand_in` asks one worker what the speaker is (how
many worlds it has, whose words they are, the digests of its weights) and returns an object that answers such questions
from memory. Sent along with work it becomes the real speaker again, made once in each worker (`arrived`). Asked to
speak by the driver itself, as training from play does, it shares the requests out among the workers. A speaker whose
words are free is made in the driver, which plays such words itself in many places.

Where workers see the driver's files (`seam.Executor.shares_files`) their models answer from the run's own store of
utterances, and keep there what they say; several processes may hold it at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.executors.seam import Executor
from tracer_env.interfaces import Request, Speaker
from tracer_env.parts.accounts import paid_parts
from tracer_env.parts.casting import make_speaker
from tracer_env.parts.seams import check_plays, costs_nothing, keepers, parts_of
from tracer_env.parts.voices import words_of
from tracer_env.parts.worlds import worlds_of
from tracer_env.rules import Rules
from tracer_env.types import Utterance

__all__ = ["Asked", "StandIn", "arrived", "stand_in"]

_AT_ONCE = 64
"""How many requests go to a worker together, where the driver speaks."""
_HERE: dict[str, Speaker] = {}
"""The speakers that were made in this process for work that came from elsewhere."""


def stand_in(executor: Executor, name: str, settings: Mapping[str, Any]) -> Speaker:
    """Return what stands for a speaker that the workers of ``executor`` make; raises what making it raises there."""
    asked = StandIn(name, dict(settings))
    facts = next(iter(executor.run(Asked(asked), [("facts", None)])))
    if facts["free"]:
        return make_speaker(name, **settings)
    if facts["paid"]:
        raise ConfigError(
            f"the speaker {name!r} keeps an account of what it is billed, which one process must hold; leave "
            "--executor out: it asks for many answers at once by itself"
        )
    asked.meet(executor, facts)
    return asked


def arrived(speaker: Speaker) -> Speaker:
    """Return the speaker that speaks in this process: of a stand-in the real one, which is made once."""
    if not isinstance(speaker, StandIn):
        return speaker
    key = json.dumps([speaker.name, speaker.settings], sort_keys=True, default=str)
    if key not in _HERE:
        _HERE[key] = make_speaker(speaker.name, **speaker.settings)
    made = _HERE[key]
    for part in keepers(made):
        part.keep(speaker.store)
    return made


class StandIn:
    """Stands for the speaker ``name`` with ``settings`` where it does not live."""

    free = False

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        self.name, self.settings = name, settings
        self.worlds: int | None = None
        self.parts: dict[str, Any] = {}
        self.stands_for = self.words = ""
        self.weights: str | None = None
        self.store: Any = None
        """The store that workers keep answers in; sent along, it is opened again where it arrives."""
        self._executor: Executor | None = None

    def meet(self, executor: Executor, facts: Mapping[str, Any]) -> None:
        """Take note of what a worker told, and of whom to ask."""
        self._executor = executor
        self.worlds, self.stands_for, self.words = facts["worlds"], facts["name"], facts["words"]
        self.weights = facts["weights"]
        self.parts = {seat: SimpleNamespace(**told) for seat, told in facts["parts"].items()}
        if facts["keeps"] and getattr(executor, "shares_files", False):
            self.keep = self._keep

    def _keep(self, store: Any) -> None:
        """Have the workers look in ``store`` first, and keep there what is said; None: ask each time."""
        self.store = store

    def __repr__(self) -> str:
        return f"StandIn({self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Send no workers along: who receives this makes the speaker."""
        kept = {name: value for name, value in self.__dict__.items() if name != "keep"}
        return {**kept, "_executor": None}

    @property
    def __name__(self) -> str:
        """The name of what it stands for, which errors give."""
        return self.stands_for

    def worlds_under(self, seed: int) -> int | None:
        """As many as the speaker has under ``seed``."""
        found: int | None = self._ask("worlds", seed)
        return found

    def check(self, rules: Rules) -> None:
        """Raise ConfigError for rules under which the speaker cannot play."""
        self._ask("check", rules)

    def speak(self, requests: Sequence[Request]) -> list[Utterance]:
        """Have the workers speak, each a part of the requests."""
        pieces = [list(requests[first : first + _AT_ONCE]) for first in range(0, len(requests), _AT_ONCE)]
        asked = [("speak", piece) for piece in pieces]
        return [said for piece in self._workers().run(Asked(self), asked) for said in piece]

    def _ask(self, question: str, about: Any) -> Any:
        return next(iter(self._workers().run(Asked(self), [(question, about)])))

    def _workers(self) -> Executor:
        assert self._executor is not None, "a stand-in is asked in the driver alone"
        return self._executor


class Asked:
    """The work of answering for a speaker: a chunk is a question and what it is about."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker

    def ready(self) -> Callable[[tuple[str, Any]], Any]:
        """Make the speaker here."""
        speaker = arrived(self.speaker)
        answers: dict[str, Callable[[Any], Any]] = {
            "facts": lambda _: _facts(speaker),
            "worlds": lambda seed: worlds_of(speaker, seed),
            "check": lambda rules: check_plays(speaker, rules),
            "speak": speaker.speak,
        }
        return lambda asked: answers[asked[0]](asked[1])


def _facts(speaker: Speaker) -> dict[str, Any]:
    """Return what of a speaker the driver has to know, as plain data."""
    return {
        "free": costs_nothing(speaker),
        "paid": bool(paid_parts(speaker)),
        "worlds": worlds_of(speaker),
        "keeps": bool(keepers(speaker)),
        "name": type(speaker).__name__,
        "words": words_of(speaker),
        "weights": _weights(speaker),
        "parts": {
            str(seat): {"words": words_of(part), "weights": _weights(part)} for seat, part in parts_of(speaker).items()
        },
    }


def _weights(speaker: Any) -> str | None:
    found = getattr(speaker, "weights", None)
    return found if isinstance(found, str) else None
