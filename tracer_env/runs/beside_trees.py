"""What a comparison came to on the tasks of dialogue trees: its methods as points beside what the trees hold.

A tree holds the dialogues of one schedule, so recipes (`debate`, `mixture`) stand in none. Played in a comparison on
the trees' tasks, with the words of the trees' speaker, they are points of the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError
from tracer_env.runs.folder import load_run
from tracer_env.statistics.metrics import Tally
from tracer_env.types import Task

__all__ = ["played_points"]


def played_points(run: str | Path, tasks: Sequence[Task]) -> dict[str, Any]:
    """Return accuracy and tokens of a run's methods on ``tasks``: ``tasks`` (how many), ``speaker`` and ``methods``.

    Raises ConfigError for a run that played none of them, RunFolderError and DataError as `load_run` and its episodes.
    """
    folder, known = load_run(run), {(task.id, task.question) for task in tasks}
    tally, met = Tally(), set()
    for told in folder.stream():
        if (told.task.id, told.task.question) in known:
            tally.add(told)
            met.add(told.task.id)
    if not met:
        raise ConfigError(
            f"{run} played none of the {len(known):,} tasks of these trees; compare on the split that they were grown "
            f"on, such as --split train --limit {len(known)}"
        )
    points = {
        row.method: {
            "accuracy": row.accuracy,
            "accuracy_ci": None if row.accuracy_ci is None else list(row.accuracy_ci),
            "tokens_per_task": row.tokens_per_task,
        }
        for row in tally.rows(None)
    }
    return {"run": str(run), "tasks": len(met), "speaker": folder.config.speaker.name, "methods": points}
