"""A good policy on merged trees, quickly: CFR+ from several starts, the best end of all.

Of each start the average policy counts and, when it is worth more, the same with each key on its likelier action: after
few iterations an average still holds some of where it came from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracer_env.trainers.cfr.merged import MergedTrees
from tracer_env.trainers.cfr.solver import TreeSolver, random_start

__all__ = ["best_of_starts"]

Array = NDArray[np.float64]


def best_of_starts(
    merged: MergedTrees, iterations: int, starts: int, seed: int = 0, begun: Array | None = None
) -> Array:
    """Return P(SPEAK) of all keys, shape (K + 1,): the best of the uniform start, of ``begun``, and of drawn ones."""
    best: tuple[float, Array] | None = None
    for start in range(starts):
        begin = None if start == 0 else random_start(merged.size, seed + start)
        if start == 1 and begun is not None:
            begin = begun
        solver = TreeSolver(merged, "cfr_plus", start=begin)
        solver.iterate(iterations)
        for speak in (solver.average, np.round(solver.average)):
            value = float(merged.values(speak).mean())
            if best is None or value > best[0]:
                best = (value, speak)
    assert best is not None
    return best[1]
