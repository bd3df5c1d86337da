"""Tables that are trained on dialogue trees: `cfr_plus` and its kin, as methods of a comparison.

    cfr_plus:price=2e-4,starts=8,iterations=200,policy=greedy

What a choice is worth is exact on the trees of the train split: the value of the whole rest of the dialogue, 1 for a
correct end, less ``price`` for each token. The paper's one-step values (`regret_matching`) know neither what a choice
makes possible later nor what it costs. ``starts`` are tried, the uniform policy first, then drawn ones, each for
``iterations``; the one that is worth most on the train trees, played as it will be played (``policy``), is kept.

Here the settings are checked and the rows read; the solving is `trainers.cfr.solving`, where the methods and their
sources stand. A table that was solved is a table: rows, lessons and files are those of `regret_matching`.
"""

from __future__ import annotations

import math
from typing import Any

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules

__all__ = ["CFR", "DCFR", "CFRPlus", "Hedge", "PredictivePlus", "TreeTrained", "check_price", "check_whole"]

_MOST = 1_000_000


class TreeTrained(RegretMatching):
    """A table whose rows come from the trees of the train split; subclasses name the method.

    Raises ConfigError for a price below 0 and for less than one start or iteration.
    """

    learns_from = "trees"

    def __init__(
        self,
        information: str = "vote_and_time",
        rules: Rules | None = None,
        policy: str = "average",
        price: float = 0.0,
        starts: int = 8,
        iterations: int = 200,
    ) -> None:
        super().__init__(information, rules, policy)
        check_price(self.name, price)
        check_whole(self.name, starts=starts, iterations=iterations)
        self.price, self.starts, self.iterations = float(price), starts, iterations


def check_price(name: str, price: Any) -> None:
    """Raise ConfigError unless ``price`` is a finite number of at least 0."""
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0.0 <= price < math.inf:
        raise ConfigError(f"controller {name}: price is of a token and must be a number of at least 0, got {price!r}")


def check_whole(name: str, **settings: Any) -> None:
    """Raise ConfigError unless each of the settings is a whole number from 1 to a million."""
    for setting, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
            raise ConfigError(
                f"controller {name}: {setting} must be a whole number from 1 to {_MOST:,}, got {value!r:.80}"
            )


class CFRPlus(TreeTrained):
    """CFR+ (Tammelin 2014)."""

    name = "cfr_plus"


class CFR(TreeTrained):
    """CFR (Zinkevich et al. 2007)."""

    name = "cfr"


class DCFR(TreeTrained):
    """Discounted CFR (Brown and Sandholm 2019)."""

    name = "dcfr"


class PredictivePlus(TreeTrained):
    """Predictive regret matching+ (Farina, Kroer and Sandholm 2021)."""

    name = "predictive_rm_plus"


class Hedge(TreeTrained):
    """Exponential weights (Cesa-Bianchi and Lugosi 2006)."""

    name = "hedge"
