"""Dialogue trees as plain data: every choice of every controller on a task, as arrays.

After turn 1, which is always spoken, every turn is one binary choice. So a task in one world is a complete
binary tree of depth D = T - 1, and all trees of a set have the same shape:

    depth d, node i         the dialogue after turn d + 1, before turn d + 2
    children of i           2 i (SKIP) and 2 i + 1 (SPEAK) at depth d + 1
    row r                   task r mod n in world r div n

A `Level` holds what is true at its nodes, shape (R, 2^d). Which seat moves hangs on the depth alone. Under
``stop_when="kept"`` a dialogue is over below a proposer's SKIP: `TreeData.over` marks those nodes, whose
children repeat them at no cost.

Solvers, keys, files and evaluation need nothing but `TreeData`; `tree.DialogueTrees` is the same with doors to all of
them. Texts are kept once each, beside the arrays, and only where somebody wants to read or replay them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.parts.lessons import UNKNOWN
from tracer_env.rules import Rules
from tracer_env.trees.shape import over_nodes
from tracer_env.types import SIGNALS, Task, Utterance

__all__ = ["KeyTable", "Level", "TreeData"]


_UNREAD, _UNKNOWN = np.zeros((), np.int8), np.full((), np.nan, np.float32)


@dataclass(frozen=True, eq=False)
class Level:
    """What is true at the nodes of one depth; every array has shape (R, 2^d)."""

    grade: NDArray[np.int8]  # of the pending proposal, a `Grade`
    vote: NDArray[np.int8]  # of the pending proposal
    answer: NDArray[np.int32]  # id of the pending proposal's parsed answer in its row, -1 where there is none
    final_correct: NDArray[np.bool_]  # whether the dialogue, ended here, would count as correct
    verdict: NDArray[np.int8]  # of the review that led here by SPEAK, else 0
    prompt_tokens: NDArray[np.int32]  # of the utterance that led here by SPEAK, else 0
    completion_tokens: NDArray[np.int32]  # likewise
    utterance: NDArray[np.int32]  # place of that utterance in the texts, -1 where there is none
    agrees: NDArray[np.int8] = field(default_factory=lambda: _UNREAD)  # `Utterance.agrees` of that review
    logprob_sum: NDArray[np.float32] = field(default_factory=lambda: _UNKNOWN)  # its `Signals`, NaN untold
    logprob_mean: NDArray[np.float32] = field(default_factory=lambda: _UNKNOWN)  # likewise
    logprob_min: NDArray[np.float32] = field(default_factory=lambda: _UNKNOWN)  # likewise
    margin: NDArray[np.float32] = field(default_factory=lambda: _UNKNOWN)  # likewise, of reviews

    def __post_init__(self) -> None:
        for name in ("agrees", *SIGNALS):  # what is left out is one number, seen at every node
            if (told := getattr(self, name)).ndim == 0:
                object.__setattr__(self, name, np.broadcast_to(told, self.grade.shape))


@dataclass(frozen=True, eq=False)
class KeyTable:
    """The information states of a set of trees: names, and the number of each node's at depth 0..D-1.

    A node at which nothing is left to choose (the dialogue is over) has number -1.
    """

    information: str
    names: tuple[str, ...]
    ids: tuple[NDArray[np.int32], ...]  # (R, 2^d) for d = 0..D-1
    player: NDArray[np.int16]  # (K,) the agent that moves at each key


@dataclass(frozen=True, eq=False)
class TreeData:
    """The trees of n tasks in W worlds, R = n W rows. Treat the arrays as read-only."""

    rules: Rules
    tasks: tuple[Task, ...]
    worlds: int
    seed: int
    levels: tuple[Level, ...]  # D + 1 of them
    texts: Sequence[Utterance] | None = None
    speaker: str = ""
    split: str = UNKNOWN  # which split of a scenario the tasks are
    _keys: dict[Any, KeyTable] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ConfigError("dialogue trees need at least one task")
        if len(self.levels) != self.rules.max_turns:
            raise ConfigError(
                f"{self.rules.max_turns} turns make {self.rules.max_turns} levels, got {len(self.levels)}"
            )
        for depth, level in enumerate(self.levels):
            for name, array in vars(level).items():
                if array.shape != (self.rows, 1 << depth):
                    raise ConfigError(f"level {depth}: {name} has shape {array.shape}, not {(self.rows, 1 << depth)}")

    @property
    def rows(self) -> int:
        """R: tasks times worlds."""
        return len(self.tasks) * self.worlds

    @property
    def depth(self) -> int:
        """D: how many choices a path has."""
        return self.rules.max_turns - 1

    @property
    def nodes(self) -> int:
        """All nodes of all trees, leaves included."""
        return self.rows * ((2 << self.depth) - 1)

    @property
    def told(self) -> bool:
        """Whether any speaker told anything of its own words, or stated an answer of its own in a review."""
        return any(
            bool(level.agrees.any()) or any(not np.isnan(getattr(level, name)).all() for name in SIGNALS)
            for level in self.levels
        )

    def over(self, depth: int) -> NDArray[np.bool_]:
        """Return which nodes of a depth lie below the end of the dialogue or at it, shape (2^d,)."""
        return over_nodes(self.rules, depth)

    def part(self, tasks: Sequence[int] | None = None, worlds: Sequence[int] | None = None) -> Self:
        """Return the trees of some tasks and worlds, by their places: to fit on some and score on others.

        Where worlds are chosen they are numbered anew, so the part keeps no texts and cannot be played back.
        Raises ConfigError when a place does not exist, comes twice, or none is left.
        """
        kept_tasks = _chosen("task", tasks, len(self.tasks))
        kept_worlds = _chosen("world", worlds, self.worlds)
        rows = [world * len(self.tasks) + task for world in kept_worlds for task in kept_tasks]
        levels = tuple(Level(**{name: array[rows] for name, array in vars(level).items()}) for level in self.levels)
        return type(self)(
            rules=self.rules,
            tasks=tuple(self.tasks[place] for place in kept_tasks),
            worlds=len(kept_worlds),
            seed=self.seed,
            levels=levels,
            texts=self.texts if worlds is None else None,
            speaker=self.speaker,
            split=self.split,
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(tasks={len(self.tasks)}, worlds={self.worlds}, max_turns={self.rules.max_turns}, "
            f"seed={self.seed}, speaker={self.speaker!r}, texts={None if self.texts is None else len(self.texts)})"
        )


def _chosen(what: str, places: Sequence[int] | None, count: int) -> list[int]:
    """Return places that exist, each once; all of them for None."""
    if places is None:
        return list(range(count))
    chosen = [int(place) for place in places]
    if not chosen or len(set(chosen)) < len(chosen) or not all(0 <= place < count for place in chosen):
        raise ConfigError(f"a part has at least one {what}, each once, with places from 0 to {count - 1}; got {chosen}")
    return chosen
