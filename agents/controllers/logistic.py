"""P(SPEAK) as a logistic function of what is observed: for what tables are too coarse for.

    logistic:price=2e-4,steps=400,ridge=1e-4,products=true

At turn t the seat speaks with probability 1 / (1 + exp(-w_t x)): x are the numbers of `observed` less their mean on
the train trees, over their spread there, cut at 8 spreads, 0 where something is not told, and a 1; with ``products``
also the products of all pairs. Each turn has weights w_t of its own. They are trained on dialogue trees
(`trainers.cfr.logistic`).

A key forgets what has no bucket in it; here nothing is cut into buckets, but what cannot be said by one straight line
(with products: one curve of the second degree) through the numbers cannot be said. Neither bounds the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tracer_env.agents.controllers.regret_matching import POLICIES, check_rules
from tracer_env.agents.controllers.tree_trained import COUNT, PRICE
from tracer_env.annotations import Words
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import choice, flag, line, listed, mapping, number, optional, read, record, whole
from tracer_env.observed import OBSERVED, observed
from tracer_env.parts.lessons import Lessons, read_lessons
from tracer_env.rules import SAVED, DialogueState, Rules
from tracer_env.settings import as_data, require

__all__ = ["Logistic", "chances", "inputs", "width"]

SCHEMA = 1
_CUT = 8.0
_RIDGE: Any = Annotated[float, Ge(0), Words.always("must be a number of at least 0")]

Array = NDArray[np.float64]


class Logistic:
    """A logistic policy for each turn, over features of what is seen, trained on trees (before: ConfigError).

    ``policy="greedy"`` speaks where P(SPEAK) is above 1/2, ``"average"`` as often as it says. ``ridge`` times half of
    the squared weights is taken off the value while training. The other settings are those of `tree_trained`.
    """

    name = "logistic"
    learns_from = "trees"

    def __init__(
        self,
        policy: str = "average",
        price: float = 0.0,
        starts: int = 3,
        steps: int = 400,
        ridge: float = 1e-4,
        products: bool = False,
    ) -> None:
        require(f"controller {self.name}: ", PRICE, price=price)
        require(f"controller {self.name}: ", COUNT, starts=starts, steps=steps)
        require(f"controller {self.name}: ", _RIDGE, ridge=ridge)
        self.price, self.starts, self.steps, self.ridge = float(price), starts, steps, float(ridge)
        self.products, self.lessons = products, Lessons()
        self.rules: Rules | None = None
        self.mean, self.spread = np.zeros(len(OBSERVED)), np.ones(len(OBSERVED))
        self.weights: dict[int, Array] = {}  # by turn, (width(products),) each
        self.play(policy)

    @property
    def learned(self) -> bool:
        """Whether it has been trained."""
        return bool(self.weights)

    def play(self, policy: str) -> None:
        """Be played by one of `POLICIES` from now on; raises ConfigError for another."""
        if policy not in POLICIES:
            raise ConfigError(f"controller {self.name}: policy is {shown(policy)}{did_you_mean(str(policy), POLICIES)}")
        self.played = policy

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return float(self.probabilities(observed(state)[None], state.turn)[0])

    def probabilities(self, numbers: NDArray[np.float32], turn: int) -> Array:
        """Return P(SPEAK), shape (n,), at ``turn`` where ``numbers`` (n, len(OBSERVED)) are observed."""
        if turn not in self.weights:
            raise ConfigError(f"this {self.name} controller has not learned what to do at turn {turn}; train it first")
        speak = chances(inputs(numbers, self.mean, self.spread, self.products) @ self.weights[turn])
        return speak if self.played == "average" else (speak > 0.5).astype(np.float64)

    def check(self, rules: Rules, information: str | None = None) -> None:
        """Raise ConfigError when it was trained under other rules; any key will do, for it reads none."""
        check_rules(self.name, self.rules, rules)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that was learned as plain data."""
        return {
            "schema": SCHEMA,
            "controller": self.name,
            "rules": as_data(self.rules) if self.rules else None,
            "policy": self.played,
            "trained_on": self.lessons.to_data(),
            "products": self.products,
            "observed": list(OBSERVED),
            "mean": self.mean.tolist(),
            "spread": self.spread.tolist(),
            "weights": {str(turn): self.weights[turn].tolist() for turn in sorted(self.weights)},
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError, and changes nothing, for anything else."""
        found = read(data, _FILE, "the logistic controller", error=ConfigError)
        if found["observed"] != list(OBSERVED):
            raise ConfigError(f"this {self.name} controller reads other numbers than {', '.join(OBSERVED)}")
        wide = width(found["products"])
        for turn, weights in found["weights"].items():
            if not turn.isdecimal() or int(turn) < 2 or len(weights) != wide:
                raise ConfigError(f"weights[{shown(turn)}] has {len(weights)} entries; each turn from 2 has {wide}")
        self.rules = None if found["rules"] is None else Rules(**Rules.in_full(found["rules"]))
        self.lessons, self.played, self.products = found["trained_on"], found["policy"], found["products"]
        self.mean, self.spread = np.array(found["mean"]), np.array(found["spread"])
        self.weights = {int(turn): np.array(weights) for turn, weights in found["weights"].items()}

    def to_json(self) -> str:
        """Return `state_dict` as indented JSON."""
        return json.dumps(self.state_dict(), indent=1) + "\n"


def width(products: bool) -> int:
    """Return how many numbers a turn weighs."""
    count = len(OBSERVED)
    return 1 + count + (count * (count + 1) // 2 if products else 0)


def inputs(numbers: NDArray[np.float32], mean: Array, spread: Array, products: bool) -> Array:
    """Return what is weighed, shape (n, width(products)): a 1, the scaled numbers, and their products if wanted."""
    scaled = np.nan_to_num(np.clip((numbers.astype(np.float64) - mean) / spread, -_CUT, _CUT))
    columns = [np.ones((len(scaled), 1)), scaled]
    if products:
        left, right = np.triu_indices(scaled.shape[1])
        columns.append(scaled[:, left] * scaled[:, right])
    return np.concatenate(columns, axis=1)


def chances(scores: Array) -> Array:
    """Return 1 / (1 + exp(-scores)), without overflow."""
    speak: Array = 0.5 * (1.0 + np.tanh(0.5 * scores))
    return speak


_NUMBERS = listed(number(-1e30, 1e30), len(OBSERVED), len(OBSERVED))
_FILE = record(
    {
        "schema": whole(SCHEMA, SCHEMA),
        "controller": choice([Logistic.name]),
        "rules": optional(record({}, may_have=SAVED)),
        "policy": choice(POLICIES),
        "trained_on": read_lessons,
        "products": flag,
        "observed": listed(line(200), 1000),
        "mean": _NUMBERS,
        "spread": listed(number(1e-30, 1e30), len(OBSERVED), len(OBSERVED)),
        "weights": mapping(listed(number(-1e30, 1e30), 100_000), 4096, keys=line(20)),
    },
    others=lambda value: value,  # a training writes its course beside it
)
