"""What a run records beside its episodes, read by kind: ``metrics.json`` and ``environment.json``.

    {"schema": 1, "scenario": ..., "seed": ..., "baseline": ..., "episodes_digest": ..., "rows": [...],
     "outcome": {...}}
    {"schema": 1, "python": ..., "platform": ..., "packages": {...}, "seed": ..., "tasks": ..., "tasks_digest": ...,
     "task_ids": [...], "trained_on": {method: on how many of these tasks a table of it was trained, where it was},
     "told": what there is to say of the tasks, "taught": {method: how many tasks it learned on},
     "given": which of scenario, speaker and controllers were objects of a caller's,
     "methods": {method: {"kind": ..., "policy": how its tables are played, where it has some,
                          "final_answer": where it is another than the run's,
                          "rules": where the method brings its own}}}

``episodes_digest`` is the SHA-256 of ``episodes.jsonl`` when the metrics were computed, ``task_ids`` are the tasks in
order. Runs of before have neither, and are read all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracer_env.episodes.lines import MOST_SEED
from tracer_env.errors import DataError, RunFolderError
from tracer_env.intake.bounded import MEBIBYTE, shown_path
from tracer_env.intake.checked import also, choice, line, listed, load, mapping, plain, record, text, whole
from tracer_env.rules import FINAL_ANSWERS
from tracer_env.statistics.metrics import KINDS, Row
from tracer_env.statistics.outcome import Outcome

__all__ = ["SCHEMA", "read_environment", "read_metrics"]

SCHEMA = 1

_LARGEST = 256 * MEBIBYTE
_MOST_TASKS = 10**9
_HEX = also(line(64, 1), lambda word: all(c in "0123456789abcdef" for c in word), "a digest in hexadecimal digits")
_METRICS = record(
    {
        "schema": whole(SCHEMA, SCHEMA),
        "scenario": line(),
        "seed": whole(0, MOST_SEED),
        "baseline": line(),
        "rows": listed(plain(4), most=1000, least=1),
    },
    may_have={"episodes_digest": _HEX, "outcome": plain(4)},
)
_ENVIRONMENT = record(
    {
        "schema": whole(SCHEMA, SCHEMA),
        "seed": whole(0, MOST_SEED),
        "tasks": whole(0, _MOST_TASKS),
        "tasks_digest": _HEX,
    },
    may_have={
        "python": line(),
        "platform": line(),
        "words": line(),
        "packages": mapping(line(), most=1000),
        "models": mapping(line(), most=1000),
        "trained_on": mapping(whole(1, _MOST_TASKS), most=1000),
        "methods": mapping(
            record(
                {"kind": choice(KINDS)},
                may_have={"policy": line(40), "final_answer": choice(FINAL_ANSWERS), "rules": plain(1)},
            ),
            most=1000,
        ),
        "told": line(4096),
        "given": listed(choice(("scenario", "speaker", "controllers")), most=3),
        "taught": mapping(whole(0, _MOST_TASKS), most=1000),
        "unread": listed(line(40), most=100),
        "task_ids": also(listed(text()), lambda ids: len(set(ids)) == len(ids), "a list of ids, each once"),
    },
    others=plain(8),
)


def read_metrics(path: Path) -> dict[str, Any]:
    """Return what a run came to; raises RunFolderError when the file is missing or holds anything else."""
    if not path.is_file():
        raise RunFolderError(f"{shown_path(path)} is missing; run compare to make it")
    data = load(path, _METRICS, most=64 * MEBIBYTE, error=RunFolderError, remedy="compute the metrics again")
    try:
        rows = [Row.from_data(row) for row in data["rows"]]
        if "outcome" in data:
            Outcome.from_data(data["outcome"], rows)
    except DataError as error:
        raise RunFolderError(f"{shown_path(path)} is damaged: {error}") from error
    if len({row.method for row in rows}) < len(rows):
        raise RunFolderError(f"{shown_path(path)} is damaged: it has two rows of one method; compute the metrics again")
    return data


def read_environment(path: Path) -> dict[str, Any] | None:
    """Return what a run hangs on, None when it was not recorded yet; raises RunFolderError when it is damaged."""
    if not path.is_file():
        return None
    remedy = "put the file back, or delete it and continue with --resume, which writes it again"
    data = load(path, _ENVIRONMENT, most=_LARGEST, error=RunFolderError, remedy=remedy)
    if "task_ids" in data and len(data["task_ids"]) != data["tasks"]:
        raise RunFolderError(
            f"{shown_path(path)}: task_ids has {len(data['task_ids'])} entries, and tasks is {data['tasks']}; {remedy}"
        )
    return data
