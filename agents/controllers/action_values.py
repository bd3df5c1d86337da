"""Tables of action values, learned from returns of whole dialogues: what bandits and Q-learning share.

A row holds, for each key and each action, the value q of the action and how often it was tried, n. While learning, a
subclass says how likely SPEAK is (`explore`); what it learned is played greedily: SPEAK where q(SPEAK) is above
q(SKIP). A tie, such as a key never met, is SKIP; keys never met are counted in ``unseen``.

A dialogue teaches by its `Step`s: one for each real choice of the table, with what was earned from that choice up to
the next one of the table: less ``price`` for each token that was spent, and 1 at the end if the answer is correct.
So the rewards of a dialogue's steps add up to its value, but for what turn 1 cost.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from tracer_env.agents.controllers.gate import PRICE
from tracer_env.agents.controllers.regret_matching import check_rules, edges_of
from tracer_env.compositions import EDGES, Composition, information_named
from tracer_env.errors import ConfigError
from tracer_env.intake.checked import Reader, choice, line, listed, mapping, number, optional, read, record, whole
from tracer_env.interfaces import Information
from tracer_env.parts.lessons import Lessons, read_lessons
from tracer_env.rules import SAVED, DialogueState, Rules
from tracer_env.settings import as_data, require

__all__ = ["ActionValues", "Step", "ValueRow"]

SCHEMA = 1


class Step(NamedTuple):
    """A real choice of a table in a dialogue that was played: what it saw, did, and earned up to its next choice."""

    key: str
    action: int  # 0 SKIP, 1 SPEAK
    reward: float


@dataclass(slots=True)
class ValueRow:
    """The books of one key; pairs are (SKIP, SPEAK). Updated in place."""

    value: list[float] = field(default_factory=lambda: [0.0, 0.0])
    tried: list[int] = field(default_factory=lambda: [0, 0])


class ActionValues(ABC):
    """A table of action values; subclasses say how it explores and how it learns.

    ``information`` names the key of the rows, ``edges`` where its buckets are cut; ``price`` is of a token. Raises
    ConfigError for a price below 0.
    """

    name: ClassVar[str]
    learns_from = "returns"
    reads_keys = True
    """It reads nothing of a dialogue but its key."""
    played = "greedy"

    def __init__(self, information: str = "vote_and_time", price: float = 0.0) -> None:
        require(f"controller {self.name}: ", PRICE, price=price)
        self.information, self.price = information, float(price)
        self.edges: dict[str, tuple[float, ...]] = {}
        self.rules: Rules | None = None
        self.rows: dict[str, ValueRow] = {}
        self.lessons = Lessons()
        self.unseen = 0

    @abstractmethod
    def explore(self, key: str) -> float:
        """Return P(SPEAK) while learning."""

    @abstractmethod
    def learn(self, steps: Sequence[Step]) -> None:
        """Learn from one dialogue: its steps in their order."""

    @property
    def tell(self) -> Information | None:
        """The key that the table is asked under wherever it plays; None while its buckets have no edges."""
        made: Information | None = information_named(self.information)
        if isinstance(made, Composition) and made.unfitted:
            made = made.with_edges(self.edges) if self.edges else None
        mark = self.information, tuple(self.edges.items())
        if getattr(self, "_told", None) is None or self._told[0] != mark:
            self._told: tuple[Any, Information | None] = (mark, made)  # one object, by which rollouts know it again
        return self._told[1]

    def read_by(self, information: Information, name: str) -> None:
        """Have the rows told apart by a key from now on, with the edges that it has; ``name`` is how it is written."""
        self.information = name
        self.edges = dict(information.edges) if isinstance(information, Composition) else {}

    def speak_probability(self, state: DialogueState, key: str) -> float:
        row = self.rows.get(key)
        if row is None:
            self.unseen += 1
            return 0.0
        return float(row.value[1] > row.value[0])

    def row(self, key: str) -> ValueRow:
        """Return the row of a key, made on the first visit."""
        return self.rows.setdefault(key, ValueRow())

    def check(self, rules: Rules, information: str | None = None) -> None:
        """Raise ConfigError when the table was learned under other rules; it is asked under its own key anyway."""
        check_rules(self.name, self.rules, rules)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that was learned as plain data."""
        return {
            "schema": SCHEMA,
            "controller": self.name,
            "information": self.information,
            "edges": {name: list(cuts) for name, cuts in self.edges.items()},
            "rules": as_data(self.rules) if self.rules else None,
            "trained_on": self.lessons.to_data(),
            "price": self.price,
            "rows": {key: {"value": row.value, "tried": row.tried} for key, row in sorted(self.rows.items())},
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError, and changes nothing, for anything else."""
        found = read(data, _reader(self.name), f"the {self.name} controller", error=ConfigError)
        rows = {key: ValueRow(**row) for key, row in found["rows"].items()}
        edges = edges_of(found["information"], found["edges"], bool(rows))
        self.rules = None if found["rules"] is None else Rules(**Rules.in_full(found["rules"]))
        self.rows, self.information, self.edges = rows, found["information"], edges
        self.lessons, self.price = found["trained_on"], found["price"]

    def to_json(self) -> str:
        """Return `state_dict` as indented JSON."""
        return json.dumps(self.state_dict(), indent=1) + "\n"


_ROW = record({"value": listed(number(-1e100, 1e100), 2, 2), "tried": listed(whole(0), 2, 2)})


def _reader(name: str) -> Reader[dict[str, Any]]:
    return record(
        {
            "schema": whole(SCHEMA, SCHEMA),
            "controller": choice([name]),
            "information": line(200),
            "edges": EDGES,
            "rules": optional(record({}, may_have=SAVED)),
            "trained_on": read_lessons,
            "price": number(0, 1e9),
            "rows": mapping(_ROW, keys=line(10_000)),
        },
        others=lambda value: value,  # a training writes its course beside its table
    )
