"""Reinforcement learning by Stable-Baselines3, as controllers: `sb3:ppo`, `sb3:dqn`, `sb3:maskable_ppo`.

    sb3:ppo:price=2e-4,steps=100000      trained on the train split, by steps of the environment
    sb3:ppo:file=mine.zip                a zip of yours, trained before

It observes `information.features`, with ``features=all`` what speakers tell of their words as well, scaled as the train
split is. The reward is the team's: 1 for a correct answer at the end, less ``price`` for each token as it is spent. The
learning, of `trainers.outcomes.stable_baselines`, needs the extra ``sb3``; a trained one is a small `network` in numpy,
and plays without it, from a run's folder or a JSON file like any other controller.

**Zips.** `trainers.outcomes.stable_zips.save_zip` writes a trained one as a zip of Stable-Baselines3, and beside it
NAME.json with our own settings (algorithm, features, their scaling, rules). Such a zip holds pickles under ``data``,
which nobody reads here: of a ``file`` the tensors alone are taken (``load_from_zip_file(..., load_data=False)``, which
has torch read nothing but weights), and the policy is built of NAME.json. A controller's file of JSON names no zip.

Every action is legal at every step that a controller is asked for, so ``sb3:maskable_ppo`` learns as ``sb3:ppo`` does;
it stands here because those who use it need not change a thing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from tracer_env.agents.controllers.gate import PRICE
from tracer_env.agents.controllers.network import NETWORK, Network, network_of
from tracer_env.agents.controllers.regret_matching import POLICIES, check_rules
from tracer_env.annotations import Words
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.information import FEATURES
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import choice, line, listed, number, optional, read, record, whole
from tracer_env.observed import observed
from tracer_env.parts.lessons import Lessons, read_lessons
from tracer_env.registry import OURS, resolve
from tracer_env.rules import SAVED, DialogueState, Rules
from tracer_env.settings import as_data, require

__all__ = ["DQN", "PPO", "MaskablePPO", "StableBaselines", "scaled_by"]

SCHEMA = 1
_STEPS: Any = Annotated[int, Ge(1), Le(1_000_000_000), Words.always("must be a whole number from 1")]
_HIDDEN: Any = Annotated[int, Ge(1), Le(4096), Words.always("must be a whole number from 1 to 4096")]
_RATE: Any = Annotated[float, Gt(0), Le(1), Words.always("must be a number above 0 and at most 1")]


class StableBaselines:
    """A policy trained by an algorithm of Stable-Baselines3; subclasses name it.

    ``steps``: choices to learn from (None: 100,000 where words are free, else four for each episode of tables).
    ``hidden``: units of each of the two layers. ``policy``: ``greedy`` takes the likelier action, ``average`` draws as
    the policy says (a Q-network says it for certain). ``file``: a zip that was trained before. Raises ConfigError for
    impossible settings, and for a ``file`` that cannot be used.
    """

    name: ClassVar[str]
    algorithm: ClassVar[str]  # the class of Stable-Baselines3 or sb3-contrib
    activation: ClassVar[str] = "tanh"
    learns_from = "steps"

    def __init__(
        self,
        features: Literal["all", "public"] = "all",
        price: float = 0.0,
        steps: int | None = None,
        hidden: int = 64,
        learning_rate: float = 1e-3,
        policy: str = "greedy",
        file: str | None = None,
    ) -> None:
        at = f"controller {self.name}: "
        require(at, PRICE, price=price)
        require(at, _HIDDEN, hidden=hidden)
        require(at, _RATE, learning_rate=learning_rate)
        if steps is not None:
            require(at, _STEPS, steps=steps)
        self.features, self.price, self.steps = features, float(price), steps
        self.hidden, self.learning_rate = hidden, float(learning_rate)
        self.scaling: dict[str, Any] | None = None  # of the features, as `SignalFeatures.to_data`
        self.network: Network | None = None
        self.rules: Rules | None = None
        self.lessons = Lessons()
        self.play(policy)
        if file is not None:
            resolve("trainer", OURS["load_zip"])[0](self, file)

    @property
    def learned(self) -> bool:
        """Whether it has been trained."""
        return self.network is not None

    @property
    def reward(self) -> Any:
        """What a step of its training pays."""
        return resolve("reward", "team_minus_tokens")[0](self.price) if self.price else resolve("reward", "team")[0]()

    def play(self, policy: str) -> None:
        """Be played by one of `POLICIES` from now on; raises ConfigError for another."""
        if policy not in POLICIES:
            raise ConfigError(f"controller {self.name}: policy is {shown(policy)}{did_you_mean(str(policy), POLICIES)}")
        self.played = policy

    def speak_probability(self, state: DialogueState, key: str) -> float:
        return float(self.probabilities(observed(state)[None], state.turn)[0])

    def probabilities(self, numbers: NDArray[np.float32], turn: int) -> NDArray[np.float64]:
        """Return P(SPEAK), shape (n,), where ``numbers`` (n, len(OBSERVED)) are observed."""
        likely = self.likely(numbers)
        return likely if self.played == "average" else (likely > 0.5).astype(np.float64)

    def likely(self, numbers: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how likely the policy itself takes SPEAK, shape (n,); raises ConfigError before it has learned."""
        if self.network is None:
            raise ConfigError(f"this {self.name} controller has not been trained yet; train it first")
        return self.chances(self.network(self.seen(numbers)))

    def seen(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the policy observes of ``numbers`` (n, len(OBSERVED)): as the environment shows it."""
        if self.scaling is None:
            return numbers[:, : len(FEATURES)]
        scaled: NDArray[np.float32] = scaled_by(self.scaling).of(numbers)
        return scaled

    def chances(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(SPEAK), shape (n,), of the outputs for SKIP and SPEAK, (n, 2): here log-odds."""
        speak: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * (outputs[:, 1] - outputs[:, 0])))
        return speak

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
            "features": self.features,
            "price": self.price,
            "hidden": self.hidden,
            "scaling": self.scaling,
            "network": None if self.network is None else self.network.to_data(),
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; raises ConfigError, and changes nothing, for anything else."""
        found = read(data, _FILE, f"the {self.name} controller", error=ConfigError)
        if found["controller"] != self.name:
            raise ConfigError(f"this is a controller {found['controller']!r}, not {self.name!r}")
        network = None if found["network"] is None else network_of(found["network"])
        scaling = found["scaling"]
        wide = len(FEATURES)
        if scaling is not None:
            scaled_by(scaling)
            wide = len(scaling["features"])
        if network is not None and (network.inputs, network.outputs) != (wide, 2):
            raise ConfigError(
                f"this {self.name} controller's network makes {network.outputs} numbers of {network.inputs}; it must "
                f"make 2 of {wide}"
            )
        self.network, self.scaling, self.features = network, scaling, found["features"]
        self.rules = None if found["rules"] is None else Rules(**Rules.in_full(found["rules"]))
        self.lessons, self.price, self.hidden = found["trained_on"], found["price"], found["hidden"]
        self.play(found["policy"])

    def to_json(self) -> str:
        """Return `state_dict` as indented JSON."""
        return json.dumps(self.state_dict(), indent=1) + "\n"


def scaled_by(scaling: Mapping[str, Any]) -> Any:
    """Return the features of an environment with this scaling; raises ConfigError for one of other features."""
    features: Any = resolve("information", OURS["signal_features"])[0]
    return features.from_data(scaling)


class PPO(StableBaselines):
    """Proximal policy optimisation (Schulman et al. 2017) by Stable-Baselines3."""

    name, algorithm = "sb3:ppo", "PPO"


class MaskablePPO(StableBaselines):
    """`sb3:ppo` with action masks, by sb3-contrib; all actions are legal where it is asked."""

    name, algorithm = "sb3:maskable_ppo", "MaskablePPO"


class DQN(StableBaselines):
    """Deep Q-learning (Mnih et al. 2015) by Stable-Baselines3: SPEAK where its value is the higher one."""

    name, algorithm, activation = "sb3:dqn", "DQN", "relu"

    def chances(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return (outputs[:, 1] > outputs[:, 0]).astype(np.float64)


_NUMBERS = listed(number(-1e30, 1e30), 99)
_FILE = record(
    {
        "schema": whole(SCHEMA, SCHEMA),
        "controller": lambda name: name,
        "rules": optional(record({}, may_have=SAVED)),
        "policy": choice(POLICIES),
        "trained_on": read_lessons,
        "features": choice(["all", "public"]),
        "price": number(0, 1e9),
        "hidden": whole(1, 4096),
        "scaling": optional(
            record({"schema": whole(1, 1), "features": listed(line(), 99), "centre": _NUMBERS, "spread": _NUMBERS})
        ),
        "network": optional(NETWORK),
    },
    others=lambda value: value,  # a training writes its course beside it
)
