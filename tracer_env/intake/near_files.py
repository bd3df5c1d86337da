"""What a misspelt file may have meant: the nearest name beside it."""

from __future__ import annotations

import os
from pathlib import Path

from tracer_env.errors import did_you_mean

__all__ = ["near_files", "near_questions"]

_MOST = 1000  # names that are looked through


def near_questions(path: Path) -> str:
    """Return ``; did you mean 'q.jsonl'?`` for the nearest file of questions or folder beside ``path``."""
    return near_files(path, (".jsonl", ".csv"), folders=True)


def near_files(path: Path, endings: tuple[str, ...], folders: bool = False) -> str:
    """Return ``; did you mean 'name'?`` for the nearest name beside ``path`` that ends so, else nothing."""
    try:
        beside = sorted(os.listdir(path.parent))[:_MOST]
    except (OSError, ValueError):
        return ""
    named = [name for name in beside if name.endswith(endings) or (folders and (path.parent / name).is_dir())]
    near = did_you_mean(path.name, [name for name in named if name.isprintable()])
    return near if near.startswith("; did you mean") else ""
