"""Some tasks of a set of trees: to learn on some and to be scored on others.

Worlds of one task stay together, since a policy that was fitted to a task in one world knows something of it in
the next. `halves` deals tasks out by difficulty, so that neither half is the easier one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.trees.levels import Level
from tracer_env.trees.tree import DialogueTrees

__all__ = ["halves", "take_tasks"]


def take_tasks(trees: DialogueTrees, places: Sequence[int] | NDArray[np.integer]) -> DialogueTrees:
    """Return the trees of the tasks at these places, in this order, in all worlds, without texts."""
    chosen, tasks = np.asarray(places, dtype=np.intp), len(trees.tasks)
    rows = (np.arange(trees.worlds)[:, None] * tasks + chosen).ravel()
    levels = tuple(Level(**{name: array[rows] for name, array in vars(level).items()}) for level in trees.levels)
    taken = tuple(trees.tasks[place] for place in chosen)
    return DialogueTrees(trees.rules, taken, trees.worlds, trees.seed, levels, None, trees.speaker, trees.split)


def halves(trees: DialogueTrees, seed: int = 0) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the tasks of both halves, each ascending; the first has one more when they are odd.

    Tasks of equal difficulty are shuffled by ``seed``. Raises ConfigError for a single task.
    """
    if len(trees.tasks) < 2:
        raise ConfigError("two halves need at least two tasks, got 1")
    difficulty = np.array([task.difficulty for task in trees.tasks])
    order = np.lexsort((np.random.default_rng(seed).permutation(len(difficulty)), difficulty))
    return np.sort(order[0::2]), np.sort(order[1::2])
