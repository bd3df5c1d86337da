"""Dialogue trees as a Gambit extensive-form game (.efg), the format that game solvers exchange.

The file has a chance node at the root that picks a tree, a decision node for every choice, with our keys as
information sets, and a terminal node with the agents' payoffs wherever a dialogue ends. Player a + 1 is
``agent_a``; the actions are ``skip`` and ``speak`` in this order. What OpenSpiel's ``efg_game`` or Gambit find on it
can be set beside what `trainers.cfr.solver` finds. Trees are written out one by one, so take some hundreds or
thousands of tasks; a hundred thousand make a file of some 200 MB.

Where gains and losses of an action cancel exactly, rounding decides which way another solver goes (ours stays put), and
few trees with equal payoffs hold many such ties: compare values on hundreds of trees, or on payoffs without ties.

Keys that forget make games of imperfect recall: they are well-formed and CFR runs on them, but solvers that need
perfect recall (Gambit's sequence form) refuse them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.interfaces import Information
from tracer_env.storage.files import write_with
from tracer_env.storage.folders import unwritable
from tracer_env.trees.keys import key_table
from tracer_env.trees.levels import TreeData
from tracer_env.trees.payoffs import payoffs_named

__all__ = ["to_efg", "to_openspiel"]

Array = NDArray[np.float64]


def to_efg(
    trees: TreeData,
    path: str | os.PathLike[str],
    credit: str | Array = "team",
    information: str | Information = "vote_and_time",
) -> Path:
    """Write the game to ``path`` and return it; the file is complete or absent.

    ``credit`` is ``team``, ``role``, or leaf payoffs of your own, shape (1 or N, 2^D, R).
    """
    target = Path(path)

    def fill(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            _write(trees, file, credit, information)

    try:
        write_with(target, fill)
    except OSError as error:
        raise unwritable("the game file", target, error) from error
    return target


def to_openspiel(
    trees: TreeData, credit: str | Array = "team", information: str | Information = "vote_and_time"
) -> Any:
    """Return the game as OpenSpiel's ``efg_game``; raises MissingExtraError where pyspiel is not installed."""
    try:
        import pyspiel
    except ImportError as error:
        raise MissingExtraError("to_openspiel()", "pyspiel", "test", "pip install open-spiel") from error
    text = io.StringIO()
    _write(trees, text, credit, information)
    return pyspiel.load_efg_game(text.getvalue())


def _write(trees: TreeData, file: TextIO, credit: str | Array, information: str | Information) -> None:
    payoffs = payoffs_named(trees, credit) if isinstance(credit, str) else credit
    rules, rows = trees.rules, trees.rows
    if payoffs.shape[1:] != (1 << trees.depth, rows) or len(payoffs) not in (1, rules.num_agents):
        raise ConfigError(f"leaf payoffs must have shape (1 or N, {1 << trees.depth}, {rows}), got {payoffs.shape}")
    players = " ".join(f'"agent_{agent}"' for agent in range(rules.num_agents))
    file.write(f'EFG 2 R "dialogue trees" {{ {players} }} ""\n')
    branches = " ".join(f'"row_{row}" 1/{rows}' for row in range(rows))
    file.write(f'c "" 1 "" {{ {branches} }} 0\n')
    paid = np.broadcast_to(payoffs, (rules.num_agents, *payoffs.shape[1:]))
    labels = _labels(trees, information)
    order = list(_depth_first(trees))
    for row in range(rows):
        file.writelines(_row(labels, paid, order, row))


def _labels(trees: TreeData, information: str | Information) -> list[NDArray[np.object_]]:
    """Return the line of each decision node, as one array of texts a depth, shape (R, 2^d)."""
    table = key_table(trees, information)
    seen = [0] * trees.rules.num_agents
    lines = []
    for name, agent in zip(table.names, table.player, strict=True):
        seen[agent] += 1
        lines.append(f'p "" {agent + 1} {seen[agent]} "{name}" {{ "skip" "speak" }} 0\n')
    texts = np.array([*lines, ""], dtype=object)
    return [texts[ids] for ids in table.ids]


def _depth_first(trees: TreeData) -> Iterator[tuple[int, int, int]]:
    """Yield (depth, node, leaf) in the order of the file; leaf is -1 at decisions, else the leaf that pays."""
    ahead = [(0, 0)]
    while ahead:
        depth, node = ahead.pop()
        if trees.over(depth)[node]:
            yield depth, node, node << (trees.depth - depth)
            continue
        yield depth, node, -1
        ahead += [(depth + 1, 2 * node + 1), (depth + 1, 2 * node)]


def _row(
    labels: list[NDArray[np.object_]],
    paid: Array,
    order: list[tuple[int, int, int]],
    row: int,
) -> Iterator[str]:
    ends = sum(leaf >= 0 for _, _, leaf in order)
    outcome = row * ends
    for depth, node, leaf in order:
        if leaf < 0:
            yield str(labels[depth][row, node])
            continue
        outcome += 1
        values = " ".join(repr(float(value)) for value in paid[:, leaf, row])
        yield f't "" {outcome} "" {{ {values} }}\n'
