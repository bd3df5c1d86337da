"""Signals as they are kept: rounded to float32, written in nine digits, which tell them apart, checked on reading.

    {"logprob_sum": -3.25, "logprob_mean": -0.1625, "logprob_min": -1.5, "margin": 2.5}

What a speaker does not tell is left out. One number stands for one float32 everywhere, in files, trees and states, so a
bucket's edge is on the same side of it for all of them.

What they mean ties them to each other, and `contradiction` says where they are not: no log-probability is above 0, the
least likely token is at most as likely as the mean of all, and all together are at most as likely as each. Rounding
keeps this order, to float16 as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any

from tracer_env.intake.checked import Reader, number, optional, record
from tracer_env.types import SIGNALS, UNTOLD, Signals

__all__ = [
    "LARGEST",
    "ORDERED",
    "ROUNDING",
    "SIGNALS_DATA",
    "contradiction",
    "kept",
    "read_signals",
    "signals_of",
    "signals_to_data",
]

LARGEST = 1e30
"""The largest signal in size, in nats: no text of any length comes near, and it is a float32."""
ORDERED = (
    ("logprob_min", "logprob_mean"),
    ("logprob_sum", "logprob_min"),
    ("logprob_sum", "logprob_mean"),
)
"""Which signal is at most which other one."""
ROUNDING = 1e-6
"""By what share of the larger one they may seem not to be, as sums of rounded numbers."""
_LOG = optional(number(-LARGEST, 0.0))
SIGNALS_DATA: Reader[dict[str, Any]] = record(
    {}, may_have={name: optional(number(-LARGEST, LARGEST)) if name == "margin" else _LOG for name in SIGNALS}
)
"""How signals are read from a file."""


def kept(signals: Signals) -> Signals:
    """Return signals as they are kept: each the nearest float32."""
    if signals is UNTOLD or signals == UNTOLD:
        return UNTOLD
    total, mean, least, margin = signals
    if total is None or mean is None or least is None:
        return Signals(*[None if value is None else _ONE.unpack(_ONE.pack(value))[0] for value in signals])
    if margin is None:
        return Signals(*_THREE.unpack(_THREE.pack(total, mean, least)))
    return Signals(*_FOUR.unpack(_FOUR.pack(total, mean, least, margin)))


_ONE, _THREE, _FOUR = Struct("f"), Struct("3f"), Struct("4f")  # a tenth of the time of as many numpy scalars


def signals_of(logprobs: Sequence[float], margin: float | None = None) -> Signals:
    """Return the signals of an utterance from the log-probability of each of its tokens; none of no token."""
    if not logprobs:
        return kept(Signals(margin=margin))
    total = min(math.fsum(logprobs), 0.0)
    return kept(Signals(total, total / len(logprobs), min(min(logprobs), 0.0), margin))


def signals_to_data(signals: Signals) -> dict[str, float]:
    """Return what is told, in decimals that read back to the same float32."""
    if signals is UNTOLD:
        return {}
    told = zip(SIGNALS, signals, strict=True)  # nine digits tell every float32 from the next
    return {name: float(f"{value:.9g}") for name, value in told if value is not None}


def read_signals(data: Mapping[str, Any]) -> Signals:
    """Return the signals of checked data (`SIGNALS_DATA`)."""
    return kept(Signals(**data)) if data else UNTOLD


def contradiction(signals: Signals) -> str:
    """Return what in signals cannot be, in words; an empty text where all fits. What is untold contradicts nothing."""
    if signals is UNTOLD:
        return ""
    told = {name: value for name, value in zip(SIGNALS, signals, strict=True) if value is not None}
    for name, value in told.items():
        if not math.isfinite(value) or (name != "margin" and value > 0.0):
            return f"{name} is {value:g}, which is no log-{'odds' if name == 'margin' else 'probability'}"
    for low, high in ORDERED:
        if low in told and high in told and told[low] > told[high] * (1.0 - ROUNDING):
            return f"{low} {told[low]:g} is above {high} {told[high]:g}"
    return ""
