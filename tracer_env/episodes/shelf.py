"""The episodes of a run as a sequence that reads one when it is asked for, and the choice among them.

`chosen` finds by method and by task id or number in the index alone, so that one episode of a hundred thousand is
there at once; a kind of episode (``only``) is one pass over the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from tracer_env.episodes.choosing import Chooser
from tracer_env.episodes.index import Index, Moved, open_index
from tracer_env.episodes.transcript import Transcript
from tracer_env.errors import ConfigError, UnknownNameError, did_you_mean
from tracer_env.intake.bounded import shown, shown_path

__all__ = ["Episodes", "chosen"]

_AT_ONCE = 1000  # so many are read before any is shown
_NEAR = 2000  # so many ids are looked through for the nearest


class Episodes(Sequence[Transcript]):
    """Some episodes of a file, in file order; each is read anew when it is asked for."""

    def __init__(self, source: Index, places: NDArray[np.int64]) -> None:
        self.source, self.places = source, places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> Transcript: ...
    @overload
    def __getitem__(self, at: slice) -> Episodes: ...
    def __getitem__(self, at: int | slice) -> Transcript | Episodes:
        if isinstance(at, slice):
            return Episodes(self.source, self.places[at])
        return self.source.read(int(self.places[at]))

    def task_id(self, at: int) -> str:
        """Return the id of the task of one, without reading it."""
        return self.source.task_id(int(self.places[at]))


def chosen(path: Path, method: str | None, episode: str | None, only: str | None) -> Sequence[Transcript]:
    """Return the episodes of a file that were asked for; few are read at once, many one by one.

    Raises UnknownNameError for an unknown method, ConfigError for an unknown episode or kind, DataError for a
    damaged line.
    """
    try:
        return _chosen(open_index(path), method, episode, only)
    except (Moved, ConfigError, UnknownNameError):  # the index may be of other episodes: ask the file itself
        return _chosen(open_index(path, anew=True), method, episode, only)


def _chosen(index: Index, method: str | None, episode: str | None, only: str | None) -> Sequence[Transcript]:
    chooser = None if only is None else Chooser(only)
    fits = np.ones(len(index), dtype=bool)
    if method is not None:
        if method not in index.method_names:
            raise UnknownNameError("method of this run", method, index.method_names)
        fits &= index.methods == index.method_names.index(method)
    if episode is not None:
        fits &= _named(index, fits, episode)
    places = np.flatnonzero(fits)
    if chooser is not None and len(places):
        for told in Episodes(index, places):
            chooser.add(told)
        places = places[chooser.chosen()]
    found = Episodes(index, places)
    return list(found) if len(places) <= _AT_ONCE else found


def _named(index: Index, among: NDArray[np.bool_], episode: str) -> NDArray[np.bool_]:
    """Return which episodes have this task id, or else this number."""
    numbers = [number for number, name in enumerate(index.task_ids) if name == episode]
    fits = np.isin(index.tasks, numbers)
    if not np.any(fits & among) and episode.isascii() and episode.isdigit() and len(episode) < 19:
        fits = index.episodes == (int(episode) if str(int(episode)) == episode else -1)
    if not np.any(fits & among):
        near = did_you_mean(episode, index.task_ids[:_NEAR])
        raise ConfigError(f"no episode {shown(episode)} in {shown_path(index.path.parent)}{near}")
    return fits
