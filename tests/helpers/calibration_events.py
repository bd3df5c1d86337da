"""Events of a calibration, written as counts of what happened in which context."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer_env.trainers.calibration.events import Events

Line = tuple[int, int, int] | tuple[int, int, int, float]
"""How many events, context, outcome, and difficulty."""


def events(*lines: Line, per_task: int = 1, **columns: Any) -> Events:
    """Return events, ``per_task`` of them in a row belonging to one task."""
    flat = [(c, o, d[0] if d else 0.5) for n, c, o, *d in lines for _ in range(n)]
    context, outcome, difficulty = (np.array(column) for column in zip(*flat, strict=True))
    count, zeros = len(flat), np.zeros(len(flat), dtype=np.int64)
    given = {
        "task": np.arange(count) // per_task,
        "prompt": zeros,
        "completion": zeros,
        "reread": zeros,
        "choices": np.full(count, 256, dtype=np.int16),
        **columns,
    }
    return Events(
        context=context.astype(np.int8),
        outcome=outcome.astype(np.int8),
        difficulty=difficulty.astype(np.float64),
        **given,
    )
