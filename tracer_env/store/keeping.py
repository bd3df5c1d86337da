"""Where a run keeps what its models say: one store for all of them, from its first word to its last.

    with kept(speaker, config.speaker.store, folder, offline=False) as store:
        ...

``speaker.store`` names a file, or a run folder for the store in it; unless it does, the store stands in the run's own
folder as ``utterances.db``; ``none`` keeps nothing. Offline no model is asked: what is not in the store ends the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, DataError
from tracer_env.intake.bounded import shown_path
from tracer_env.parts.seams import keepers
from tracer_env.store.database import Store, open_store

__all__ = ["FILE", "NONE", "check_store", "kept", "missing", "store_at"]

FILE = "utterances.db"
"""What a store in a folder is called."""
NONE = "none"


def store_at(path: Path | str) -> Path:
    """Return the file of a store that is named by itself or by the folder it stands in."""
    place = Path(path).expanduser()
    return place / FILE if place.is_dir() else place


def check_store(speaker: Any, asked: str | None, offline: bool = False, folder: Path | None = None) -> None:
    """Raise for a store that cannot be used, before a folder is made; ``folder`` is that of a run that goes on.

    ConfigError where nobody would keep anything there, or nothing can be there yet; DataError for a file that is none.
    """
    if offline and hasattr(speaker, "stands_for") and not keepers(speaker):
        raise ConfigError(
            "--offline asks a store, and workers of a cluster see none on this machine; leave one of the two out"
        )
    if asked == NONE:
        if offline and keepers(speaker):
            raise ConfigError("--offline asks a store, and speaker.store is none; name the store of an earlier run")
        return
    if asked is not None and not keepers(speaker):
        raise ConfigError(
            f"speaker.store is {asked!r}, but no part of this speaker asks a language model whose answers could be "
            "kept here (workers of a cluster see no file of this machine); leave it out"
        )
    if not keepers(speaker):
        return
    if asked is None and offline and (folder is None or not (folder / FILE).is_file()):
        raise ConfigError(
            "--offline asks no model, and this run has no store yet; name that of an earlier run with "
            "--set speaker.store=RUN"
        )
    if asked is not None:
        open_store(store_at(asked), offline).close()


@contextmanager
def kept(speaker: Any, asked: str | None, folder: Path | None, offline: bool = False) -> Iterator[Store | None]:
    """Have all models behind ``speaker`` answer from a store inside the block; None where nothing is kept.

    Raises as `check_store`, and ConfigError or DiskError where the system refuses.
    """
    check_store(speaker, asked, offline, folder)
    place = None if asked == NONE else store_at(asked) if asked is not None else folder and folder / FILE
    parts = keepers(speaker) if place is not None else []
    if place is None or not parts:
        yield None
        return
    store = open_store(place, offline)
    for part in parts:
        part.keep(store)
    try:
        yield store
    finally:
        for part in parts:
            part.keep(None)
        store.close()


def missing(store: Store, model: str, where: str) -> DataError:
    """Return the error for what an offline run would have to ask: ``where`` names seat, turn and task."""
    return DataError(
        f"--offline: the store {store.path} has no answer of {shown_path(model)} for {where}; leave --offline out to "
        "ask the model, or name the store of a run that asked this (speaker.store)"
    )
