"""Dialogue trees: every choice of every controller on a task, as arrays.

After turn 1, which is always spoken, every turn is one binary choice. So a task in one world is a complete
binary tree of depth D = T - 1, and all trees of a set have the same shape:

    depth d, node i         the dialogue after turn d + 1, before turn d + 2
    children of i           2 i (SKIP) and 2 i + 1 (SPEAK) at depth d + 1
    row r                   task r mod n in world r div n

A `Level` holds what is true at its nodes, shape (R, 2^d). Which seat moves hangs on the depth alone. Under
``stop_when="kept"`` a dialogue is over below a proposer's SKIP: `DialogueTrees.over` marks those nodes, whose
children repeat them at no cost.

`keys` numbers the information states of all nodes. Solvers and evaluation need nothing but these arrays;
texts are kept once each, beside them, and only where somebody wants to read or replay them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.interfaces import Information
from tracer_env.parts.lessons import UNKNOWN
from tracer_env.rules import Rules
from tracer_env.trees.shape import over_nodes
from tracer_env.types import SIGNALS, Task, Utterance

if TYPE_CHECKING:
    from tracer_env.trees.evaluation import Evaluation, Policy

__all__ = ["DialogueTrees", "KeyTable", "Level", "over_nodes"]


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
class DialogueTrees:
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

    def keys(self, information: str | Information = "vote_and_time") -> KeyTable:
        """Return the information states under a key: a name, a composition (fitted), or a function of the state.

        A function is asked at every node, about dialogues that hold grades, verdicts, signals and token counts but no
        texts. Raises UnknownNameError for a name that there is not, ConfigError for a composition without its edges.
        """
        from tracer_env.trees.keys import key_table

        return key_table(self, information)

    def part(self, tasks: Sequence[int] | None = None, worlds: Sequence[int] | None = None) -> DialogueTrees:
        """Return the trees of some tasks and worlds, by their places: to fit on some and score on others.

        Where worlds are chosen they are numbered anew, so the part keeps no texts and cannot be played back.
        Raises ConfigError when a place does not exist, comes twice, or none is left.
        """
        kept_tasks = _chosen("task", tasks, len(self.tasks))
        kept_worlds = _chosen("world", worlds, self.worlds)
        rows = [world * len(self.tasks) + task for world in kept_worlds for task in kept_tasks]
        levels = tuple(Level(**{name: array[rows] for name, array in vars(level).items()}) for level in self.levels)
        return DialogueTrees(
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
            f"DialogueTrees(tasks={len(self.tasks)}, worlds={self.worlds}, max_turns={self.rules.max_turns}, "
            f"seed={self.seed}, speaker={self.speaker!r}, texts={None if self.texts is None else len(self.texts)})"
        )

    def save(self, path: Path | str) -> None:
        """Write a folder that `load` reads back; raises RunFolderError when something stands there already."""
        from tracer_env.trees.files import save_trees

        save_trees(self, path)

    @classmethod
    def load(cls, path: Path | str, rules: Rules | None = None) -> DialogueTrees:
        """Read a folder of trees. Give ``rules`` to have them checked, or to bring a schedule of your own.

        Raises RunFolderError for a foreign folder, DataError for a damaged one, ConfigError for other rules.
        """
        from tracer_env.trees.files import load_trees

        return load_trees(path, rules)

    def evaluate(self, policy: Policy, information: str | Information = "vote_and_time") -> Evaluation:
        """Return what a policy comes to on these trees, exactly; see `evaluation.evaluate_policy`."""
        from tracer_env.trees.evaluation import evaluate_policy

        return evaluate_policy(self, policy, information)

    def to_efg(self, path: Path | str, credit: str = "team", information: str | Information = "vote_and_time") -> Path:
        """Write the game as a Gambit extensive-form file that OpenSpiel's ``efg_game`` loads; see `efg.to_efg`."""
        from tracer_env.trees.efg import to_efg

        return to_efg(self, path, credit, information)

    def to_openspiel(self, credit: str = "team", information: str | Information = "vote_and_time") -> Any:
        """Return the game as OpenSpiel's, when pyspiel is installed; see `efg.to_openspiel`."""
        from tracer_env.trees.efg import to_openspiel

        return to_openspiel(self, credit, information)


def _chosen(what: str, places: Sequence[int] | None, count: int) -> list[int]:
    """Return places that exist, each once; all of them for None."""
    if places is None:
        return list(range(count))
    chosen = [int(place) for place in places]
    if not chosen or len(set(chosen)) < len(chosen) or not all(0 <= place < count for place in chosen):
        raise ConfigError(f"a part has at least one {what}, each once, with places from 0 to {count - 1}; got {chosen}")
    return chosen
