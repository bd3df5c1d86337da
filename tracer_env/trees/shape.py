"""The shape of dialogue trees: what hangs on the rules alone, and is the same for every task.

Nodes of depth d are numbered 0 .. 2^d - 1, the children of i being 2 i (SKIP) and 2 i + 1 (SPEAK). A tree holds
U utterances, one for each node that was reached by speaking, numbered depth by depth from 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.types import Role

__all__ = ["MOST_TURNS", "check_growable", "node_of", "over_nodes", "places", "spoken_nodes", "utterances", "window"]

MOST_TURNS = 12
"""The longest dialogue that is grown into trees: 2,048 leaves a task."""


def check_growable(rules: Rules) -> None:
    """Raise ConfigError for rules whose dialogues are no binary trees, or trees too large to grow."""
    if rules.max_turns > MOST_TURNS:
        raise ConfigError(
            f"trees double with each turn: rules.max_turns must be at most {MOST_TURNS}, got {rules.max_turns}"
        )
    if rules.seats[1].role is not Role.PROPOSER:
        raise ConfigError("dialogue trees begin with a proposal, but rules.schedule seats a reviewer at turn 1")


@lru_cache(maxsize=256)
def over_nodes(rules: Rules, depth: int) -> NDArray[np.bool_]:
    """Return which of the 2^d nodes of a depth are over: at the horizon all, under ``kept`` those below a keep."""
    over = np.zeros(1, dtype=bool)
    for above in range(depth):
        skipped = over | (rules.stop_when == "kept" and rules.seats[above + 2].role is Role.PROPOSER)
        over = np.stack([skipped, over], axis=1).ravel()
    return _frozen(over | (depth == rules.max_turns - 1))


@lru_cache(maxsize=256)
def spoken_nodes(rules: Rules, depth: int) -> NDArray[np.bool_]:
    """Return which of the 2^d nodes of a depth were reached by speaking; at depth 0 that is the one node."""
    if depth == 0:
        return _frozen(np.ones(1, dtype=bool))
    live = ~over_nodes(rules, depth - 1)
    return _frozen(np.stack([np.zeros_like(live), live], axis=1).ravel())


@lru_cache(maxsize=256)
def places(rules: Rules, depth: int) -> NDArray[np.int32]:
    """Return the number of each node's utterance inside its tree, -1 where nothing was said, shape (2^d,)."""
    spoken = spoken_nodes(rules, depth)
    before = sum(int(spoken_nodes(rules, above).sum()) for above in range(depth))
    return _frozen(np.where(spoken, before + np.cumsum(spoken) - 1, -1).astype(np.int32))


def utterances(rules: Rules) -> int:
    """Return U: how many utterances a tree holds, at most 2^(T - 1)."""
    return sum(int(spoken_nodes(rules, depth).sum()) for depth in range(rules.max_turns))


@lru_cache(maxsize=256)
def node_of(rules: Rules, place: int) -> tuple[int, int]:
    """Return (depth, node) of an utterance's number inside its tree."""
    for depth in range(rules.max_turns):
        found = np.flatnonzero(places(rules, depth) == place)
        if len(found):
            return depth, int(found[0])
    raise IndexError(f"a tree of these rules has {utterances(rules)} utterances, so there is no number {place}")


@lru_cache(maxsize=256)
def window(rules: Rules, depth: int) -> NDArray[np.int64]:
    """Return for each node the depth of the newest utterance on its path that has left the history window, or -1."""
    outside = np.full(1 << depth, -1, dtype=np.int64)
    for node in range(1 << depth):
        spoken = [k for k in range(depth + 1) if spoken_nodes(rules, k)[node >> (depth - k)]]
        if len(spoken) > rules.history_window:
            outside[node] = spoken[-rules.history_window - 1]
    return outside


_Array = TypeVar("_Array", bound="NDArray[Any]")


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False
    return array
