"""MATH-500: competition problems with LaTeX answers (Hendrycks et al. 2021; the 500 of Lightman et al. 2023).

Rows are ``problem``, ``solution``, ``answer``, ``subject``, ``level`` (1 to 5) and ``unique_id``. The
difficulty of a task comes from its level: 0.1, 0.3, 0.5, 0.7, 0.9. There is no training split; train on gsm8k.
"""

from __future__ import annotations

from tracer_env.scenarios.base import TaskList, check_limit, check_split
from tracer_env.scenarios.rows import Row
from tracer_env.scenarios.sources import Loader, find_rows
from tracer_env.types import Task

__all__ = ["MATH500"]


class MATH500(TaskList):
    """The split ``test`` (500 rows), graded by math-verify: the extra ``math``."""

    def __init__(
        self,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        loader: Loader | None = None,
    ) -> None:
        check_split("math500", split, ("test",))
        check_limit(limit)
        rows = find_rows("math500", path, split, ("HuggingFaceH4/MATH-500", None, split), loader)[:limit]
        tasks = [_task(row, f"math500-{split}-{number:06d}") for number, row in enumerate(rows)]
        super().__init__(tasks, "math500", limit, [row.where for row in rows], split)


def _task(row: Row, task_id: str) -> Task:
    level = row.whole("level", 1, 5) if row.has("level") else 3
    metadata = {name: row.values[name] for name in ("solution", "subject", "level", "unique_id") if row.has(name)}
    if "level" in metadata:
        metadata["level"] = level
    return Task(task_id, row.text("problem"), row.text("answer"), "math", (2 * level - 1) / 10, (), "math500", metadata)
