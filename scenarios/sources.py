"""Where rows come from: a file the caller names, the data folder, or the hub, in this order.

    1. path                                          a JSONL (or CSV) file, or a folder with <split>.jsonl
    2. $TRACER_ENV_DATA/<scenario>/<split>.jsonl     when that file exists
    3. the Hugging Face hub, through `datasets`      the extra ``data``

Each row keeps the place it came from, so that an error can name the line and the field. What cannot be read
is a DataError that says how to provide it; nothing else is ever put in its place.
"""

from __future__ import annotations

import csv
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from tracer_env.errors import DataError, MissingExtraError, UserError

__all__ = ["Loader", "Row", "find_rows", "hub_rows", "huggingface_rows", "read_rows"]

Loader = Callable[[str, "str | None", str], Iterable[Mapping[str, Any]]]
"""(repository, configuration, split) -> rows."""
DATA_VARIABLE = "TRACER_ENV_DATA"
_REACH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One record and where it stands (``test.jsonl line 3``)."""

    where: str
    values: Mapping[str, Any]

    def text(self, field: str) -> str:
        """Return a field that must hold text or a number, as text; DataError when it is missing or something else."""
        value = self.values.get(field)
        if value is None:
            have = ", ".join(map(str, self.values)) or "none"
            raise DataError(f"{self.where}: the field {field!r} is missing; the fields are: {have}")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise DataError(f"{self.where}: the field {field!r} must be text, got {type(value).__name__}")
        return str(value)


def find_rows(
    scenario: str,
    path: str | os.PathLike[str] | None,
    split: str,
    hub: tuple[str, str | None, str],
    loader: Loader | None = None,
) -> list[Row]:
    """Return the rows of one split of a scenario, from the first source that there is.

    ``hub`` is (repository, configuration, split there); ``loader`` stands in for the hub.
    """
    if path is not None:
        return read_rows(path, split)
    folder = os.environ.get(DATA_VARIABLE)
    for suffix in ("jsonl", "csv") if folder else ():
        file = Path(str(folder)) / scenario / f"{split}.{suffix}"
        if file.is_file():
            return read_rows(file, split)
    try:
        return hub_rows(*hub, loader or huggingface_rows)
    except UserError as error:
        raise DataError(
            f"{scenario}: no data for the split {split!r}; give a file with the path option, or put it at "
            f"${DATA_VARIABLE}/{scenario}/{split}.jsonl, or load {hub[0]} from the hub with "
            f'pip install "tracer-env[data]" ({error})'
        ) from error


def read_rows(path: str | os.PathLike[str], split: str = "test") -> list[Row]:
    """Return the rows of a JSONL or CSV file, or of ``<split>.jsonl`` when ``path`` is a folder."""
    file = Path(path).expanduser()
    if file.is_dir():
        file = file / f"{split}.jsonl"
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(_csv_rows(lines, file) if file.suffix.lower() == ".csv" else _json_rows(lines, file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"cannot read {file}: {reason}") from error
    if not rows:
        raise DataError(f"{file} holds no rows")
    return rows


def hub_rows(repository: str, configuration: str | None, split: str, loader: Loader) -> list[Row]:
    """Return the rows of one split of a dataset on a hub; DataError, in one line, when that fails."""
    name = repository if configuration is None else f"{repository}::{configuration}"
    try:
        rows = [
            Row(f"{name} {split} row {n}", values) for n, values in enumerate(loader(repository, configuration, split))
        ]
    except UserError:
        raise
    except Exception as error:  # the libraries of the hubs raise whatever their transport raises
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"cannot load {name}, split {split!r}: {reason}") from error
    if not rows:
        raise DataError(f"{name}, split {split!r}, holds no rows")
    return rows


def huggingface_rows(repository: str, configuration: str | None, split: str) -> Iterable[Mapping[str, Any]]:
    """Load rows from the Hugging Face hub (or its cache) without running code from there."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtraError(f"loading {repository}", "datasets", "data") from error
    _check_reachable(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    rows: Iterable[Mapping[str, Any]] = load_dataset(repository, configuration, split=split)
    return rows


def _check_reachable(endpoint: str) -> None:
    """Raise DataError when nothing answers at ``endpoint``; `datasets` would try for half a minute.

    Left alone: offline mode, in which the cache answers, and proxies, behind which the host need not be known.
    """
    if os.environ.get("HF_HUB_OFFLINE") or os.environ.get("HF_DATASETS_OFFLINE") or getproxies():
        return
    address = urlsplit(endpoint)
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        socket.create_connection((address.hostname or endpoint, port), timeout=_REACH_SECONDS).close()
    except OSError as error:
        raise DataError(
            f"nothing answers at {endpoint} ({error}); set HF_HUB_OFFLINE=1 to use what is in the cache"
        ) from error


def _json_rows(lines: Iterable[str], file: Path) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{file} line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: this is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise DataError(f"{where}: a row must be a JSON object, got {type(values).__name__}")
        yield Row(where, values)


def _csv_rows(lines: Iterable[str], file: Path) -> Iterator[Row]:
    reader = csv.DictReader(lines)
    for values in reader:
        yield Row(f"{file} line {reader.line_num}", values)
