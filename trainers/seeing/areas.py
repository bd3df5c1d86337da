"""How well each signal alone tells right proposals from wrong ones, over all utterances of dialogue trees.

Signals of a proposal (log-probabilities, length) are held against its own grade, those of a review (margin, whether it
states the pending answer, its verdict) against that of the proposal it judges. Each utterance counts once, however
likely it is to be said; answers whose grade timed out are left out, unparsable ones count as wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer_env.parts.worlds import played_in
from tracer_env.statistics.areas import area_interval, area_under
from tracer_env.trees.levels import Level
from tracer_env.trees.shape import spoken_nodes
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Grade, Role

__all__ = ["signal_areas"]

_SIGNALS = {
    "logprob_sum": Role.PROPOSER,
    "logprob_mean": Role.PROPOSER,
    "logprob_min": Role.PROPOSER,
    "completion_tokens": Role.PROPOSER,
    "verdict": Role.REVIEWER,
    "margin": Role.REVIEWER,
    "agrees": Role.REVIEWER,
}


_NOTHING_AT_ZERO = ("verdict", "agrees")  # 0 says neither, and counts in the middle


def signal_areas(trees: DialogueTrees) -> list[dict[str, Any]]:
    """Return for each signal its area, the 95% interval, how many utterances told it, and of how many."""
    rows = []
    for name, role in _SIGNALS.items():
        parts = [_cases(trees, depth, name) for depth in range(trees.depth + 1) if _speaks(trees, depth) is role]
        if not parts:
            continue
        numbers, right, tasks = (np.concatenate(part) for part in zip(*parts, strict=True))
        known = np.isfinite(numbers) & (right >= 0)
        here = numbers[known], right[known] == 1, tasks[known]
        told = known & (numbers != 0) if name in _NOTHING_AT_ZERO else known
        found = area_under(here[0], here[1]) if told.any() else None
        rows.append(
            {
                "signal": name,
                "of": role.name.lower(),
                "area": found,
                "area_ci": None if found is None else _listed(area_interval(*here)),
                "told": int(told.sum()),
                "cases": int((right >= 0).sum()),
            }
        )
    return rows


def _speaks(trees: DialogueTrees, depth: int) -> Role:
    return trees.rules.seats[depth + 1].role


def _cases(trees: DialogueTrees, depth: int, name: str) -> tuple[Any, Any, Any]:
    """Return numbers, whether the proposal is right (-1 unknown) and the task, of all utterances that end a depth."""
    level: Level = trees.levels[depth]
    spoken = spoken_nodes(trees.rules, depth)
    grade = level.grade[:, spoken]
    right = np.where(grade == Grade.TIMEOUT, -1, grade == Grade.CORRECT)
    tasks = np.broadcast_to(played_in(np.arange(trees.rows), len(trees.tasks))[1][:, None], grade.shape)
    return getattr(level, name)[:, spoken].astype(np.float64).ravel(), right.ravel(), tasks.ravel()


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
