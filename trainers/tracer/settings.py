"""The section ``[tracer]``: which variant of the method, who shares an adapter, what teaches whom.

    variant = "full"          the whole method or an ablation                  (`VARIANTS`)
    sharing = "role"          one adapter a role, or one for each agent in it
    reviews = "balanced"      as many of right as of wrong proposals teach the reviewer, or all of them   (`reviews`)
    fading = 0.9              how much of the controllers' tables is left after a step; 1 forgets nothing
    credit = "one_step"       what a choice is worth: the paper's values; team, or team_minus_tokens:price=1e-4, for
                              what it comes to in the whole dialogue           (`choice_trees`)
    settle = 0                tasks on whose trees the tables are solved again in the end                 (`settling`)
    information = "vote_and_time"   what controllers see; of vote+time+confidence:bins=3 and other keys with buckets the
                              edges are fitted on the first step               (`window`)

A `Variant` is the whole method or an ablation of the paper (arXiv 2605.28699), as an object:

    full                       both roles, both layers, vote and time in the key
    no_reviewer                reviewers stay silent, and there is no reviewer to train
    no_proposer_controller     proposers always write a new solution
    no_reviewer_gspo           reviewers speak as the base model does
    no_proposer_gspo           proposers speak as the base model does
    no_vote_state              the key holds the time alone
    no_iteration_state         the key holds the vote alone
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from tracer_env.annotations import Words
from tracer_env.compositions import information_named
from tracer_env.errors import ConfigError, UnknownNameError
from tracer_env.parts.own_parts import own_parts
from tracer_env.settings import Settings
from tracer_env.trainers.cfr.credit import OneStep, Tree, credit_named

__all__ = ["FADING", "VARIANTS", "TracerSettings", "Variant"]


@dataclass(frozen=True)
class Variant:
    """What of TRACER takes part. ``proposer`` and ``reviewer`` name controllers; regret_matching is what learns."""

    name: str = "full"
    information: str = "vote_and_time"
    proposer: str = "regret_matching"
    reviewer: str = "regret_matching"
    policies: tuple[str, ...] = ("proposer", "reviewer")
    frozen: tuple[str, ...] = ()


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant(),
        Variant("no_reviewer", reviewer="never", policies=("proposer",)),
        Variant("no_proposer_controller", proposer="always"),
        Variant("no_reviewer_gspo", frozen=("reviewer",)),
        Variant("no_proposer_gspo", frozen=("proposer",)),
        Variant("no_vote_state", information="time_only"),
        Variant("no_iteration_state", information="vote_only"),
    )
}
"""The whole method and the paper's six ablations."""
_Named = Literal[
    "full",
    "no_reviewer",
    "no_proposer_controller",
    "no_reviewer_gspo",
    "no_proposer_gspo",
    "no_vote_state",
    "no_iteration_state",
]

FADING = 0.9
"""How much of the controllers' tables is left after a step, unless told otherwise: ten steps are remembered."""


@dataclass(frozen=True)
class TracerSettings(Settings, at="tracer"):
    """What of TRACER is trained, and how. Raises ConfigError for what cannot work.

    ``information`` None is the key of the variant. The paper forgets nothing (``fading`` 1.0); but then the average is
    one over speakers that were worse. On nano forgetting saved tokens and changed no accuracy.
    """

    variant: _Named = "full"
    sharing: Literal["role", "agent"] = "role"
    reviews: Literal["balanced", "all"] = "balanced"
    fading: Annotated[float, Gt(0), Le(1), Words(remedy="; 1 forgets nothing")] = FADING
    credit: str = "one_step"
    settle: Annotated[int, Ge(0), Words("is a number of tasks of at least 0")] = 0
    information: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.information is not None:
            try:
                if not own_parts(self.information):
                    information_named(self.information)
            except UnknownNameError as error:
                raise ConfigError(f"tracer.information: {error}") from error
        self.valued()

    def chosen(self) -> Variant:
        """Return the variant under the information that is asked for."""
        variant = VARIANTS[self.variant]
        return replace(variant, information=self.information or variant.information)

    def valued(self) -> OneStep | Tree:
        """Return the credit as an object."""
        found = credit_named(self.credit)
        if not isinstance(found, OneStep | Tree):
            raise ConfigError(
                f"tracer.credit is {self.credit!r}; take one_step, team or team_minus_tokens:price=0.0001"
            )
        return found
