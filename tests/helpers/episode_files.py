"""Files of episodes as tests look at them: read as readable objects, and written again as a run writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import DataError

Lines = list[dict[str, Any]]


def readable(path: Path) -> Lines:
    """Return the episodes of a file, a readable object each."""
    return [json.loads(Transcript.from_json(line).to_json()) for line in path.read_bytes().splitlines()]


def rewrite(path: Path, edit: Callable[[Lines], Any]) -> None:
    """Write the episodes anew after ``edit``: in the compact form, and readable where that has no room for them."""
    lines = readable(path)
    edit(lines)
    path.write_bytes(b"".join(map(_line, lines)))


def _line(data: dict[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        return Transcript.from_json(text).to_line() + b"\n"
    except DataError:
        return text + b"\n"
