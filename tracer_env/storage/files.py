"""Writing a file: complete or absent, never through a link, never outside its folder.

    write_text, write_bytes     data under a name of our own, then renamed
    write_with                  the same for libraries that want a path to write to
    append, cut                 a file that grows, whole lines at a time

``inside`` names the folder that must not be left (`places`); what a killed writer leaves is told by its name and goes
with the next one (`leftovers`). Failures of the machine (a full disk, a missing permission) come out as the system's
own OSError with the path; what somebody has to clear away, as RunFolderError. Either way what was half-written is gone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracer_env.errors import RunFolderError
from tracer_env.storage.leftovers import sweep, temporary_name
from tracer_env.storage.locks import claim
from tracer_env.storage.places import CALM, LINKED, RELATIVE, odd, place_of, several

__all__ = ["append", "cut", "force", "write_bytes", "write_text", "write_with"]


def write_text(path: Path, text: str, *, inside: Path | None = None, durable: bool = False) -> None:
    """Write a text as UTF-8 with the line ends it has; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), inside=inside, durable=durable)


def write_bytes(path: Path, data: bytes, *, inside: Path | None = None, durable: bool = False) -> None:
    """Write a file so that it is complete or absent; an older one is replaced.

    ``inside``: the folder that must not be left. ``durable``: wait until file and name are on the disk. Raises
    RunFolderError when something other than a plain file stands there, OSError when the disk does not take it.
    """
    with _replacing(path, inside, durable) as (number, _):
        _put(number, data)


def write_with(
    path: Path, writer: Callable[[Path], object], *, inside: Path | None = None, durable: bool = False
) -> None:
    """Write a file by a function that fills the path it is given; raises what it raises, and like `write_bytes`."""
    with _replacing(path, inside, durable) as (_, temporary):
        writer(temporary)


def append(path: Path, data: bytes, *, inside: Path | None = None) -> None:
    """Add to the end of a file, made when it is missing, and wait until all of it is on the disk, or none.

    Raises RunFolderError for a link, a second name or something that is no file, OSError when the disk fails.
    """
    number = _growing(path, inside)
    try:
        before = os.fstat(number).st_size
        try:
            _put(number, data)
            os.fsync(number)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(number, before)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(number)


def cut(path: Path, size: int, *, inside: Path | None = None) -> None:
    """Cut a file that grows back to its first ``size`` bytes; raises like `append`."""
    number = _growing(path, inside)
    try:
        os.ftruncate(number, size)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(number)


def force(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    number = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | CALM)
    try:
        os.fsync(number)
    finally:
        os.close(number)


# -- one file ------------------------------------------------------------------------------------


@contextmanager
def _replacing(path: Path, inside: Path | None, durable: bool) -> Iterator[tuple[int, Path]]:
    """Give an open, locked new file and its path; it takes the name of ``path`` at the end, or goes."""
    with place_of(path, inside) as place:
        if (mode := place.mode(path.name)) is not None and not stat.S_ISREG(mode):
            raise RunFolderError(odd(path))
        sweep(place.folder, path.name)
        name, where, done = temporary_name(path.name), place.number, False
        number = _made(path, place.at(name), where)
        try:
            with suppress(OSError):  # no locks here: nobody will know when we are dead, and nothing is swept
                claim(number)
            yield number, place.folder / name
            if durable:
                force(place.folder / name)
            if not RELATIVE:  # Windows renames nothing that is open
                os.close(number)
                number = -1
            os.replace(place.at(name), place.at(path.name), src_dir_fd=where, dst_dir_fd=where)
            done = True
            if durable and where is not None:
                os.fsync(where)
        except OSError as error:
            if error.errno is None:  # a library's own
                raise
            raise OSError(error.errno, error.strerror, str(path)) from error
        finally:
            if number >= 0:
                os.close(number)
            if not done:
                with suppress(OSError):
                    os.unlink(place.at(name), dir_fd=where)


def _put(number: int, data: bytes) -> None:
    """Write all of the data: the system may take it in pieces."""
    left = memoryview(data)
    while left:
        left = left[os.write(number, left) :]


def _made(path: Path, name: str, where: int | None) -> int:
    try:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | CALM, 0o666, dir_fd=where)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _growing(path: Path, inside: Path | None) -> int:
    """Open a file that is written in place, at its end."""
    with place_of(path, inside) as place:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | CALM
        try:
            number = os.open(place.at(path.name), flags, 0o666, dir_fd=place.number)
        except OSError as error:
            if error.errno in LINKED:
                raise RunFolderError(odd(path)) from error
            raise OSError(error.errno, error.strerror, str(path)) from error
    found = os.fstat(number)
    if stat.S_ISREG(found.st_mode) and found.st_nlink < 2:
        return number
    os.close(number)
    raise RunFolderError(several(path, found.st_nlink) if stat.S_ISREG(found.st_mode) else odd(path))
