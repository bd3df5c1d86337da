"""A folder that is written to: recognised before anything changes, owned by one writer, left clean.

    with owned(folder):
        ...

Before the block nothing in the folder may lead out of it (`refuse_links`), the lock is taken (`locked`), and what
dead writers left is swept. When the disk does not take what the block writes, the system's error comes out as a
`DiskError` that says what failed where, and how to go on.

`check_unrecorded` tells a folder that a run was killed in before its first record from one that holds anything else:
only the former is begun anew.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tracer_env.errors import ConfigError, DiskError, RunFolderError, UserError
from tracer_env.storage.endings import remedy
from tracer_env.storage.leftovers import is_temporary, sweep
from tracer_env.storage.locks import LOCK, locked
from tracer_env.storage.places import refuse_links, refuse_second_names
from tracer_env.terminal.plain import command

__all__ = ["check_unrecorded", "disk_error", "make_folder", "owned", "unwritable"]

_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EFBIG}
"""What the machine lacks, whatever was asked for."""

_MENDED = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room there and "),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "give the permission and "),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "raise the limit on open files (ulimit -n) and "),
    errno.EROFS: "make that file system writable and ",
}
"""What leads up to going on."""

_GROWING = ("episodes.jsonl", "metrics.jsonl")
"""What is written in place; everything else is made anew and takes the name of the old file."""


@contextmanager
def owned(folder: Path, below: Sequence[str] = ()) -> Iterator[None]:
    """Own a folder until the block ends; leftovers are swept there and in its folders ``below``.

    Raises RunFolderError when something in it leads out of it or another has it, DiskError when the disk fails.
    """
    try:
        refuse_links(folder)
        refuse_second_names(folder, _GROWING)
        with locked(folder):
            for name in ("", *below):
                sweep(folder / name)
            yield
    except OSError as error:
        _tell_folder(error, folder)
        if not _lies_in(error.filename, folder):
            raise
        raise disk_error(folder, error) from error
    except BaseException as error:
        _tell_folder(error, folder)
        raise


def _tell_folder(error: BaseException, folder: Path) -> None:
    """Let an error bear the folder that it left half-written: of folders inside each other the outermost, which goes on
    with all of them.
    """
    error.__dict__["run_folder"] = folder


def disk_error(folder: Path, error: OSError) -> DiskError:
    """Return what to tell when ``folder`` could not be written to."""
    on = f"continue with {command('--resume', folder)}" if _begun(folder) else "run the command again"
    if not folder.is_dir():
        on = "the folder is gone; begin anew"
    mend = _MENDED.get(error.errno or 0, "")
    return DiskError(f"cannot write {error.filename}: {error.strerror}; {mend}{on}")


def _begun(folder: Path) -> bool:
    """Whether anything stands in a folder to go on from."""
    try:
        return any(path.is_file() and not _ours(path) for path in folder.iterdir())
    except OSError:  # nobody may look
        return True


def unwritable(what: str, path: Path, error: OSError) -> UserError:
    """Return what to tell when a file that was asked for cannot be written: the machine's failure, or a bad place."""
    kind = DiskError if error.errno in _MACHINE else ConfigError
    return kind(f"cannot write {what} {path}: {error.strerror or error}; {remedy(error)}")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises RunFolderError where none can be, DiskError when the machine fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unmade(folder, error) from error


def _unmade(folder: Path, error: OSError) -> RunFolderError:
    kind = DiskError if error.errno in _MACHINE else RunFolderError
    link = " (a link that leads nowhere)" if error.errno == errno.EEXIST and folder.is_symlink() else ""
    return kind(f"cannot make the folder {folder}{link}: {error.strerror}; choose another --out")


def check_unrecorded(folder: Path, written: Mapping[str, str | None]) -> None:
    """Raise RunFolderError unless ``folder`` is missing, empty, or holds what a run wrote that never got a record.

    ``written``: the files of such a run in the order they are written, with their text, None for one that hangs on
    the machine; a name that ends in / is a folder, still empty. A later one counts only when the earlier ones stand.
    """
    taken = RunFolderError(
        f"{folder} exists already; choose another --out, or continue it with {command('--resume', folder)}"
    )
    try:
        if not folder.exists():
            return
    except OSError as error:
        raise _unmade(folder, error) from error
    if not folder.is_dir():
        raise taken
    found = {path.name: path for path in folder.iterdir()}
    for name, text in written.items():
        path = found.pop(name.rstrip("/"), None)
        if path is None:
            break
        whole = path.is_dir() if name.endswith("/") else path.is_file()
        if path.is_symlink() or not whole or not _as_written(path, text):
            raise taken
    if any(not _ours(path) for path in found.values()):
        raise taken


def _as_written(path: Path, text: str | None) -> bool:
    if path.is_dir():
        return all(_ours(each) for each in path.iterdir())
    return text is None or path.read_bytes() == text.encode("utf-8")


def _ours(path: Path) -> bool:
    return not path.is_symlink() and (is_temporary(path.name) or (path.name == LOCK and path.is_file()))


def _lies_in(name: object, folder: Path) -> bool:
    return isinstance(name, str) and Path(name).resolve().is_relative_to(folder.resolve())
