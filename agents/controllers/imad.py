"""iMAD (arXiv 2511.11306): a small classifier on features of the first answer and a self-critique opens the debate.

    imad:price=2e-4,ridge=1

The first answer is always reviewed (turn 2); then s = w x is weighed, x the features of both texts in units of their
spread on the train tasks and a 1. Where s is above 0 the debate goes on under ``then``, else everybody is silent.

Faithful: one answer and its critique come first and are paid for, features that a person can read are taken from their
words, and a small classifier that was trained on other tasks decides once. Ours: the critique is the first review, by
whoever sits there (the same agent where there is one); the classifier is a logistic regression (`trainers.outcomes.
gating`), for the paper's perceptron of several layers with its loss FocusCal; it is trained on what the debate gained
on the train tasks, less ``price`` times its tokens, and not across data sets.

Of the paper's 41 features those that can be counted without a tagger or a parser have a counterpart here: lengths of
question, answer and critique, their numbers, question marks, words of hesitation, contrast, certainty and negation,
variety of words and length of sentences, the stated verdict, and how sure the model was (`Signals`, where the paper
reads confidences that the model states). Left out: parts of speech, named entities, depths of parses, readability.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from tracer_env.agents.controllers.gate import Gate, Opening, Then
from tracer_env.annotations import Words
from tracer_env.errors import ConfigError
from tracer_env.intake.checked import Reader, line, listed, number
from tracer_env.settings import require
from tracer_env.types import Utterance

__all__ = ["CRITIQUE", "FEATURES", "IMAD", "features_of"]

_RIDGE: Any = Annotated[float, Ge(0), Words.always("must be a number of at least 0")]
_CUT = 8.0
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE = re.compile(r"[^.!?\n]+")
_WORDS_OF: dict[str, re.Pattern[str]] = {
    "hesitant": re.compile(
        "maybe|perhaps|might|could|possibly|probably|likely|seems?|appears?|unsure|uncertain|guess|think|assume|suppose|"
        "roughly|approximately|about|wait|hmm"
    ),
    "contrasting": re.compile("but|however|although|though|instead|rather|yet|whereas|actually|otherwise"),
    "certain": re.compile("certainly|definitely|clearly|obviously|surely|exactly|must|always|therefore|thus"),
    "negating": re.compile("no|not|never|none|cannot|can't|don't|doesn't|isn't|wrong|incorrect|error|mistake"),
}
_COUNTED = ("words", "numbers", "question_marks", "sentence_length", "variety", *_WORDS_OF)

ANSWER = tuple(
    f"answer_{name}" for name in (*_COUNTED, "tokens", "readable", "logprob_sum", "logprob_mean", "logprob_min")
)
CRITIQUE = tuple(f"critique_{name}" for name in (*_COUNTED, "tokens", "verdict", "agrees", "margin", "logprob_mean"))
FEATURES = ("question_words", "question_numbers", *ANSWER, *CRITIQUE)
"""The names of the features, in order."""


class IMAD(Gate):
    """A debate where a classifier, trained on train tasks, says that it pays after the first answer and its review.

    ``ridge`` times half of the squared weights is added to the loss; ``then`` is the rule of the debate, ``price`` what
    a token costs while it is trained.
    """

    name = "imad"
    hears = 2

    def __init__(self, then: Then = "always", price: float = 0.0, ridge: float = 1.0) -> None:
        super().__init__(then, price)
        require(f"controller {self.name}: ", _RIDGE, ridge=ridge)
        self.ridge = float(ridge)
        self.mean, self.spread = np.zeros(len(FEATURES)), np.ones(len(FEATURES))
        self.weights: NDArray[np.float64] = np.zeros(0)  # (1 + len(FEATURES),), the first that of the 1

    @property
    def learned(self) -> bool:
        """Whether the classifier has been trained."""
        return len(self.weights) > 0

    def inputs(self, openings: Sequence[Opening]) -> NDArray[np.float64]:
        """Return what is weighed, shape (n, 1 + len(FEATURES)): a 1 and the scaled features, 0 where one is untold."""
        numbers = np.array([features_of(opening) for opening in openings])
        scaled = np.nan_to_num(np.clip((numbers - self.mean) / self.spread, -_CUT, _CUT))
        return np.concatenate([np.ones((len(scaled), 1)), scaled], axis=1)

    def debates(self, opening: Opening) -> bool:
        if not self.learned:
            raise ConfigError(f"this {self.name} controller has not been trained yet; train it first")
        return bool((self.inputs([opening]) @ self.weights)[0] > 0.0)

    def _known(self) -> dict[str, Any]:
        told = {name: getattr(self, name).tolist() for name in ("mean", "spread", "weights")}
        return {"ridge": self.ridge, "features": list(FEATURES), **told}

    def _fields(self) -> dict[str, Reader[Any]]:
        count, weight = len(FEATURES), number(-1e30, 1e30)
        return {
            "ridge": number(0, 1e30),
            "features": listed(line(200), 1000),
            "mean": listed(weight, count, count),
            "spread": listed(number(1e-30, 1e30), count, count),
            "weights": listed(weight, 1 + count, 1 + count),
        }

    def _take(self, found: Mapping[str, Any]) -> None:
        if found["features"] != list(FEATURES):
            raise ConfigError(f"this {self.name} controller weighs other features than {', '.join(FEATURES[:3])}, ...")
        self.ridge = found["ridge"]
        self.mean, self.spread, self.weights = (np.array(found[name]) for name in ("mean", "spread", "weights"))


def features_of(opening: Opening) -> list[float]:
    """Return the features of an opening, in the order of `FEATURES`; NaN for what is not told, or not there."""
    question, answer, review = opening
    found = [_counts(question)[0], _counts(question)[1], *_counts(answer.text)]
    found += [float(answer.completion_tokens), float(answer.answer is not None)]
    found += [_told(answer, name) for name in ("logprob_sum", "logprob_mean", "logprob_min")]
    if review is None:
        return [*found, *[np.nan] * len(CRITIQUE)]
    found += [*_counts(review.text), float(review.completion_tokens), float(review.verdict), float(review.agrees)]
    return [*found, _told(review, "margin"), _told(review, "logprob_mean")]


def _counts(text: str) -> list[float]:
    """Return what `_COUNTED` names, of one text; counts of kinds of words are shares of all words."""
    words = [word.lower() for word in _WORD.findall(text)]
    several = max(len(words), 1)
    sentences = max(sum(bool(_WORD.search(each)) for each in _SENTENCE.findall(text)), 1)
    shares = [sum(kind.fullmatch(word) is not None for word in words) / several for kind in _WORDS_OF.values()]
    counts = [len(words), len(_NUMBER.findall(text)), text.count("?"), len(words) / sentences]
    return [*map(float, counts), len(set(words)) / several, *shares]


def _told(said: Utterance, name: str) -> float:
    value = getattr(said.signals, name)
    return np.nan if value is None else float(value)
