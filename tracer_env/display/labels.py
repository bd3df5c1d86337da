"""Short names for methods in a table: what is long stands below it once, under a number.

    cfr_plus (1)      (1) information=vote+time+confidence,price=2e-4
    cast (2)          (2) proposer=never+reviewer=always
    Thrifty (3)       (3) mine.py:Thrifty:budget=2
    tracer.json (4)   (4) runs/arithmetic--train--004/controllers/tracer.json

A name of at most 20 characters stays as it is, and so does one without settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracer_env.code_files import is_code, path_and_settings
from tracer_env.specs import is_cast

__all__ = ["labels"]

_LONGEST = 20


def labels(methods: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return each method's label, and the notes that say what the numbered ones stand for."""
    names: dict[str, str] = {}
    notes: list[str] = []
    for method in methods:
        short, rest = _parted(method)
        if rest is None:
            names[method] = method
            continue
        notes.append(f"({len(notes) + 1}) {rest}")
        names[method] = f"{short} ({len(notes)})"
    return names, notes


def _parted(method: str) -> tuple[str, str | None]:
    if len(method) <= _LONGEST:
        return method, None
    if is_cast(method):
        return "cast", method
    if is_code(method):
        path, _ = path_and_settings(method)
        return path.rpartition(":")[2], method
    name, colon, settings = method.partition(":")
    if name.endswith(".json") and "/" in name:
        return name.rsplit("/", 1)[1], method
    return (name, settings) if colon else (method, None)
