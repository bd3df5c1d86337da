"""The files of a model: which of them are its weights, and the digest that they are known by.

A model is known by what it is, not by where it lies: runs record the digest of its weights, so that they go on
wherever the same files are. Weights are taken as safetensors, which hold numbers and nothing else; a pickle
(``pytorch_model.bin``) is opened by torch's restricted unpickler, and only for a user who asks for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tracer_env.errors import DataError

__all__ = ["digest", "form_digest", "model_name", "weight_files"]

_SHOWN = 16
_NO_FORM = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a model's weights: safetensors if there are any, else pickles."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))


def digest(folder: Path) -> str | None:
    """Return the SHA-256 of a model's weights, None where no such file is; each file is read once a process.

    Of one file it is the digest of that file, of several that of their names and digests.
    """
    found = {path.name: _file_digest(str(path), *_state(path)) for path in weight_files(folder)}
    if len(found) < 2:
        return next(iter(found.values()), None)
    return hashlib.sha256("".join(f"{name} {each}\n" for name, each in found.items()).encode()).hexdigest()


def form_digest(settings: Mapping[str, Any]) -> str:
    """Return a digest of what is computed with the weights: of config.json, whoever wrote it where."""
    form = {key: value for key, value in settings.items() if key not in _NO_FORM}
    return hashlib.sha256(json.dumps(form, sort_keys=True, default=str).encode()).hexdigest()[:_SHOWN]


def model_name(path: str, found: str | None) -> str:
    """Return what a model is called in what people share: a hub name as it is, of a folder its name and digest."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return path
    return folder.resolve().name + (f"@sha256:{found[:_SHOWN]}" if found else "")


def _state(path: Path) -> tuple[int, int]:
    state = os.stat(path)
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=256)
def _file_digest(path: str, size: int, changed: int) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
