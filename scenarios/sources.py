"""Where rows come from: a file the caller names, the data folder, or the hub, in this order.

    1. path                                          a JSONL (or CSV) file, or a folder with <split>.jsonl
    2. $TRACER_ENV_DATA/<scenario>/<split>.jsonl     when that file exists
    3. the Hugging Face hub, through `datasets`      the extra ``data``

Each row keeps the place it came from (`rows`); files are read by `tables`. What cannot be read is a DataError that
says how to provide it; nothing else is ever put in its place.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from tracer_env.errors import DataError, MissingExtraError, UserError
from tracer_env.scenarios.rows import Row, check_encodable
from tracer_env.scenarios.splits import source_of
from tracer_env.scenarios.tables import read_rows

__all__ = ["Loader", "find_rows", "hub_rows", "huggingface_rows"]

Loader = Callable[[str, "str | None", str], Iterable[Mapping[str, Any]]]
"""(repository, configuration, split) -> rows."""
DATA_VARIABLE = "TRACER_ENV_DATA"
_REACH_SECONDS = 5.0


def find_rows(
    scenario: str,
    path: str | os.PathLike[str] | None,
    split: str,
    hub: tuple[str, str | None, str],
    loader: Loader | None = None,
) -> list[Row]:
    """Return the rows of one split of a scenario, from the first source that there is; those of train for tune.

    ``hub`` is (repository, configuration, split there); ``loader`` stands in for the hub.
    """
    if path is not None:
        return read_rows(path, split)
    folder = os.environ.get(DATA_VARIABLE)
    for suffix in ("jsonl", "csv") if folder else ():
        file = Path(str(folder)) / scenario / f"{source_of(split)}.{suffix}"
        if os.path.isfile(file):
            return read_rows(file, split)
    try:
        return hub_rows(*hub, loader or huggingface_rows)
    except UserError as error:
        raise DataError(
            f"{scenario}: no data for the split {split!r}; give a file with the path option, or put it at "
            f"${DATA_VARIABLE}/{scenario}/{source_of(split)}.jsonl, or load {hub[0]} from the hub with "
            f'pip install "tracer-env[data]" ({error})'
        ) from error


def hub_rows(repository: str, configuration: str | None, split: str, loader: Loader) -> list[Row]:
    """Return the rows of one split of a dataset on a hub (train for tune); DataError, in one line, when it fails."""
    split = source_of(split)
    name = repository if configuration is None else f"{repository}::{configuration}"
    try:
        values = list(loader(repository, configuration, split))
    except UserError:
        raise
    except Exception as error:  # the libraries of the hubs raise whatever their transport raises
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"cannot load {name}, split {split!r}: {reason}") from error
    if not values:
        raise DataError(f"{name}, split {split!r}, holds no rows")
    return [_row(f"{name} {split} row {number}", entry) for number, entry in enumerate(values)]


def huggingface_rows(repository: str, configuration: str | None, split: str) -> Iterable[Mapping[str, Any]]:
    """Load rows from the Hugging Face hub (or its cache) without running code from there."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtraError(f"loading {repository}", "datasets", "data") from error
    _check_reachable(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    rows: Iterable[Mapping[str, Any]] = load_dataset(repository, configuration, split=split)
    return rows


def _row(where: str, values: Any) -> Row:
    if not isinstance(values, Mapping):
        raise DataError(f"{where}: a row must be a mapping of fields, got {type(values).__name__}")
    check_encodable(where, values.items())
    return Row(where, values)


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
