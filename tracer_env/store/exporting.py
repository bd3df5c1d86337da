"""A store as lines of JSON, one answer a line in the order they were kept: for other programs, and for reading.

    {"model": "nano@sha256:...", "asked_as": {...}, "form": "ids", "prompt": [1, 5, ...], "seed": 17, "candidate": 0,
     "made": 1760000000, "text": "...", "reasoning": "", "finish": "stop", "token_ids": [...], "logprobs": [...],
     "usage": null, "dropped": 0}

A question that is lost is null. Damaged answers are passed over, and counted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tracer_env.store.opening import opened, telling
from tracer_env.store.records import checksum, unpacked

__all__ = ["exported"]

_ROWS = (
    "SELECT sources.name, sources.text, prompts.form, prompts.data, said.seed, said.candidate, said.made, said.key, "
    "said.checksum, said.data FROM said LEFT JOIN sources ON sources.id = said.source "
    "LEFT JOIN prompts ON prompts.id = said.prompt ORDER BY said.id"
)


def exported(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield each answer as plain data, None for one that is damaged; raises DataError for a damaged file."""
    with closing(opened(path, reading=True)) as connection, telling(path):
        for row in connection.execute(_ROWS):
            yield _told(row)


def _told(row: sqlite3.Row | tuple[Any, ...]) -> dict[str, Any] | None:
    name, source, form, asked, seed, candidate, made, key, told, data = row
    try:
        if checksum(key, data) != told:
            return None
        record = unpacked(data)
    except (ValueError, TypeError):
        return None
    prompt = _prompt(form, asked)
    return {
        "model": name,
        "asked_as": _read(source),
        "form": form if prompt is not None else None,
        "prompt": prompt,
        "seed": seed % (1 << 64),
        "candidate": candidate,
        "made": made,
        "text": record.text,
        "reasoning": record.reasoning,
        "finish": record.finish,
        "token_ids": list(record.token_ids),
        "logprobs": list(record.logprobs),
        "usage": record.usage and list(record.usage),
        "dropped": record.dropped,
    }


def _prompt(form: Any, data: Any) -> Any:
    if form == "ids" and isinstance(data, bytes) and len(data) % 4 == 0:
        return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
    return _read(data) if form == "json" else None


def _read(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
