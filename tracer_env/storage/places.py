"""Folders that may come from a stranger: opened step by step, without following a link.

    with place_of(path, inside) as place:
        os.unlink(place.at(path.name), dir_fd=place.number)

``inside`` names the folder that must not be left: each folder from there on is opened relative to the one before, so
that a link put there in the meantime leads nowhere. What stands above it is the caller's and may be reached through
links. Where the system lacks such calls (Windows) names are checked instead, and ``number`` is None.

`refuse_links` says what in a folder would lead out of it, before anything is written there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from tracer_env.errors import RunFolderError

__all__ = ["CALM", "LINKED", "RELATIVE", "Place", "odd", "place_of", "refuse_links", "refuse_second_names", "several"]

RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
"""Whether things can be named relative to an open folder."""
CALM = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How everything is opened: no link is followed, a pipe is not waited for."""
LINKED = (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR, errno.ENOTDIR)
"""What opening says to a link, a pipe without a reader, a folder for a file, or a file for a folder."""
_CLEAR = "only plain files and folders are written to; move it away, or give another name"
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFREG: "a file",
}


@dataclass(frozen=True)
class Place:
    """An open folder to name things in."""

    folder: Path
    number: int | None

    def at(self, name: str) -> str:
        """Return what a call with ``dir_fd=number`` takes for a name in this folder."""
        return name if self.number is not None else str(self.folder / name)

    def entries(self) -> list[os.DirEntry[str]]:
        """Return what stands in the folder; links are not followed when asked what they are without following."""
        with os.scandir(self.folder if self.number is None else self.number) as found:
            return list(found)

    def mode(self, name: str) -> int | None:
        """Return the mode of what has this name, a link's own; None when nothing has."""
        try:
            return os.stat(self.at(name), dir_fd=self.number, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None


@contextmanager
def place_of(path: Path, inside: Path | None) -> Iterator[Place]:
    """Give the folder that ``path`` lies in, open.

    Raises RunFolderError when it does not lie in ``inside``, or when a link leads to it.
    """
    steps = tuple[str, ...]()
    if inside is not None:
        if path.parent.is_relative_to(inside):
            steps = path.parent.relative_to(inside).parts
        if ".." in steps or not path.parent.is_relative_to(inside):
            raise RunFolderError(f"{path} lies outside {inside}, which is the only folder to be written to")
    folder = path.parent if inside is None else inside
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if RELATIVE else None
    try:
        for step in steps:
            folder = folder / step
            before, number = number, _descended(number, folder)
            if before is not None:
                os.close(before)
        yield Place(folder, number)
    finally:
        if number is not None:
            os.close(number)


def _descended(number: int | None, folder: Path) -> int | None:
    if number is None:
        if folder.is_symlink() or not folder.is_dir():
            raise RunFolderError(odd(folder))
        return None
    try:
        return os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | CALM, dir_fd=number)
    except OSError as error:
        if error.errno in LINKED:
            raise RunFolderError(odd(folder)) from error
        raise OSError(error.errno, error.strerror, str(folder)) from error


def refuse_links(folder: Path) -> None:
    """Raise RunFolderError when anything below ``folder`` is neither a plain file nor a folder: a link, a pipe.

    The folder itself may be reached through a link.
    """
    waiting = [folder]
    while waiting:
        inner = waiting.pop()
        gone = suppress(FileNotFoundError) if inner != folder else nullcontext()  # its owner has removed it meanwhile
        with gone, os.scandir(inner) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    raise RunFolderError(odd(Path(entry.path)))


def refuse_second_names(folder: Path, names: Iterable[str]) -> None:
    """Raise RunFolderError when one of these files has another name too: a change would show in both."""
    for path in (folder / name for name in names):
        with suppress(FileNotFoundError):
            if stat.S_ISREG((found := path.lstat()).st_mode) and found.st_nlink > 1:
                raise RunFolderError(several(path, found.st_nlink))


def several(path: Path, count: int) -> str:
    """Say that a file that is written in place has several names."""
    return f"{path} is a file with {count} names; writing would change it under the others too; put a copy in its place"


def odd(path: Path) -> str:
    """Say what stands at a path where a plain file or folder belongs."""
    try:
        kind = _KINDS.get(stat.S_IFMT(path.lstat().st_mode), "a device")
    except OSError:
        kind = "none any more"
    return f"{path} is {kind}; {_CLEAR}"
