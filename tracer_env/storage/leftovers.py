"""What is being written, and what is left of it when its writer dies.

What is not complete yet is called ``.<name>.<pid>-<number>.tracer-env``. It is made anew, never opened where something
stands already, and is held locked while its writer lives. So `sweep` can tell the leftovers of the dead: it removes
these alone, and every other file is left. Links are removed as links, never what they show.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracer_env.errors import RunFolderError
from tracer_env.storage.locks import claim
from tracer_env.storage.places import CALM, RELATIVE, Place, odd, place_of

__all__ = [
    "is_temporary",
    "put_folder",
    "remove_at_once",
    "remove_files",
    "remove_tree",
    "sweep",
    "temporary_folder",
    "temporary_name",
]

_OURS = re.compile(r"\.(?P<name>.+)\.\d+-\d+\.tracer-env", re.DOTALL | re.ASCII)
_NUMBERS = itertools.count()


def temporary_name(name: str) -> str:
    """Return a name, new in this process, for what is being written and shall be called ``name``."""
    return f".{name}.{os.getpid()}-{next(_NUMBERS)}.tracer-env"


def is_temporary(found: str, name: str | None = None) -> bool:
    """Return whether ``found`` is what `temporary_name` gives, for ``name`` or for any."""
    match = _OURS.fullmatch(found)
    return match is not None and name in (None, match["name"])


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what in ``folder`` was being written when its writer died, for ``name`` or for any."""
    with suppress(FileNotFoundError, NotADirectoryError), place_of(folder / "any", None) as place:
        for entry in place.entries():
            if is_temporary(entry.name, name) and not entry.is_symlink():
                with suppress(OSError):  # another sweeper was quicker
                    _remove_dead(entry.name, place)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Give a new folder to write what shall be called ``path``; what was not renamed goes at the end of the block.

    What earlier writers of the same folder left, and died, goes as well.
    """
    sweep(path.parent, path.name)
    work = path.with_name(temporary_name(path.name))
    work.mkdir()
    number = os.open(work, os.O_RDONLY | os.O_DIRECTORY | CALM) if RELATIVE else None
    try:
        if number is not None:
            with suppress(OSError):  # no locks for folders here: nobody will know when we are dead
                claim(number)
        yield work
    finally:
        if number is not None:
            os.close(number)
        shutil.rmtree(work, ignore_errors=True)


def put_folder(work: Path, path: Path, aside: Path | None = None) -> None:
    """Give a finished folder its name; an older one of that name stands ``aside`` until then, and is removed.

    Without ``aside`` a folder that holds anything is not replaced: OSError, as for whatever the disk refuses.
    """
    if aside is not None and path.exists():
        if aside.exists():
            remove_at_once(aside)
        os.rename(path, aside)
    os.replace(work, path)
    if aside is not None and aside.exists():
        remove_at_once(aside)


def remove_at_once(path: Path) -> None:
    """Remove a folder that we made; it is hidden first, so that one half removed is never taken for a damaged one."""
    hidden = path.with_name(temporary_name(path.name))
    os.rename(path, hidden)
    remove_tree(hidden, inside=path.parent)


def remove_tree(path: Path, *, inside: Path) -> None:
    """Remove a folder that we made, with all in it; nothing happens when it is missing.

    Raises RunFolderError when it, or a folder between it and ``inside``, is a link, or when it lies elsewhere.
    """
    with place_of(path, inside) as place:
        mode = place.mode(path.name)
        if mode is None:
            return
        if not stat.S_ISDIR(mode):
            raise RunFolderError(odd(path))
        try:
            shutil.rmtree(place.at(path.name), dir_fd=place.number)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def remove_files(folder: Path, names: Iterable[str], *, inside: Path) -> None:
    """Remove files by their names from ``folder``, and the folder when nothing else is in it.

    What is missing is passed over; raises RunFolderError when a folder on the way is a link.
    """
    with suppress(FileNotFoundError), place_of(folder / "any", inside) as place:
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(place.at(name), dir_fd=place.number)
        if not place.entries():
            folder.rmdir()


def _remove_dead(name: str, place: Place) -> None:
    folder = stat.S_ISDIR(place.mode(name) or 0)
    number = os.open(place.at(name), (os.O_RDONLY if folder else os.O_RDWR) | CALM, dir_fd=place.number)
    try:
        dead = claim(number)
    finally:
        os.close(number)
    if dead and folder:
        shutil.rmtree(place.at(name), dir_fd=place.number)
    elif dead:
        os.unlink(place.at(name), dir_fd=place.number)
