"""Regret matching (Hart and Mas-Colell 2000): the paper's controller, one table row per information state.

For the two actions a in (SKIP, SPEAK) with values v(a), after a decision taken under the policy pi:

    instantaneous regret    r(a)  = v(a) - sum_a' pi(a') v(a')
    cumulative regret       R(a) += r(a)
    current policy          pi(a) = max(R(a), 0) / sum_a' max(R(a'), 0), uniform when no regret is positive
    average policy          the mean of pi over the visits of the row

(TRACER, arXiv 2605.28699.) Both values must be real: the trainer draws the utterance of the choice that
was not taken as well. The average policy is what evaluation uses, drawn as it says, or with ``policy="greedy"`` its
likelier action (the published code evaluates so); a tie, such as a row never visited, is SKIP then. What is promised:
with values that do not hang on other rows, a row's average regret falls as O(1/sqrt(visits)). Nothing follows for the
value of a whole dialogue, nor for keys that forget.

`RegretMatchingPlus` floors the cumulative regret at zero (Tammelin 2014), so that an action that was bad
for long comes back at once; its true cumulative regret is kept beside for the books.

Rows are made on the first visit. A row that was never visited has the uniform policy and is counted in ``unseen``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.compositions import EDGES, Composition, information_named
from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import also, choice, line, listed, mapping, number, optional, read, record, whole
from tracer_env.interfaces import Information
from tracer_env.parts.lessons import Lessons, read_lessons
from tracer_env.rules import SAVED, DialogueState, Rules
from tracer_env.settings import as_data

__all__ = ["POLICIES", "RegretMatching", "RegretMatchingPlus", "Row", "check_rules", "edges_of", "match"]

SCHEMA = 1
POLICIES = ("average", "greedy")
"""How a table is played: its average policy drawn as it says, or the likelier action of it."""


def match(skip: float, speak: float) -> float:
    """Return the probability of SPEAK that regret matching gives to two cumulative regrets."""
    low, high = max(skip, 0.0), max(speak, 0.0)
    return high / (low + high) if low + high > 0.0 else 0.5


@dataclass(slots=True)
class Row:
    """The books of one information state; pairs are (SKIP, SPEAK). Updated in place."""

    regret: list[float] = field(default_factory=lambda: [0.0, 0.0])  # what the policy is matched to
    cumulative_regret: list[float] = field(default_factory=lambda: [0.0, 0.0])  # never floored
    strategy: list[float] = field(default_factory=lambda: [0.0, 0.0])  # sum of policies over visits
    visits: float = 0.0


class RegretMatching:
    """A table of regrets, learned by `update`, read by `policy` and `average_policy`.

    ``information`` names the key that the rows are told apart by, ``edges`` where its buckets are cut, ``rules`` the
    rules they were learned under: it refuses to play under others (`check`), and is asked under its own key (`tell`).
    ``lessons`` are the tasks that whoever trained it says it was trained on, ``played`` is one of the `POLICIES`.
    """

    name = "regret_matching"
    learns_from = "play"
    reads_keys = True
    """It reads nothing of a dialogue but its key."""

    def __init__(self, information: str = "vote_and_time", rules: Rules | None = None, policy: str = "average") -> None:
        self.information, self.rules = information, rules
        self.edges: dict[str, tuple[float, ...]] = {}
        self.play(policy)
        self.rows: dict[str, Row] = {}
        self.lessons = Lessons()
        self.unseen = 0

    def play(self, policy: str) -> None:
        """Be played by one of `POLICIES` from now on; raises ConfigError for another."""
        if policy not in POLICIES:
            raise ConfigError(f"controller {self.name}: policy is {shown(policy)}{did_you_mean(str(policy), POLICIES)}")
        self.played = policy

    @property
    def tell(self) -> Information | None:
        """The key that the table is asked under wherever it plays; None while its buckets have no edges."""
        mark = self.information, tuple(self.edges.items())
        if getattr(self, "_told", None) is None or self._told[0] != mark:
            made: Information | None = information_named(self.information)
            if isinstance(made, Composition) and made.unfitted:
                made = made.with_edges(self.edges) if self.edges else None
            self._told: tuple[Any, Information | None] = (mark, made)
        return self._told[1]

    def read_by(self, information: Information, name: str) -> None:
        """Have the rows told apart by a key from now on, with the edges that it has; ``name`` is how it is written."""
        self.information = name
        self.edges = dict(information.edges) if isinstance(information, Composition) else {}

    def policy(self, key: str) -> NDArray[np.float64]:
        """Return the current policy of a row, shape (2,): (P(SKIP), P(SPEAK))."""
        row = self.rows.get(key)
        return _pair(match(*row.regret) if row else 0.5)

    def average_policy(self, key: str) -> NDArray[np.float64]:
        """Return the average policy of a row, shape (2,); uniform for a row never visited."""
        return _pair(self._average(key))

    def speak_probability(self, state: DialogueState, key: str) -> float:
        speak = self._average(key)
        return speak if self.played == "average" else float(speak > 0.5)

    def _average(self, key: str) -> float:
        row = self.rows.get(key)
        if row is None or row.visits == 0:
            self.unseen += 1
            return 0.5
        return row.strategy[1] / (row.strategy[0] + row.strategy[1])

    def update(self, key: str, values: tuple[float, float], weight: float = 1.0) -> None:
        """Learn from one decision with values (v(SKIP), v(SPEAK)) under the current policy."""
        speak = self.policy(key)[1]
        expected = (1.0 - speak) * values[0] + speak * values[1]
        self.accumulate(key, (values[0] - expected, values[1] - expected), float(speak), weight)

    def accumulate(self, key: str, regrets: tuple[float, float], speak: float, visits: float) -> None:
        """Add the summed instantaneous regrets of ``visits`` decisions taken while P(SPEAK) was ``speak``."""
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Row()
        row.visits += visits
        row.strategy[0] += visits * (1.0 - speak)
        row.strategy[1] += visits * speak
        for action in (0, 1):
            row.cumulative_regret[action] += regrets[action]
            row.regret[action] = self._kept(row.regret[action] + regrets[action])

    def fade(self, factor: float) -> None:
        """Let all that was learnt count ``factor`` as much, in (0, 1]: for values that move while they are learnt."""
        for row in self.rows.values():
            row.visits *= factor
            for pair in (row.regret, row.cumulative_regret, row.strategy):
                pair[:] = [factor * value for value in pair]

    def _kept(self, regret: float) -> float:
        return regret

    def average_regret(self) -> float:
        """Return the sum over rows of max(0, max_a cumulative regret), divided by all updates."""
        updates = math.fsum(row.visits for row in self.rows.values())
        gap = math.fsum(max(0.0, *row.cumulative_regret) for row in self.rows.values())  # in any order of rows
        return gap / updates if updates else 0.0

    def check(self, rules: Rules, information: str | None = None) -> None:
        """Raise ConfigError when the table was learned under other rules; it is asked under its own key anyway."""
        check_rules(self.name, self.rules, rules)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that was learned as plain data."""
        return {
            "schema": SCHEMA,
            "controller": self.name,
            "information": self.information,
            **({"edges": {name: list(cuts) for name, cuts in self.edges.items()}} if self.edges else {}),
            "rules": as_data(self.rules) if self.rules else None,
            **({} if self.played == "average" else {"policy": self.played}),
            "trained_on": self.lessons.to_data(),
            "rows": {key: asdict(self.rows[key]) for key in sorted(self.rows)},
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError, and changes nothing, for anything else."""
        if isinstance(data, dict) and (data.get("schema"), data.get("controller")) != (SCHEMA, self.name):
            kind, schema = shown(data.get("controller")), shown(data.get("schema"))
            raise ConfigError(f"this is a {kind} table of schema {schema}, not {self.name!r} of schema {SCHEMA}")
        found = read(data, _TABLE, "the controller table", error=ConfigError)
        rules, rows = found["rules"], {key: Row(**row) for key, row in found["rows"].items()}
        edges = edges_of(found["information"], found.get("edges", {}), bool(rows))
        self.rules = None if rules is None else Rules(**Rules.in_full(rules))
        self.rows, self.information, self.edges = rows, found["information"], edges
        self.lessons, self.played = found.get("trained_on", Lessons()), found.get("policy", "average")

    def to_json(self) -> str:
        """Return `state_dict` as indented JSON."""
        return json.dumps(self.state_dict(), indent=1) + "\n"


class RegretMatchingPlus(RegretMatching):
    """Regret matching whose cumulative regrets never fall below zero."""

    name = "regret_matching_plus"

    def _kept(self, regret: float) -> float:
        return max(regret, 0.0)


def _pair(speak: float) -> NDArray[np.float64]:
    return np.array((1.0 - speak, speak))


def check_rules(name: str, learned: Rules | None, rules: Rules) -> None:
    """Raise ConfigError when a controller was trained under other rules than those that it is to play under."""
    if learned is not None and learned != rules:
        ours, theirs = as_data(learned), as_data(rules)
        differing = ", ".join(f"{one} {ours[one]} not {theirs[one]}" for one in ours if ours[one] != theirs[one])
        raise ConfigError(f"this {name} controller was trained under other rules: {differing}")


def edges_of(information: str, edges: Mapping[str, Sequence[float]], learned: bool) -> dict[str, tuple[float, ...]]:
    """Return the edges of a table's buckets; raises ConfigError for those of another key, or none where it has some."""
    try:
        made = information_named(information)
    except UnknownNameError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(made, Composition):
        if edges:
            raise ConfigError(f"the key {information!r} has no buckets, so it cannot have edges of {sorted(edges)}")
        return {}
    if not edges and (not made.unfitted or not learned):
        return {}
    return dict(made.with_edges(edges).edges)


def _possible(row: dict[str, Any]) -> bool:
    """Whether the policies of a row add up to its visits, as those of every training do."""
    visits = row.get("visits", 0.0)
    return bool(abs(math.fsum(row.get("strategy", (0.0,))) - visits) <= 1e-6 * max(1.0, visits))


_REGRETS = listed(number(-1e100, 1e100), 2, 2)
_ROW = record(
    {},
    may_have={
        "regret": _REGRETS,
        "cumulative_regret": _REGRETS,
        "strategy": listed(number(0, 1e100), 2, 2),
        "visits": number(0, 1e100),
    },
)
_TABLE = record(
    {
        "schema": whole(SCHEMA, SCHEMA),
        "information": line(200),
        "rules": optional(record({}, may_have=SAVED)),
        "rows": mapping(also(_ROW, _possible, "a row whose strategy adds up to its visits"), keys=line(10_000)),
    },
    may_have={"edges": EDGES, "trained_on": read_lessons, "policy": choice(POLICIES)},  # tables of before say neither
    others=lambda value: value,  # a training writes its course beside its table
)
