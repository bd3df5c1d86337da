"""What a training of a language model was good for: base and trained on tasks that neither was trained on.

Both play the same tasks of the test split with the same noise, each as the ``use it`` command would: a proposer alone,
a reviewer in dialogues that end when it approves, both roles speaking always, TRACER's under the tables that it
learned (the base under until_approved, which knows no table).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tracer_env.compositions import information_named
from tracer_env.episodes.rollout import Job, nothing, rollout
from tracer_env.errors import UserError
from tracer_env.interfaces import Speaker
from tracer_env.parts.casting import make_controller, make_scenario, make_speaker
from tracer_env.parts.task_contracts import task_at
from tracer_env.runs.config import Config
from tracer_env.statistics.metrics import compare_rows
from tracer_env.terminal.progress import NoReporter, Reporter

__all__ = ["CONTROLLERS", "held_out"]

CONTROLLERS = {"proposer": "never", "reviewer": "until_approved", None: "always"}
"""Under whom something can be seen of what method gspo has trained, by role."""


def held_out(
    config: Config,
    trained: tuple[str, dict[str, str]],
    controller: str | None,
    reporter: Reporter | None = None,
) -> dict[str, Any] | None:
    """Return the rows ``base`` and ``trained`` as plain data; None where ``training.held_out`` is 0.

    ``trained``: name and settings of the speaker that says what was learned; ``controller``: who then decides, None
    for method gspo. Where there is no test split, ``reason`` says so and there are no rows.
    """
    if not config.training.held_out:
        return None
    asked, name, tell = config.scenario, CONTROLLERS[config.gspo.get("role")], reporter or NoReporter()
    names = {"base": name if controller is None else "until_approved", "trained": controller or name}
    told = {which: re.sub(r"[^=+]*/", "", name) for which, name in names.items()}  # files by their names alone
    path = asked.path if asked.path is None or Path(asked.path).is_dir() or config.training.path else None
    try:
        tasks = make_scenario(
            asked.name,
            path=path,
            split="test",
            limit=config.training.held_out,
            seed=config.tasks_seed,
            **asked.settings,
        )
    except UserError as error:
        return {"tasks": 0, "controllers": told, "rows": [], "reason": str(error)}
    own = {key: value for key, value in config.speaker.settings.items() if key not in trained[1]}
    speakers = {"base": (config.speaker.name, config.speaker.settings), "trained": (trained[0], {**own, **trained[1]})}
    played = {}
    tell.start("base and trained on held-out tasks", len(speakers))
    for done, (which, (speaker, settings)) in enumerate(speakers.items(), start=1):
        played[which] = _played(config, make_speaker(speaker, **settings), tasks, which, names[which])
        tell.reach(done, which)
    rows = compare_rows(played, "base")
    return {"tasks": len(tasks), "controllers": told, "rows": [row.to_data() for row in rows], "reason": None}


def _played(config: Config, speaker: Speaker, tasks: Any, which: str, name: str) -> Any:
    controller = make_controller(name, config.rules, config.information)
    jobs = [Job(n, which, controller, task_at(tasks, n), 0, config.seed) for n in range(len(tasks))]
    return rollout(jobs, speaker, tasks, config.rules, information_named(config.information), nothing)
