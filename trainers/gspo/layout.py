"""How the samples of a row lie in one sequence: a tree of tokens, in which a common beginning stands once.

    sample 0    a b c d e        nodes      a b c d e f g        positions    0 1 2 3 4 3 4
    sample 1    a b c f g        parents    - a b c d c f        f sees c, b, a and itself, neither d nor e

Every node sees its ancestors and itself, and stands where it would stand in its sample alone, so its hidden state is
that of the plain sequence up to rounding, and gradients of all samples add up in it. Samples are read
without their last token, which is only predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracer_env.trainers.gspo.batch import Row, Sample

__all__ = ["Layout", "layout"]


class Layout(NamedTuple):
    """One row: ids, parents (-1 for the first) and positions of its nodes, and where each token is predicted."""

    ids: list[int]
    parents: list[int]
    positions: list[int]
    places: list[int]
    """For each sample in turn, for each of its tokens: the node whose hidden state predicts it."""

    def seen(self) -> NDArray[np.bool_]:
        """Return which node (first axis) sees which (second), shape (S, S)."""
        size = len(self.ids)
        seen = np.eye(size, dtype=bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node, :node] = seen[parent, :node]
        return seen


def layout(samples: Sequence[Sample], row: Row) -> Layout:
    """Return how the samples of ``row`` lie."""
    ids: list[int] = []
    parents: list[int] = []
    positions: list[int] = []
    places: list[int] = []
    known: dict[tuple[int, int], int] = {}
    for index in row.samples:
        sample, node = samples[index], -1
        for position, token in enumerate(sample.read):
            below = known.setdefault((node, token), len(ids))
            if below == len(ids):
                ids.append(token)
                parents.append(node)
                positions.append(position)
            node = below
            if position >= len(sample.prompt_ids) - 1:
                places.append(node)
    return Layout(ids, parents, positions, places)
