"""DOWN, "debate only when necessary" (arXiv 2504.05047): no debate where the first answer's confidence is high.

    down                                   a threshold chosen on the train tasks
    down:threshold=0.8,then=always         one that is given
    down:confidence=words,threshold=0.9    where a speaker states how sure it is, and tells no log-probabilities

After turn 1 everybody is silent if the confidence c of the first proposal is at least ``threshold``; else the dialogue
goes on under ``then``. Faithful: the gate and its place, a confidence from token probabilities, or from words where
there are none. Ours: c is the exponential of the mean log-probability of the words (the geometric mean of the tokens'
probabilities, which is what a speaker's `Signals` hold), where the paper takes their arithmetic mean; and ``auto``,
where the paper sets the threshold by hand. Left out: agents that read each other's confidence while they debate, and a
judge at the end: the final answer is by the rules of the run.

``auto``: of the values between the confidences of the train tasks' first answers, and beyond both ends, the one under
which these tasks come to the highest value: the share that ends right, less ``price`` times the tokens after turn 1. Of
equal ones the lowest, under which there is the least debate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from tracer_env.agents.controllers.gate import Gate, Opening, Then
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.intake.bounded import shown
from tracer_env.intake.checked import Reader, choice, number

__all__ = ["Down", "stated_confidence"]

_SOURCES = ("tokens", "words")
_STATED = re.compile(
    r"\bconfiden(?:ce|t)\b\W{0,3}(?:(?:is|of|level|score)\W{1,3}){0,3}(\d+(?:\.\d+)?)\s*(%?)", re.IGNORECASE
)


class Down(Gate):
    """Silent after turn 1 where the first answer's confidence is at least ``threshold``, else ``then`` goes on.

    ``threshold``: a number from 0 to 2 (above 1 there is always a debate), or ``auto``, chosen on the train tasks.
    ``confidence``: ``tokens``, the exponential of the mean log-probability, or ``words``, what the text states
    (`stated_confidence`). ``price`` of a token counts where the threshold is chosen. Raises ConfigError for an answer
    that does not tell it.
    """

    name = "down"
    hears = 1
    dial = "threshold"
    """The setting with which it spends more or less."""

    def __init__(
        self,
        threshold: float | str = "auto",
        then: Then = "until_approved",
        price: float = 0.0,
        confidence: Literal["tokens", "words"] = "tokens",
    ) -> None:
        super().__init__(then, price)
        if confidence not in _SOURCES:
            hint = did_you_mean(str(confidence), _SOURCES)
            raise ConfigError(f"controller {self.name}: confidence is {shown(confidence)}{hint}")
        given = not isinstance(threshold, str | bool) and 0.0 <= threshold <= 2.0
        if not given and threshold != "auto":
            raise ConfigError(
                f"controller {self.name}: threshold must be auto or a number from 0 to 2, got {shown(threshold)}"
            )
        self.confidence = confidence
        self.threshold: float | None = float(threshold) if given else None

    @property
    def learned(self) -> bool:
        """Whether there is a threshold."""
        return self.threshold is not None

    def sure(self, opening: Opening) -> float:
        """Return how sure the first answer is, from 0 to 1."""
        said = opening.answer
        if self.confidence == "words":
            stated = stated_confidence(said.text)
            if stated is None:
                raise ConfigError(
                    f"{self.name}: the first answer states no confidence in words (as 'Confidence: 80%'); have the "
                    "speaker asked for one (speaker.proposer_prompt), or take confidence=tokens where it tells them"
                )
            return stated
        if said.signals.logprob_mean is None:
            raise ConfigError(
                f"{self.name}: this speaker tells no log-probabilities of its words; take one that does (a model, a "
                "recording of one, simulated with speaker.confidence), or confidence=words where it states one"
            )
        return math.exp(said.signals.logprob_mean)

    def debates(self, opening: Opening) -> bool:
        if self.threshold is None:
            raise ConfigError(f"this {self.name} controller has no threshold yet; train it first, or give it one")
        return self.sure(opening) < self.threshold

    def _known(self) -> dict[str, Any]:
        return {"threshold": self.threshold, "confidence": self.confidence}

    def _fields(self) -> dict[str, Reader[Any]]:
        return {"threshold": number(0, 2), "confidence": choice(_SOURCES)}

    def _take(self, found: Mapping[str, Any]) -> None:
        self.threshold, self.confidence = found["threshold"], found["confidence"]


def stated_confidence(text: str) -> float | None:
    """Return the last confidence that a text states, from 0 to 1; None where it states none that can be one.

    ``Confidence: 80%``, ``confidence is 0.8``, ``Confidence score: 80``: with a percent sign, and above 1, of a
    hundred.
    """
    found = [(float(number), bool(percent)) for number, percent in _STATED.findall(text)]
    told = [value / 100.0 if percent or value > 1.0 else value for value, percent in found]
    return next((value for value in reversed(told) if value <= 1.0), None)
