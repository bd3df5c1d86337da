"""Areas of signals on trees written by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tree_games import misleading, random_trees

from tracer_env.rules import Rules
from tracer_env.trainers.seeing.areas import signal_areas
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade


def test_untold_signals_have_no_area() -> None:
    rows = {row["signal"]: row for row in signal_areas(misleading())}
    assert rows["logprob_mean"]["area"] is None
    assert (rows["logprob_mean"]["told"], rows["logprob_mean"]["cases"]) == (0, 9)  # one first and two later proposals
    assert (rows["margin"]["told"], rows["margin"]["cases"]) == (0, 3)
    assert rows["agrees"]["area"] is None
    # every review says WRONG, of two right answers and a wrong one: no pair is told apart
    assert (rows["verdict"]["told"], rows["verdict"]["area"]) == (3, 0.5)


def test_each_utterance_counts_once() -> None:
    trees = random_trees(Rules(), 20, seed=0)
    levels = [
        replace(level, logprob_sum=np.where(level.grade == Grade.CORRECT, 1.0, 0.0).astype(np.float32))
        for level in trees.levels
    ]
    told = DialogueTrees(trees.rules, trees.tasks, 1, 0, tuple(levels))
    row = signal_areas(told)[0]
    assert (row["signal"], row["of"], row["area"], row["cases"] <= 20 * 11) == ("logprob_sum", "proposer", 1.0, True)
    timeouts = sum(int((level.grade[:, 1::2] == Grade.TIMEOUT).sum()) for level in trees.levels[2::2])
    assert row["cases"] == 20 * 11 - timeouts
