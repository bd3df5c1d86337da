"""Writing and removing: a file is complete or absent, and nothing outside its folder is ever touched.

    write_text, write_bytes     data under a name of our own, then renamed
    write_with                  the same for libraries that want a path to write to
    append, cut                 a file that grows, whole lines at a time
    refuse_links                says what in a folder would lead out of it, before anything is written
    sweep, remove_tree          what dead writers left behind; folders that we made ourselves

What is being written is called ``.<name>.<pid>-<number>.tracer-env``, is made anew (never opened where something
stands), and is held locked while its writer lives: so `sweep` can tell the leftovers of the dead, removes these
alone, and leaves every other file. A folder may come from a stranger. ``inside`` names the folder that must not be
left: each folder from there on is opened without following a link, and the file is made and renamed relative to the
opened folder, so that a link put there in the meantime leads nowhere either. Where the system lacks such calls
(Windows) the names are checked instead.

Failures of the machine (a full disk, a missing permission) come out as the system's own OSError with the path; what
somebody has to clear away, as RunFolderError. Either way what was half-written is gone.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracer_env.errors import RunFolderError
from tracer_env.locks import claim

__all__ = [
    "append",
    "cut",
    "force",
    "is_temporary",
    "refuse_links",
    "remove_tree",
    "sweep",
    "temporary_name",
    "write_bytes",
    "write_text",
    "write_with",
]

_OURS = re.compile(r"\.(?P<name>.+)\.\d+-\d+\.tracer-env", re.DOTALL)
_NUMBERS = itertools.count()
_RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_CALM = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How every file is opened: no link is followed, a pipe is not waited for."""


def write_text(path: Path, text: str, *, inside: Path | None = None, durable: bool = False) -> None:
    """Write a text as UTF-8 with the line ends it has; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), inside=inside, durable=durable)


def write_bytes(path: Path, data: bytes, *, inside: Path | None = None, durable: bool = False) -> None:
    """Write a file so that it is complete or absent; an older one is replaced.

    ``inside``: the folder that must not be left. ``durable``: wait until file and name are on the disk. Raises
    RunFolderError when something other than a plain file stands there, OSError when the disk does not take it.
    """
    with _replacing(path, inside, durable) as (number, _), os.fdopen(os.dup(number), "wb") as file:
        file.write(data)


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
            left = memoryview(data)
            while left:
                left = left[os.write(number, left) :]
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


def _growing(path: Path, inside: Path | None) -> int:
    """Open a file that is written in place, at its end."""
    with _folder_of(path, inside) as (where, parent):
        name = path.name if where is not None else str(parent / path.name)
        try:
            number = os.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT | _CALM, 0o666, dir_fd=where)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
                raise RunFolderError(_odd(path)) from error
            raise OSError(error.errno, error.strerror, str(path)) from error
    found = os.fstat(number)
    if stat.S_ISREG(found.st_mode) and found.st_nlink < 2:
        return number
    os.close(number)
    several = f"{path} is a file with {found.st_nlink} names; {_COPY}"
    raise RunFolderError(several if stat.S_ISREG(found.st_mode) else _odd(path))


_COPY = "writing would change it under the others too; put a copy in its place"
_CLEAR = "only plain files and folders are written to; move it away, or give another name"


def refuse_links(folder: Path) -> None:
    """Raise RunFolderError when anything below ``folder`` is neither a plain file nor a folder: a link, a pipe.

    The folder itself may be reached through a link.
    """
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                if entry.is_symlink() or not (entry.is_dir(follow_symlinks=False) or entry.is_file()):
                    raise RunFolderError(_odd(Path(entry.path)))


def temporary_name(name: str) -> str:
    """Return a name, new in this process, for what is being written and shall be called ``name``."""
    return f".{name}.{os.getpid()}-{next(_NUMBERS)}.tracer-env"


def is_temporary(found: str, name: str | None = None) -> bool:
    """Return whether ``found`` is what `temporary_name` gives, for ``name`` or for any."""
    match = _OURS.fullmatch(found)
    return match is not None and name in (None, match["name"])


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove the files in ``folder`` whose writers died before they were complete, those for ``name`` or all.

    Only plain files whose name is one of `temporary_name`'s, and that nobody holds; folders are left.
    """
    with suppress(FileNotFoundError, NotADirectoryError), _opened(folder) as where:
        for entry in os.scandir(folder if where is None else where):
            if is_temporary(entry.name, name) and entry.is_file(follow_symlinks=False):
                _remove_dead(entry.name if where is not None else str(folder / entry.name), where)


def remove_tree(path: Path, *, inside: Path) -> None:
    """Remove a folder that we made, with all in it; nothing happens when it is missing.

    Raises RunFolderError when it, or a folder between it and ``inside``, is a link, or when it lies elsewhere.
    """
    with _folder_of(path, inside) as (where, parent):
        name = path.name if where is not None else str(parent / path.name)
        try:
            found = os.stat(name, dir_fd=where, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(found.st_mode):
            raise RunFolderError(_odd(path))
        try:
            shutil.rmtree(name, dir_fd=where)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def force(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders
        return
    number = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | _CALM)
    try:
        os.fsync(number)
    finally:
        os.close(number)


# -- one place ------------------------------------------------------------------------------------


@contextmanager
def _replacing(path: Path, inside: Path | None, durable: bool) -> Iterator[tuple[int, Path]]:
    """Give an open, locked new file and its path; it takes the name of ``path`` at the end, or goes."""
    with _folder_of(path, inside) as (where, parent):
        at = (lambda name: name) if where is not None else (lambda name: str(parent / name))
        _refuse_odd(path, at(path.name), where)
        if inside is None:
            sweep(parent, path.name)
        temporary = temporary_name(path.name)
        number = os.open(at(temporary), os.O_RDWR | os.O_CREAT | os.O_EXCL | _CALM, 0o666, dir_fd=where)
        done = False
        try:
            with suppress(OSError):  # no locks here: nobody will know when we are dead, and nothing is swept
                claim(number)
            yield number, parent / temporary
            if durable:
                force(parent / temporary)
            if not _RELATIVE:  # Windows renames nothing that is open
                os.close(number)
                number = -1
            os.replace(at(temporary), at(path.name), src_dir_fd=where, dst_dir_fd=where)
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
                    os.unlink(at(temporary), dir_fd=where)


@contextmanager
def _folder_of(path: Path, inside: Path | None) -> Iterator[tuple[int | None, Path]]:
    """Give the folder that ``path`` lies in, opened without following a link below ``inside``."""
    parent, steps = path.parent, tuple[str, ...]()
    if inside is not None:
        try:
            steps = path.parent.relative_to(inside).parts
        except ValueError:
            steps = ("..",)
        if ".." in steps:
            raise RunFolderError(f"{path} lies outside {inside}, which is the only folder to be written to")
        parent = inside
    with _opened(parent) as where:
        number = where
        try:
            for step in steps:
                parent = parent / step
                before, number = number, _descend(number, parent)
                if before is not None and before != where:
                    os.close(before)
            yield number, parent
        finally:
            if number is not None and number != where:
                os.close(number)


def _descend(number: int | None, folder: Path) -> int | None:
    if number is None:
        if folder.is_symlink() or not folder.is_dir():
            raise RunFolderError(_odd(folder))
        return None
    try:
        return os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | _CALM, dir_fd=number)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR):
            raise RunFolderError(_odd(folder)) from error
        raise OSError(error.errno, error.strerror, str(folder)) from error


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """Give an open folder to name things in; None where the system has no such calls."""
    if not _RELATIVE:
        yield None
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield number
    finally:
        os.close(number)


def _refuse_odd(path: Path, name: str, where: int | None) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(name, dir_fd=where, follow_symlinks=False).st_mode):
            raise RunFolderError(_odd(path))


def _odd(path: Path) -> str:
    """Say what stands at a path where a plain file or folder belongs."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return f"{path} cannot be written to as a plain file; {_CLEAR}"
    kind = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFREG: "a file",
    }.get(stat.S_IFMT(mode), "a device")
    return f"{path} is {kind}; {_CLEAR}"


def _remove_dead(name: str, where: int | None) -> None:
    with suppress(OSError):  # another sweeper was quicker
        number = os.open(name, os.O_RDWR | _CALM, dir_fd=where)
        try:
            dead = claim(number)
        finally:
            os.close(number)
        if dead:
            os.unlink(name, dir_fd=where)
