"""What the vector environment reads of a simulated speaker: its parameters, and what draws its signals.

The world knows no speaker by its class, so it says here what it needs of one.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rates", "SignalReader"]

Bits = NDArray[np.uint64]
Counts = NDArray[np.int32]


class SignalReader(Protocol):
    """Draws signals: arrays in the order of `SIGNALS`, then ``agrees``, NaN untold; what comes in is (m,) each."""

    def proposals(self, noise: Bits, grade: NDArray[np.int8], tokens: Counts, /) -> tuple[NDArray[Any], ...]: ...

    def reviews(
        self, noise: Bits, grade: NDArray[np.int8], verdict: NDArray[np.int8], tokens: Counts, /
    ) -> tuple[NDArray[Any], ...]: ...


class Rates(Protocol):
    """What is read of a simulated speaker's parameters."""

    invalid: float
    cave: float
    repeat: float
    tpr: float
    tnr: float
    no_verdict: float
    distractors: int
    proposer_prompt_tokens: int
    reviewer_prompt_tokens: int
    reread: float

    @property
    def signals(self) -> SignalReader: ...

    @property
    def proposer_lengths(self) -> tuple[int, ...]: ...

    @property
    def reviewer_lengths(self) -> tuple[int, ...]: ...

    def chances(self, difficulty: float) -> tuple[float, float]:
        """Return (skill, mend) at a difficulty."""
        ...
