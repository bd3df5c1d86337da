"""Dialogue trees as array operations, for a speaker that answers whole arrays of dialogues at once.

The speaker has a method ``in_rows(tasks, streams)`` that gives an object with ``propose`` and ``review``
(see the simulated speaker); what these return may have ``agrees`` and any of `types.SIGNALS`, or leave them untold.
Rows are grown in chunks, so that what is held beside the levels stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracer_env.errors import ConfigError
from tracer_env.parts.worlds import played_in
from tracer_env.randomness import streams
from tracer_env.rules import Rules
from tracer_env.terminal.progress import Reporter
from tracer_env.trees.finals import Standing, finals
from tracer_env.trees.levels import Level
from tracer_env.trees.shape import places, spoken_nodes, utterances, window
from tracer_env.types import SIGNALS, Grade, Role, Task

__all__ = ["blank_levels", "grow_arrays", "number_utterances"]

_CHUNK = 8192


def blank_levels(rules: Rules, rows: int) -> tuple[Level, ...]:
    """Return levels of zeros, nothing said anywhere and nothing told."""
    return tuple(
        Level(
            grade=np.zeros((rows, width), dtype=np.int8),
            vote=np.zeros((rows, width), dtype=np.int8),
            answer=np.zeros((rows, width), dtype=np.int32),
            final_correct=np.zeros((rows, width), dtype=np.bool_),
            verdict=np.zeros((rows, width), dtype=np.int8),
            prompt_tokens=np.zeros((rows, width), dtype=np.int32),
            completion_tokens=np.zeros((rows, width), dtype=np.int32),
            utterance=np.full((rows, width), -1, dtype=np.int32),
            agrees=np.zeros((rows, width), dtype=np.int8),
            **{name: np.full((rows, width), np.nan, dtype=np.float32) for name in SIGNALS},
        )
        for width in (1 << depth for depth in range(rules.max_turns))
    )


def number_utterances(rules: Rules, levels: Sequence[Level], first: int) -> None:
    """Number the utterances of rows ``first`` and on, in place: row times U plus the place inside the tree."""
    each = utterances(rules)
    for depth, level in enumerate(levels):
        place = places(rules, depth)
        rows = np.arange(first, first + len(level.utterance), dtype=np.int32)[:, None]
        level.utterance[:] = np.where(place >= 0, rows * each + place, -1)


def grow_arrays(
    voice: Any, tasks: tuple[Task, ...], rules: Rules, seed: int, worlds: int, tell: Reporter
) -> tuple[Level, ...]:
    """Grow the trees of all tasks and worlds; raises ConfigError for more utterances than an index can number."""
    rows, each = len(tasks) * worlds, utterances(rules)
    if rows * each >= 1 << 31:
        raise ConfigError(f"{rows} trees of {each} utterances are more than 2^31 utterances; grow fewer tasks at once")
    levels = blank_levels(rules, rows)
    tell.start("growing trees", rows * each)
    for first in range(0, rows, _CHUNK):
        index = np.arange(first, min(first + _CHUNK, rows))
        worlds_of_rows, numbers = played_in(index, len(tasks))
        chosen = [tasks[number] for number in numbers]
        noise = streams(seed, [task.id for task in chosen], worlds_of_rows)
        part = tuple(_rows_of(level, first, first + len(index)) for level in levels)
        _grow_chunk(voice.in_rows(chosen, noise), rules, part)
        number_utterances(rules, part, first)
        tell.reach((first + len(index)) * each)
    return levels


def _rows_of(level: Level, first: int, last: int) -> Level:
    """Return a view of some rows."""
    return Level(**{name: array[first:last] for name, array in vars(level).items()})


def _grow_chunk(voice: Any, rules: Rules, levels: tuple[Level, ...]) -> None:
    """Fill the levels of one chunk of rows in place."""
    spent: list[NDArray[np.int64]] = []  # completion tokens on the path to each node, depth by depth
    for depth, level in enumerate(levels):
        columns = np.flatnonzero(spoken_nodes(rules, depth))
        if depth == 0:
            nothing = np.full(level.grade.shape, Grade.UNPARSABLE, dtype=np.int8)
            said = voice.propose(1, nothing, level.vote, level.answer, np.zeros(level.grade.shape, dtype=np.int64))
        else:
            above, parents = levels[depth - 1], columns >> 1
            for name in ("grade", "vote", "answer"):
                getattr(level, name)[:] = np.repeat(getattr(above, name), 2, axis=1)
            grade, vote, answer = (getattr(above, name)[:, parents] for name in ("grade", "vote", "answer"))
            reread = _reread(rules, spent, depth - 1)[:, parents]
            if rules.seats[depth + 1].role is Role.PROPOSER:
                said = voice.propose(depth + 1, grade, vote, answer, reread)
                level.vote[:, columns] = 0
            else:
                said = voice.review(depth + 1, grade, answer, reread)
                level.vote[:, columns] += said.verdict
        for name in ("grade", "verdict", "answer", "prompt_tokens", "completion_tokens"):
            getattr(level, name)[:, columns] = getattr(said, name)
        for name in ("agrees", *SIGNALS):
            if (told := getattr(said, name, None)) is not None:
                getattr(level, name)[:, columns] = told
        before = np.repeat(spent[-1], 2, axis=1) if depth else np.int64(0)
        spent.append(before + level.completion_tokens)
    standing = [Standing(level.grade, level.vote, level.answer) for level in levels]
    for level, grade in zip(levels, finals(rules, standing), strict=True):
        level.final_correct[:] = grade == Grade.CORRECT


def _reread(rules: Rules, spent: Sequence[NDArray[np.int64]], depth: int) -> NDArray[np.int64]:
    """Return how many completion tokens the history window holds at the nodes of a depth."""
    total, outside = spent[depth].copy(), window(rules, depth)
    nodes = np.arange(1 << depth)
    for above in np.unique(outside[outside >= 0]):
        here = nodes[outside == above]
        total[:, here] -= spent[above][:, here >> (depth - above)]
    return total
