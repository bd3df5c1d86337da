"""Tasks from your own JSONL file: ``jsonl:tasks.jsonl``.

One object a line: ``question`` and ``answer``; and, if you like, ``id`` (else the line's position), ``kind`` (number
unless given: choice, math, text), ``difficulty`` (0 to 1; 0.5) and ``options`` (texts that are lettered and put
below the question). Other fields go into the task's metadata, unless they look like a slip of the pen (``dificulty``).
All rows of a file have one kind.

A file is the split ``test``. For training as well, name a folder with ``train.jsonl`` and ``test.jsonl``.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.scenarios.base import TaskList, check_limit, check_split, lettered
from tracer_env.scenarios.sources import Row, read_rows
from tracer_env.types import Task

__all__ = ["JSONL"]

_FIELDS = ("id", "question", "answer", "kind", "difficulty", "options")
_KINDS = ("number", "choice", "math", "text")


class JSONL(TaskList):
    """Tasks of the file ``file``, or of ``<split>.jsonl`` in the folder ``file``."""

    def __init__(
        self, file: str, path: str | None = None, split: str = "test", limit: int | None = None, seed: int = 0
    ) -> None:
        if path is not None:
            raise ConfigError(f"jsonl:{file} names its file already; leave out the path option {path!r}")
        check_split(f"jsonl:{file}", split, ("train", "test"))
        check_limit(limit)
        if split != "test" and not Path(file).expanduser().is_dir():
            raise ConfigError(
                f"jsonl:{file} is one file and serves as the split 'test'; for the split {split!r} "
                "name a folder that holds train.jsonl and test.jsonl"
            )
        name = f"jsonl:{file}"
        rows = read_rows(file, split)
        tasks = [_task(row, number, name) for number, row in enumerate(rows)]
        super().__init__(tasks, name, limit, [row.where for row in rows])


def _task(row: Row, number: int, scenario: str) -> Task:
    others = _others(row)
    question, answer = row.text("question"), row.text("answer")
    kind = row.text("kind") if "kind" in row.values else "number"
    if kind not in _KINDS:
        raise DataError(f"{row.where}: the field 'kind' is {kind!r}{did_you_mean(kind, _KINDS)}")
    task_id = row.text("id") if "id" in row.values else f"{number:06d}"
    options = _options(row)
    text = lettered(question, options) if options else question
    return Task(task_id, text, answer, kind, _difficulty(row), options, scenario, others)


def _others(row: Row) -> dict[str, Any]:
    others = {str(field): value for field, value in row.values.items() if field not in _FIELDS}
    for field in others:
        near = difflib.get_close_matches(field, _FIELDS, n=1, cutoff=0.8)
        if near and near[0] not in row.values:
            raise DataError(f"{row.where}: unknown field {field!r}; did you mean {near[0]!r}?")
    return others


def _difficulty(row: Row) -> float:
    value = row.values.get("difficulty", 0.5)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise DataError(f"{row.where}: the field 'difficulty' must be a number from 0 to 1, got {value!r}")
    return float(value)


def _options(row: Row) -> tuple[str, ...]:
    value = row.values.get("options", [])
    if not isinstance(value, list) or not all(isinstance(option, str) for option in value) or len(value) > 10:
        raise DataError(f"{row.where}: the field 'options' must be a list of at most 10 texts, got {value!r:.80}")
    return tuple(value)
