"""GPQA Diamond: graduate-level science questions with four options (Rein et al. 2023, arXiv 2311.12022).

Columns: ``Question``, ``Correct Answer``, ``Incorrect Answer 1`` to ``3``. The options are ordered by a hash of
question and option, so the letter of the gold answer is the same on every machine and for every seed, and
no letter is favoured. The authors ask that the text not be published in the clear: none of it is here, and a
transcript of a run holds some.
"""

from __future__ import annotations

import hashlib

from tracer_env.scenarios.base import TaskList, check_limit, check_split, lettered
from tracer_env.scenarios.rows import Row
from tracer_env.scenarios.sources import Loader, find_rows
from tracer_env.types import Task

__all__ = ["GPQADiamond"]

_COLUMNS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


class GPQADiamond(TaskList):
    """The split ``test`` (198 rows; the hub calls it ``train``), from your own copy or the gated hub dataset."""

    def __init__(
        self,
        path: str | None = None,
        split: str = "test",
        limit: int | None = None,
        seed: int = 0,
        loader: Loader | None = None,
    ) -> None:
        check_split("gpqa-diamond", split, ("test",))
        check_limit(limit)
        hub = ("Idavidrein/gpqa", "gpqa_diamond", "train")
        rows = find_rows("gpqa-diamond", path, split, hub, loader)[:limit]
        tasks = [_task(row, f"gpqa-diamond-{split}-{number:06d}") for number, row in enumerate(rows)]
        super().__init__(tasks, "gpqa-diamond", limit, [row.where for row in rows], split)


def _task(row: Row, task_id: str) -> Task:
    question = row.text("Question").strip()
    texts = [row.text(column).strip() for column in _COLUMNS]
    order = sorted(range(len(texts)), key=lambda index: _rank(question, texts[index], index))
    options = tuple(texts[index] for index in order)
    letter = "ABCD"[order.index(0)]
    return Task(task_id, lettered(question, options), letter, "choice", 0.5, options, "gpqa-diamond")


def _rank(question: str, option: str, index: int) -> bytes:
    return hashlib.blake2b(
        f"{question}\x00{option}\x00{index}".encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()
