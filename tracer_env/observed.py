"""All that the acting seat may know of a dialogue, as numbers: the public features and what models told of their words.

`information.features` comes first; what the newest utterances were like comes behind it:

    logprob_sum, logprob_mean, logprob_min    `Signals` of the pending proposal, in nats
    length                                    log(1 + its completion tokens)
    margin                                    of the newest review of the pending proposal, in nats
    agrees                                    whether that review states the pending answer: 1, 0 or -1

NaN stands for what a speaker did not tell, or nobody said yet (``margin``). `trees.observed` gives the same numbers of
all nodes of dialogue trees at once.
"""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tracer_env.compositions import newest_review
from tracer_env.information import FEATURES, features
from tracer_env.rules import DialogueState

__all__ = ["OBSERVED", "Observer", "observed"]

OBSERVED = (*FEATURES, "logprob_sum", "logprob_mean", "logprob_min", "length", "margin", "agrees")
"""The names of the numbers, in order."""


@runtime_checkable
class Observer(Protocol):
    """A controller that reads these numbers and nothing else: on trees it is asked for all nodes of a turn at once."""

    def probabilities(self, numbers: NDArray[np.float32], turn: int) -> NDArray[np.float64]:
        """Return P(SPEAK), shape (n,), for the seat of ``turn`` where it observes ``numbers`` (n, len(OBSERVED))."""
        ...


def observed(state: DialogueState) -> NDArray[np.float32]:
    """Return what the acting seat of ``state`` may know, shape (len(OBSERVED),)."""
    pending, told = state.pending, [math.nan, math.nan, math.nan, 0.0, math.nan, 0.0]
    if pending is not None:
        said = pending.utterance
        told[:3] = [math.nan if one is None else one for one in said.signals[:3]]
        told[3] = float(np.log1p(said.completion_tokens))
        review = newest_review(state, pending)
        if review is not None:
            told[4] = math.nan if review.signals.margin is None else review.signals.margin
            told[5] = float(review.agrees)
    return np.concatenate([features(state), np.array(told, dtype=np.float32)])
