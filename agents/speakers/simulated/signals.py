"""What a simulated speaker tells of its own words: signals drawn so that they separate right from wrong just so well.

With z a standard normal draw and d'(A) = sqrt(2) Phi^-1(A), two normals of equal variance that stand d' apart have the
area A under their ROC curve (the binormal model; Green and Swets 1966). So

    logprob_mean   -exp(log(surprise) - surprise_spread (z + d'(confidence) (c - 1/2)))    c = 1 for a correct proposal
    logprob_sum    logprob_mean times the tokens
    logprob_min    logprob_mean times 1 + (tokens - 1) q^3, q uniform: from the sum to the mean
    margin         verdict times exp(log(margin_size) + margin_spread (z + d'(A) (r - 1/2)))   r = 1 for a right verdict
    agrees         0 but for a share ``own`` of the reviews of an answer; of those 1 with chance ``own_tpr`` where it is
                   correct, -1 with chance ``own_tnr`` where it is wrong

The sign of a margin is the verdict drawn, so its area for "the pending proposal is correct" is that of the verdicts and
of the sizes A together:

    margin = tpr tnr + A (tpr (1 - tnr) + (1 - tpr) tnr)

from which A follows. With A in [1/2, 1], for a reviewer that is never surer of its mistakes, it lies between
(tpr + tnr) / 2 and 1 - (1 - tpr)(1 - tnr). A review without a verdict has no margin; the words of a review tell nothing
of the truth.

A proposal that repeats an answer is another utterance, with a draw of its own from the same class. Given the truth,
signals hang on nothing else: neither on each other nor on the difficulty (models' do).

The 64 bits of `Purpose.SIGNAL`: 12 for the mean, 8 for the least, 12 for the margin, 32 for a reviewer's own answer.
Normal draws are read off a table of 4096 quantiles. Everything that is kept is a float32, and the same one for one
utterance and for arrays of them: both only look up, multiply and round.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer_env.types import Grade, Signals, Verdict

__all__ = ["LEVELS", "SignalArrays", "SignalTables", "margin_bounds", "separation", "size_area"]

LEVELS = 4096
"""How many quantiles of the normal distribution are told apart."""
_SHARES = 256
_FAR = 8.0  # further apart than any two of the quantiles: an area of 1
_WORDS, _LEAST, _MARGIN = 52, 44, 32  # where the bits of each draw begin
_OWN = 2.0**-32
_REVIEW = 2  # the row of means of a review

Floats = NDArray[np.float32]


class SignalArrays(NamedTuple):
    """The signals of many utterances, all of one shape: `Signals` and `Utterance.agrees`, NaN where there is none."""

    logprob_sum: Floats
    logprob_mean: Floats
    logprob_min: Floats
    margin: Floats
    agrees: NDArray[np.int8]


class SignalTables:
    """The tables of one simulation, off which signals are read; built from its parameters."""

    def __init__(
        self,
        confidence: tuple[float, float, float],
        margin: tuple[float, float, float],
        own: tuple[float, float, float],
    ) -> None:
        """Take (area, middle, spread) of -``logprob_mean`` and of a margin's size, and (own, own_tpr, own_tnr)."""
        self.means = -_log_normal(*confidence, (-1, 1, 0))  # (3, LEVELS): not correct, correct, a review
        self.margins = _log_normal(margin[0], margin[1], -margin[2], (-1, 1))  # (2, LEVELS): misjudged, judged right
        self.shares = ((np.arange(_SHARES) + 0.5) / _SHARES) ** 3  # (256,)
        states, tpr, tnr = own
        self._states = states
        self._same = np.array([states * (1.0 - tnr), states * tpr])  # (2,): not correct, correct

    def proposal(self, noise: int, correct: bool, tokens: int) -> Signals:
        """Return the signals of one proposal."""
        return Signals(*self._said(noise, int(correct), tokens))

    def review(self, noise: int, grade: Grade | None, verdict: Verdict, tokens: int) -> tuple[Signals, int]:
        """Return the signals of one review of a proposal with that grade, and whether its own answer agrees."""
        correct = grade is Grade.CORRECT
        margin = None
        if verdict:
            margin = int(verdict) * float(self.margins[int((verdict > 0) == correct), noise >> _MARGIN & LEVELS - 1])
        luck, agrees = (noise & 0xFFFFFFFF) * _OWN, 0
        if luck < self._states and grade is not Grade.UNPARSABLE:
            agrees = 1 if luck < self._same[int(correct)] else -1
        return Signals(*self._said(noise, _REVIEW, tokens), margin), agrees

    def _said(self, noise: int, row: int, tokens: int) -> tuple[float, float, float]:
        mean = float(self.means[row, noise >> _WORDS])
        share = float(self.shares[noise >> _LEAST & _SHARES - 1])
        return _rounded(mean * tokens), mean, _rounded(mean * (1.0 + (tokens - 1) * share))

    def proposals(
        self, noise: NDArray[np.uint64], grade: NDArray[np.int8], tokens: NDArray[np.integer]
    ) -> SignalArrays:
        """Return the signals of proposals with these grades and lengths; the three arrays are broadcast together."""
        total, mean, least = self._said_arrays(noise, (grade == Grade.CORRECT).astype(np.intp), tokens)
        return SignalArrays(total, mean, least, np.full(mean.shape, np.nan, np.float32), np.zeros(mean.shape, np.int8))

    def reviews(
        self,
        noise: NDArray[np.uint64],
        grade: NDArray[np.int8],
        verdict: NDArray[np.int8],
        tokens: NDArray[np.integer],
    ) -> SignalArrays:
        """Return the signals of reviews of proposals with these grades; the four arrays are broadcast together."""
        correct = grade == Grade.CORRECT
        size = self.margins[((verdict > 0) == correct).astype(np.intp), _bits(noise, _MARGIN, LEVELS)]
        margin = np.where(verdict == 0, np.float32(np.nan), verdict * size)
        luck = (noise & np.uint64(0xFFFFFFFF)).astype(np.float64) * _OWN
        stated, same = (luck < self._states) & (grade != Grade.UNPARSABLE), luck < self._same[correct.astype(np.intp)]
        agrees = np.where(stated, np.where(same, 1, -1), 0).astype(np.int8)
        words = self._said_arrays(noise, np.full(margin.shape, _REVIEW), tokens)
        return SignalArrays(*words, margin.astype(np.float32), agrees)

    def _said_arrays(
        self, noise: NDArray[np.uint64], row: NDArray[np.intp], tokens: NDArray[np.integer]
    ) -> tuple[Floats, Floats, Floats]:
        mean = self.means[row, _bits(noise, _WORDS, LEVELS)]
        wide, share = mean.astype(np.float64), self.shares[_bits(noise, _LEAST, _SHARES)]
        total, least = wide * tokens, wide * (1.0 + (tokens - 1) * share)
        return total.astype(np.float32), np.broadcast_to(mean, total.shape), least.astype(np.float32)


def separation(area: float) -> float:
    """Return d' of an area under the ROC curve, at most what tells all quantiles apart."""
    if area >= 1.0:
        return _FAR
    return min(math.sqrt(2.0) * NormalDist().inv_cdf(area), _FAR) if area > 0.5 else 0.0


def size_area(margin: float, tpr: float, tnr: float) -> float:
    """Return the area A of the margins' sizes, in [1/2, 1], under which signed margins have the area ``margin``."""
    alike = tpr * (1.0 - tnr) + (1.0 - tpr) * tnr
    return min(max((margin - tpr * tnr) / alike, 0.5), 1.0) if alike > 0.0 else 0.5


def margin_bounds(tpr: float, tnr: float) -> tuple[float, float]:
    """Return between which areas signed margins lie: sizes that tell nothing, and sizes that tell everything."""
    return (tpr + tnr) / 2, 1.0 - (1.0 - tpr) * (1.0 - tnr)


def _log_normal(area: float, size: float, spread: float, classes: tuple[int, ...]) -> Floats:
    """Return exp(log(size) - spread (z + class d' / 2)) at all quantiles, shape (classes, LEVELS)."""
    half, centre = separation(area) / 2, math.log(size)
    rows = [[math.exp(centre - spread * (z + side * half)) for z in _normal_quantiles()] for side in classes]
    return np.array(rows, dtype=np.float32)


@cache
def _normal_quantiles() -> tuple[float, ...]:
    quantile = NormalDist().inv_cdf
    return tuple(quantile((i + 0.5) / LEVELS) for i in range(LEVELS))


def _bits(noise: NDArray[np.uint64], start: int, count: int) -> NDArray[np.intp]:
    found: NDArray[np.intp] = (noise >> np.uint64(start) & np.uint64(count - 1)).astype(np.intp)
    return found


def _rounded(value: float) -> float:
    return float(np.float32(value))
