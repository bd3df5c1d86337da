"""What a run's result hangs on besides its settings: versions, tasks, models, whose words, what its methods are."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from tracer_env.episodes.promise import TasksDigest
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.parts.seams import parts_of
from tracer_env.parts.task_contracts import OURS
from tracer_env.parts.voices import words_of
from tracer_env.runs.records import SCHEMA
from tracer_env.verification.reasoning import unread_of

__all__ = ["environment_of", "models_of", "scenario_digest"]


def environment_of(
    scenario: Scenario,
    packages: Sequence[str],
    speaker: Speaker,
    seed: int,
    trained_on: Mapping[str, int],
    methods: Mapping[str, Mapping[str, str]],
    taught: Mapping[str, int],
    given: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the content of ``environment.json``; see `RunFolder.write_environment`."""
    versions = {name: _version(name) for name in ("tracer-env", "numpy", *packages)}
    return {
        "schema": SCHEMA,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name, version in versions.items() if version},
        "seed": seed,
        "tasks": len(scenario),
        "models": models_of(speaker),
        "words": words_of(speaker),
        "tasks_digest": scenario_digest(scenario),
        "task_ids": [task.id for task in scenario],
        **({"unread": list(unread_of(scenario))} if OURS[type(scenario)] else {}),
        **({"told": told} if isinstance(told := getattr(scenario, "told", None), str) else {}),
        **({"taught": dict(taught)} if taught else {}),
        **({"given": list(given)} if given else {}),
        **({"trained_on": dict(trained_on)} if trained_on else {}),
        **({"methods": {name: dict(told) for name, told in methods.items()}} if methods else {}),
    }


def scenario_digest(scenario: Scenario) -> str:
    """Return a digest of all tasks: ids, questions and answers in order."""
    return str(TasksDigest(scenario))


def models_of(speaker: Speaker) -> dict[str, str]:
    """Return the digests of the weights that a speaker's language models were read from, by seat."""
    parts = parts_of(speaker) or {"all seats": speaker}
    found = {str(seat): getattr(part, "weights", None) for seat, part in parts.items()}
    return {seat: weights for seat, weights in found.items() if isinstance(weights, str)}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
