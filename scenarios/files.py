"""Tasks from your own file: ``jsonl:tasks.jsonl``, or a CSV, ``jsonl:tasks.csv``.

One object (or CSV row) each: ``question`` and ``answer``; and, if you like, ``id`` (else the row's position), ``kind``
(number unless given: choice, math, text), ``difficulty`` (0 to 1; 0.5) and ``options`` (or ``choices``), which are
lettered and put below the question. A row with options is a choice unless its kind says otherwise; `options` tells
how they and their answers may be written. Other fields go into the task's metadata, unless they look like a slip of
the pen (``dificulty``). A file taken by its bare name (`questions`) has its kinds found and its questions divided.

A file is the split ``test``. For training as well, name a folder with ``train.jsonl`` and ``test.jsonl``; a fifth of
the questions of ``train.jsonl`` are the split ``tune`` (`splits`).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from typing import Any

from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.scenarios.base import TaskList, check_limit, check_split, lettered
from tracer_env.scenarios.options import LETTERS, OPTIONS, Options, answer_field, lettered_answers, options_of
from tracer_env.scenarios.rows import Row
from tracer_env.scenarios.tables import read_rows
from tracer_env.types import Task

__all__ = ["JSONL", "KINDS"]

_FIELDS = ("id", "question", "answer", "kind", "difficulty", "options")
KINDS = ("number", "choice", "math", "text")


class JSONL(TaskList):
    """Tasks of the file ``file``, or of ``<split>.jsonl`` in the folder ``file``."""

    def __init__(
        self, file: str, path: str | None = None, split: str = "test", limit: int | None = None, seed: int = 0
    ) -> None:
        if path is not None:
            raise ConfigError(f"jsonl:{file} names its file already; leave out the path option {path!r}")
        check_split(f"jsonl:{file}", split, ("train", "tune", "test"))
        check_limit(limit)
        if split != "test" and not os.path.isdir(os.path.expanduser(file)):
            raise ConfigError(
                f"jsonl:{file} is one file and serves as the split 'test'; for the split {split!r} "
                "name a folder that holds train.jsonl and test.jsonl"
            )
        rows = read_rows(file, split)
        self.fill(rows, [_kind(row) for row in rows], f"jsonl:{file}", split, limit)

    def fill(self, rows: Sequence[Row], kinds: Sequence[str], name: str, split: str, limit: int | None) -> None:
        """Make the tasks of rows, each with an answer of its kind; raises DataError for a row that is none."""
        for row, kind in zip(rows, kinds, strict=True):
            if kind not in KINDS:
                raise row.wrong("kind", f"is {kind!r}{did_you_mean(kind, KINDS)}")
        options = [options_of(row) for row in rows]
        letters = _letters(rows, options, kinds)
        tasks = [_task(row, n, name, kinds[n], options[n], letters.get(n)) for n, row in enumerate(rows)]
        super().__init__(tasks, name, limit, [row.where for row in rows], split)


def _task(row: Row, number: int, scenario: str, kind: str, options: Options | None, letter: str | None) -> Task:
    others = _others(row)
    question = row.text("question")
    answer = letter if letter is not None else row.text("answer")
    task_id = row.text("id") if row.has("id") else f"{number:06d}"
    difficulty = row.number("difficulty", 0, 1) if row.has("difficulty") else 0.5
    if options is not None:
        question = lettered(question, options.texts)
    return Task(task_id, question, answer, kind, difficulty, options.texts if options else (), scenario, others)


def _letters(rows: Sequence[Row], options: Sequence[Options | None], kinds: Sequence[str]) -> dict[int, str]:
    """Return the letter of the answer of each row that asks for one of its options, by the row's number."""
    asked = {n: each for n, each in enumerate(options) if each is not None and kinds[n] == "choice"}
    return dict(zip(asked, lettered_answers([rows[n] for n in asked], list(asked.values())), strict=True))


def _kind(row: Row) -> str:
    if not row.has("kind"):
        return "number" if options_of(row) is None else "choice"
    return row.text("kind")


def _others(row: Row) -> dict[str, Any]:
    used = {*_FIELDS, *(() if options_of(row) is None else (*OPTIONS, answer_field(row), *LETTERS))}
    others = {str(field): value for field, value in row.values.items() if field not in used}
    for field in others:
        near = difflib.get_close_matches(field, _FIELDS, n=1, cutoff=0.8)
        if near and near[0] not in row.values:
            raise DataError(f"{row.where}: unknown field {field!r}; did you mean {near[0]!r}?")
    return others
