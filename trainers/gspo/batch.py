"""From utterances to batches: what one optimiser step computes, and in which portions.

    Sample       one utterance to learn from: the exact ids that went in, the exact ids that were sampled (the end
                 token included), their log-probabilities then, and the reward. Nothing is tokenised again
    minibatches  the parts of a rollout, one optimiser step each; a task's samples stay together
    Row          samples computed together: what their beginnings have in common is computed once (`layout`)
    microbatches rows of like length, as many at once as a budget of tokens allows

Samples are taken in the order of their ids, so that those that begin alike stand side by side: the candidates of one
context share their whole prompt, tasks share the message and the worked examples that open it. A sample joins a
row when that is cheaper than a row of its own. With n tokens a row and a hidden width H, a transformer layer costs
about 12 H^2 n for its products and 2 H n^2 for its attention, so joining pays as long as what is new is
short beside what is shared or the width. No row of several samples is longer than the budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Row", "Sample", "microbatches", "minibatches", "rows"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One utterance to learn from. Samples with one ``group`` are candidates for one context."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Log-probabilities of ``token_ids`` at sampling temperature, when they were sampled."""
    reward: float
    group: int
    place: int = 0
    """Which task of the batch it belongs to; decides minibatch and process."""

    @property
    def read(self) -> tuple[int, ...]:
        """The ids that a model reads to predict all of ``token_ids``: the last one is only predicted."""
        return self.prompt_ids + self.token_ids[:-1]

    def __post_init__(self) -> None:
        if not self.prompt_ids or not self.token_ids:
            raise ValueError("a sample needs a prompt and at least one sampled token")
        if len(self.logprobs) != len(self.token_ids):
            raise ValueError(f"{len(self.token_ids)} sampled tokens but {len(self.logprobs)} log-probabilities")


@dataclass(frozen=True, slots=True)
class Row:
    """The indices of samples that are computed together."""

    samples: tuple[int, ...]
    length: int
    """Tokens that are read, those of a common beginning once."""


def minibatches(samples: Sequence[Sample], count: int) -> list[list[int]]:
    """Return the indices of ``count`` minibatches: task after task in turn, so that each has its share of every batch.

    The place alone decides, so processes that hold different tasks agree on who belongs where.
    """
    if count < 1:
        raise ValueError(f"a rollout is split into at least one minibatch, got {count}")
    parts: list[list[int]] = [[] for _ in range(count)]
    for index, sample in enumerate(samples):
        parts[sample.place % count].append(index)
    return parts


def rows(
    samples: Sequence[Sample], indices: Sequence[int], width: int, shared: bool = True, max_tokens: float = math.inf
) -> list[Row]:
    """Return the rows that hold the samples ``indices``, the longest first.

    ``width`` is the model's hidden width; ``shared=False`` gives every sample a row of its own. A sample that would
    make a row longer than ``max_tokens`` begins another.
    """
    made: list[Row] = []
    current: list[int] = []
    length = 0
    before: tuple[int, ...] = ()
    for read, index in sorted((samples[index].read, index) for index in indices):
        more = len(read) - _common(before, read)
        cheaper = _cost(length + more, width) - _cost(length, width) <= _cost(len(read), width)
        if current and not (shared and cheaper and length + more <= max_tokens):
            made.append(Row(tuple(current), length))
            current, length, more = [], 0, len(read)
        current.append(index)
        length, before = length + more, read
    if current:
        made.append(Row(tuple(current), length))
    return sorted(made, key=lambda row: (-row.length, row.samples))


def microbatches(made: Sequence[Row], max_tokens: int) -> list[list[Row]]:
    """Split rows, which come longest first, into batches of at most ``max_tokens`` padded tokens (one row at least)."""
    batches: list[list[Row]] = []
    for row in made:
        if batches and (len(batches[-1]) + 1) * batches[-1][0].length <= max_tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many ids two sequences begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


def _cost(tokens: int, width: int) -> int:
    return 6 * width * tokens + tokens * tokens
