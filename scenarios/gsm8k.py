"""GSM8K: grade-school word problems with whole-number answers (Cobbe et al. 2021, arXiv 2110.14168).

Rows are ``question`` and ``answer``, a worked solution whose last line is ``#### <number>``. The
difficulty of a task is its number of worked steps (the ``<<9*2=18>>`` notes) over eight, at most 1.
"""

from __future__ import annotations

from tracer_env.errors import DataError
from tracer_env.scenarios.base import TaskList, check_limit, check_split
from tracer_env.scenarios.rows import Row
from tracer_env.scenarios.sources import Loader, find_rows
from tracer_env.scenarios.splits import source_of
from tracer_env.types import Task

__all__ = ["GSM8K"]

_HARDEST = 8


class GSM8K(TaskList):
    """The splits ``train`` and ``tune`` (5,998 and 1,475 of the training rows) and ``test`` (1,319).

    The worked solution is in ``metadata["solution"]``.
    """

    def __init__(
        self,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        loader: Loader | None = None,
    ) -> None:
        check_split("gsm8k", split, ("train", "tune", "test"))
        check_limit(limit)
        rows = find_rows("gsm8k", path, split, ("openai/gsm8k", "main", split), loader)
        rows = rows[:limit] if split == "test" else rows
        tasks = [_task(row, f"gsm8k-{source_of(split)}-{number:06d}") for number, row in enumerate(rows)]
        super().__init__(tasks, "gsm8k", limit, [row.where for row in rows], split)


def _task(row: Row, task_id: str) -> Task:
    question, solution = row.text("question"), row.text("answer")
    _, hashes, answer = solution.rpartition("####")
    if not hashes:
        raise DataError(f"{row.where}: the field 'answer' has no line '#### <number>'")
    difficulty = min(1.0, solution.count("<<") / _HARDEST)
    return Task(task_id, question, answer.strip(), "number", difficulty, (), "gsm8k", {"solution": solution})
