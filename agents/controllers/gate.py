"""What gates share: they hear the opening of a dialogue, and then decide once whether there is a debate at all.

    opening     the first ``hears`` turns, always spoken: the first answer, perhaps its first review
    debates     the gate's decision, a function of the opening alone, so it stands for the whole dialogue
    then        the rule under which a debate goes on; where there is none, everybody is silent

A gate is a controller for all seats. What it has to learn it learns from openings of the train split and from what came
of them (`trainers.outcomes.openings`): each is played once under ``then``, which says both what the debate would have
come to and what silence would have.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from annotated_types import Ge

from tracer_env.agents.controllers.baselines import Always, UntilApproved
from tracer_env.agents.controllers.regret_matching import check_rules
from tracer_env.annotations import Words
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import Reader, choice, number, optional, read, record, whole
from tracer_env.interfaces import Controller
from tracer_env.parts.lessons import Lessons, read_lessons
from tracer_env.rules import SAVED, DialogueState, Rules
from tracer_env.settings import as_data, require
from tracer_env.types import Role, Utterance

__all__ = ["PRICE", "Gate", "Opening", "Then", "opening_of"]

SCHEMA = 1
PRICE: Any = Annotated[float, Ge(0), Words.always("is of a token and must be a number of at least 0")]
Then = Literal["until_approved", "always"]
_RULES: dict[str, Controller] = {"until_approved": UntilApproved(), "always": Always()}


class Opening(NamedTuple):
    """What a gate decides by: the question, the first answer, and its first review where one was heard."""

    question: str
    answer: Utterance
    review: Utterance | None


def opening_of(state: DialogueState, hears: int) -> Opening:
    """Return the opening of a dialogue, of which the first ``hears`` turns are heard."""
    heard = [turn.utterance for turn in state.turns[1:hears] if turn.seat.role is Role.REVIEWER]
    review = next((said for said in heard if said is not None), None)
    return Opening(state.task.question, state.proposals[0].utterance, review)


class Gate(ABC):
    """A gate; subclasses say how many turns they hear and when there is a debate.

    ``price`` is of a token, and counts while it learns. Raises ConfigError for a price below 0 and for another rule.
    """

    name: ClassVar[str]
    hears: ClassVar[int]
    learns_from = "openings"
    most_episodes = 2000
    """More openings than these teach a gate nothing new."""

    def __init__(self, then: str, price: float) -> None:
        require(f"controller {self.name}: ", PRICE, price=price)
        if then not in _RULES:
            raise ConfigError(f"controller {self.name}: then is {shown(then)}{did_you_mean(str(then), _RULES)}")
        self.then, self.price = then, float(price)
        self.rules: Rules | None = None
        self.lessons = Lessons()

    @property
    @abstractmethod
    def learned(self) -> bool:
        """Whether it knows when there is a debate."""

    @abstractmethod
    def debates(self, opening: Opening) -> bool:
        """Return whether there is a debate after this opening; raises ConfigError before it has learned."""

    @property
    def debate(self) -> Controller:
        """The rule under which a debate goes on."""
        return _RULES[self.then]

    def speak_probability(self, state: DialogueState, key: str) -> float:
        if state.turn <= self.hears:
            return 1.0
        return self.debate.speak_probability(state, key) if self.debates(opening_of(state, self.hears)) else 0.0

    def check(self, rules: Rules, information: str | None = None) -> None:
        """Raise ConfigError when it was trained under other rules; any key will do, for it reads none."""
        check_rules(self.name, self.rules, rules)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that it knows as plain data."""
        return {
            "schema": SCHEMA,
            "controller": self.name,
            "rules": as_data(self.rules) if self.rules else None,
            "trained_on": self.lessons.to_data(),
            "then": self.then,
            "price": self.price,
            **self._known(),
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError, and changes nothing, for anything else."""
        found = read(data, self._reader(), f"the {self.name} controller", error=ConfigError)
        self._take(found)
        self.rules = None if found["rules"] is None else Rules(**Rules.in_full(found["rules"]))
        self.lessons, self.then, self.price = found["trained_on"], found["then"], found["price"]

    def to_json(self) -> str:
        """Return `state_dict` as indented JSON."""
        return json.dumps(self.state_dict(), indent=1) + "\n"

    @abstractmethod
    def _known(self) -> dict[str, Any]:
        """Return what a subclass knows, as plain data."""

    @abstractmethod
    def _fields(self) -> dict[str, Reader[Any]]:
        """Return how each of `_known` is read."""

    @abstractmethod
    def _take(self, found: Mapping[str, Any]) -> None:
        """Take over what was read of `_known`; raises ConfigError, and changes nothing, where it does not fit."""

    def _reader(self) -> Reader[dict[str, Any]]:
        fields = {
            "schema": whole(SCHEMA, SCHEMA),
            "controller": choice([self.name]),
            "rules": optional(record({}, may_have=SAVED)),
            "trained_on": read_lessons,
            "then": choice(list(_RULES)),
            "price": number(0, 1e9),
        }
        return record({**fields, **self._fields()}, others=lambda value: value)  # a training writes its course beside
