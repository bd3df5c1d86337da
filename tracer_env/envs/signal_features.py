"""The feature vector with signals in it: all that the acting seat may know, scaled into [-1, 1].

    features = fit_features(trees)              scaling by what train dialogues were like; trees of the train split
    env = tracer_env.env("arithmetic", features=features)
    features.save("features.json")              env(..., features="features.json") sees through the same glass later

The public features (`information.FEATURES`) come first, as they are. Behind them stands what was told of the newest
words (`observed`): each signal less its mean, by three standard deviations, cut off at -1 and 1. Where nothing was told
a signal is 0, and ``proposal_told``, ``review_told`` and ``reviewed`` say so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.information import FEATURES
from tracer_env.intake.checked import line, listed, load, number, record, whole
from tracer_env.observed import OBSERVED, observed
from tracer_env.rules import DialogueState
from tracer_env.storage.files import write_text
from tracer_env.trees.observed import observed_at
from tracer_env.trees.tree import DialogueTrees

__all__ = ["ALL_FEATURES", "SignalFeatures", "features_named", "fit_features"]

SCALED = ("logprob_sum", "logprob_mean", "logprob_min", "length", "margin")
ALL_FEATURES = (*FEATURES, *SCALED, "agrees", "proposal_told", "review_told", "reviewed")
"""The names of the numbers, in order."""

_WIDTH = 3.0  # standard deviations
_PUBLIC = len(FEATURES)
_AT = {name: OBSERVED.index(name) for name in (*SCALED, "agrees", "reviews")}
_NUMBERS = listed(number(-1e30, 1e30), most=len(SCALED), least=len(SCALED))
_FILE = record({"schema": whole(1, 1), "features": listed(line(), most=99), "centre": _NUMBERS, "spread": _NUMBERS})


@dataclass(frozen=True)
class SignalFeatures:
    """A fitted scaling: ``centre`` and ``spread`` of each of `SCALED`. Called with a state it returns its vector."""

    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.centre) != len(SCALED) or len(self.spread) != len(SCALED) or not all(s > 0 for s in self.spread):
            raise ConfigError(
                f"a scaling has a centre and a spread above 0 for each of {', '.join(SCALED)}, got {self.centre} and "
                f"{self.spread}"
            )

    def __call__(self, state: DialogueState) -> NDArray[np.float32]:
        """Return the vector of the acting seat, shape (len(ALL_FEATURES),)."""
        return self.of(observed(state))

    def of(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors, (..., len(ALL_FEATURES)), of what is `observed`, (..., len(OBSERVED))."""
        made = np.zeros((*numbers.shape[:-1], len(ALL_FEATURES)), dtype=np.float32)
        made[..., :_PUBLIC] = numbers[..., :_PUBLIC]
        for place, (name, centre, spread) in enumerate(zip(SCALED, self.centre, self.spread, strict=True)):
            values = (numbers[..., _AT[name]].astype(np.float64) - centre) / (_WIDTH * spread)
            made[..., _PUBLIC + place] = np.nan_to_num(np.clip(values, -1.0, 1.0), nan=0.0)
        made[..., -4] = numbers[..., _AT["agrees"]]
        made[..., -3] = ~np.isnan(numbers[..., _AT["logprob_sum"]])
        made[..., -2] = ~np.isnan(numbers[..., _AT["margin"]])
        made[..., -1] = numbers[..., _AT["reviews"]] > 0
        return made

    def to_data(self) -> dict[str, Any]:
        """Return plain data that `from_data` reads back."""
        return {
            "schema": 1,
            "features": list(ALL_FEATURES),
            "centre": list(self.centre),
            "spread": list(self.spread),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> SignalFeatures:
        """Read what `to_data` wrote; raises ConfigError for another layout."""
        if tuple(data["features"]) != ALL_FEATURES:
            odd = sorted({*data["features"]} ^ {*ALL_FEATURES}) or "their order"
            raise ConfigError(f"the scaling is of other features (what differs: {odd}); fit it again")
        return cls(tuple(data["centre"]), tuple(data["spread"]))

    def save(self, path: str | Path) -> None:
        """Write the scaling as JSON, complete or not at all."""
        write_text(Path(path), json.dumps(self.to_data(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> SignalFeatures:
        """Read what `save` wrote; raises ConfigError for anything else."""
        return cls.from_data(load(Path(path), _FILE, error=ConfigError, remedy="fit the features again"))


def fit_features(trees: DialogueTrees) -> SignalFeatures:
    """Return the scaling by all nodes of these trees at which somebody chooses; what is told nowhere keeps 0 and 1."""
    seen: dict[str, list[NDArray[np.float64]]] = {name: [np.empty(0)] for name in SCALED}  # one turn has no choice
    for depth in range(trees.depth):
        numbers = observed_at(trees, depth)[:, ~trees.over(depth)].astype(np.float64)
        for name, values in seen.items():
            column = numbers[..., _AT[name]].ravel()
            values.append(column[~np.isnan(column)])
    told = {name: np.concatenate(values) for name, values in seen.items()}
    spread = {name: float(values.std()) if len(values) else 0.0 for name, values in told.items()}
    return SignalFeatures(
        tuple(float(values.mean()) if len(values) else 0.0 for values in told.values()),
        tuple(value or 1.0 for value in spread.values()),
    )


def features_named(features: Any) -> SignalFeatures | None:
    """Return fitted features: the object, or a file's; None for ``public``.

    Raises ConfigError for anything else, and for ``all``, which has to be fitted first.
    """
    if features is None or features == "public":
        return None
    if isinstance(features, SignalFeatures):
        return features
    if isinstance(features, str | Path) and str(features).endswith(".json"):
        return SignalFeatures.load(features)
    if features == "all":
        raise ConfigError(
            "features 'all' are scaled by what train dialogues were like, and these words are not free to try: give "
            "tracer_env.fit_features(trees), with trees of the train split, or the .json file that its save() wrote"
        )
    raise ConfigError(
        f"features must be 'public', 'all', fitted features or their .json file, got {features!r}"
        f"{did_you_mean(str(features), ('public', 'all'))}"
    )
