"""Code by its path: ``package.module:Name`` as Python imports it, ``file.py:Name`` read from the file.

A file is run once for its content, as a module of its own, and leaves no bytecode beside itself; its path is relative
to the working directory. Every mistake is one line: no such file or module, no such name (with the nearest), what the
code itself raised while it was run, with the line of the file.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.abc
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from tracer_env.errors import ConfigError, MissingExtraError, UserError, did_you_mean

__all__ = ["CODE", "found_at", "is_code", "own_line", "path_and_settings"]

CODE = re.compile(r"(?:[A-Za-z_][\w.]*|[^:]*\.py):[A-Za-z_]\w*")
"""What names code: a module or a file, and a name in it."""
_WITH_SETTINGS = re.compile(rf"(?P<path>{CODE.pattern}):(?P<settings>[A-Za-z_]\w*=.*)", re.DOTALL)


def is_code(name: str) -> bool:
    """Return whether a name has the form of code, with settings behind it or without."""
    return CODE.fullmatch(name) is not None or _WITH_SETTINGS.fullmatch(name) is not None


def path_and_settings(name: str) -> tuple[str, str]:
    """Take ``mine.py:Thrifty:budget=2`` apart into ``mine.py:Thrifty`` and ``budget=2``, empty where nothing is set."""
    parted = _WITH_SETTINGS.fullmatch(name)
    return (name, "") if parted is None else (parted["path"], parted["settings"])


def found_at(what: str, path: str) -> Any:
    """Return what stands at a path; ``what`` names it in errors (``speaker 'mine.py:Talk'``).

    Raises MissingExtraError where a package is missing, ConfigError where nothing stands there, and where the code
    itself fails while it is imported or run: with what it raised, and on which line.
    """
    place, _, name = path.rpartition(":")
    module = _file(what, Path(place)) if place.endswith(".py") else _module(what, place)
    if not place.endswith(".py") and (package := place.partition(".")[0]) != "tracer_env":
        _BROUGHT.add(package)
    if not hasattr(module, name):
        raise ConfigError(f"{what}: {_named(place)} has no {name!r}{did_you_mean(name, _public(module))}")
    return getattr(module, name)


def own_line(error: BaseException) -> str | None:
    """Return where code that was brought here by its path raised ``error`` or called what did: ``mine.py line 7``.

    None for an error that no such code had a part in.
    """
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(_PREFIX) or name.partition(".")[0] in _BROUGHT:
            found = f"{Path(frame.f_code.co_filename).name} line {line}"
    return found


_PREFIX = "tracer_env_file_"
_BROUGHT: set[str] = set()
"""Packages that were named by a user, by their first name."""


def _named(place: str) -> str:
    return place if place.endswith(".py") else f"the module {place!r}"


def _module(what: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and not name.startswith(error.name):
            raise MissingExtraError(what, error.name, "", f"pip install {error.name}") from error
        raise ConfigError(f"{what}: there is no module {name!r}; a file is given as file.py:Name") from error
    except Exception as error:
        raise ConfigError(f"{what}: {name} cannot be imported: {_told(error, '')}") from error


def _file(what: str, file: Path) -> ModuleType:
    """Run ``file`` as a module; the same file with the same content is run once, whatever comes from it."""
    try:
        source = file.read_bytes()
    except OSError as error:
        near = did_you_mean(file.name, sorted(each.name for each in Path(file.parent).glob("*.py")))
        reason = f"{error.strerror}{near}; paths start at {Path.cwd()}"
        raise ConfigError(f"{what}: {file} cannot be read: {reason}") from error
    mark = hashlib.blake2b(str(file.resolve()).encode() + b"\0" + source, digest_size=8).hexdigest()
    name = f"{_PREFIX}{mark}"
    if name in sys.modules:
        return sys.modules[name]
    specification = importlib.util.spec_from_loader(name, _Source(file, source))
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up while they are made
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{what}: {file} cannot be run: {_told(error, str(file))}") from error
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _Source(importlib.abc.SourceLoader):
    """Loads source that has been read, and writes no bytecode beside a file that is not ours."""

    def __init__(self, file: Path, source: bytes) -> None:
        self.file, self.source = file, source

    def get_filename(self, fullname: str) -> str:
        return str(self.file)

    def get_data(self, path: object) -> bytes:
        return self.source


def _told(error: Exception, file: str) -> str:
    """Return what code raised, and on which line of ``file``, in one line."""
    last = " ".join(traceback.format_exception_only(error)[-1].split())[:300]
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    return last if line is None or "line " in last else f"{last} (line {line})"


def _public(module: ModuleType) -> list[str]:
    """Return the names that a module offers: what it says itself, or else what it defines without an underscore."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return list(getattr(module, "__all__", own))
