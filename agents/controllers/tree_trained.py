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

from typing import Annotated, Any

from annotated_types import Ge, Le

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.annotations import Words
from tracer_env.rules import Rules
from tracer_env.settings import require

__all__ = ["CFR", "COUNT", "DCFR", "PRICE", "CFRPlus", "Hedge", "PredictivePlus", "TreeTrained"]

PRICE: Any = Annotated[float, Ge(0), Words.always("is of a token and must be a number of at least 0")]
COUNT: Any = Annotated[int, Ge(1), Le(1_000_000), Words.always("must be a whole number from 1 to 1,000,000")]


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
        require(f"controller {self.name}: ", PRICE, price=price)
        require(f"controller {self.name}: ", COUNT, starts=starts, iterations=iterations)
        self.price, self.starts, self.iterations = float(price), starts, iterations


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
