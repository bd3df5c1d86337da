"""Checkpoints: a folder that is complete or absent, and whose every byte is checked before it is used.

    checkpoints/
      step_000030/            the one before
      step_000040/            the newest
        trainer.json, adapters/proposer.safetensors, ...      the parts
        manifest.json         written last: step, size and SHA-256 of each part

Saving: the parts are written into a hidden folder beside, each is forced to the disk, then the manifest,
then the folder is renamed; only then are older ones deleted. So whenever the process is killed, or the
disk is full, the last good checkpoint stands. What a killed process leaves is hidden, is never read,
and goes with the next save.

Loading: the newest folder whose manifest and parts hold is taken; each refused one costs one line.

Which settings a checkpoint goes with stands in its parts, where `trainers.gspo.state` compares them by name.

One process writes at a time. A part is loaded from its path as it was written; nothing here unpickles.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from tracer_env.errors import ConfigError, DataError, DiskError, RunFolderError
from tracer_env.intake.bounded import MEBIBYTE, parse, read_bytes, shown
from tracer_env.intake.checked import Misfit, Reader, also, line, load, mapping, plain, read, record, whole
from tracer_env.storage.files import force, write_text
from tracer_env.storage.leftovers import put_folder, remove_at_once, sweep, temporary_folder
from tracer_env.storage.places import odd, refuse_links
from tracer_env.trainers.support.tensor_files import system_error

__all__ = ["REMEDY", "Checkpoint", "Part", "newest", "prune", "save"]

SCHEMA = 1
MANIFEST = "manifest.json"
Part = Callable[[Path], object] | Mapping[str, Any] | Sequence[Any]
"""A function that writes a file or a folder at the path it is given, or data for a JSON file."""

_MOST_DATA = 512 * MEBIBYTE
T = TypeVar("T")
REMEDY = "move the checkpoint away to continue from the one before"
_SETTLED = re.compile(r"step_(\d{6,})(\.before)?")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files have been checked."""

    path: Path
    step: int

    def file(self, name: str) -> Path:
        """Return the path of a part, a file or a folder; raises RunFolderError when it has none of that name."""
        path = self.path / _inside(name)
        if not path.exists():
            raise RunFolderError(f"{self.path} holds no {name!r}; {REMEDY}")
        return path

    def data(self, name: str, reader: Reader[T]) -> T:
        """Return the data of a JSON part as ``reader`` takes it; raises RunFolderError when it is something else."""
        return load(self.file(name), reader, most=_MOST_DATA, error=RunFolderError, remedy=REMEDY)


def save(root: Path, step: int, parts: Mapping[str, Part], keep: int = 2) -> Path:
    """Write ``root/step_<step>`` and delete all but the last ``keep`` up to this step.

    ``parts`` gives each file its relative name. A checkpoint of the same step is replaced. Raises
    ConfigError for a name that leaves the folder, DiskError when the disk does not take it; the
    checkpoints that stood before still stand then.
    """
    if step < 0 or keep < 1:
        raise ConfigError(f"a checkpoint needs a step of at least 0 and keep of at least 1, got {step} and {keep}")
    names = {name: _inside(name) for name in parts}
    target = root / f"step_{step:06d}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _refuse_links(root)
        sweep(root)
        with temporary_folder(target) as work:
            for name, part in parts.items():
                _write(work / names[name], part)
            _seal(work, step)
            put_folder(work, target, target.with_name(f"{target.name}.before"))
            force(root)
        prune(root, step, keep)
    except Exception as error:
        system = system_error(error)
        if system is None:
            raise
        raise DiskError(_failure(root, target, system)) from error
    return target


def prune(root: Path, step: int, keep: int) -> None:
    """Delete what is older than the last ``keep`` complete ones; one that is not complete counts for nothing.

    Those of later steps stay: they are damaged, or somebody meant to keep them. A run that was killed between its
    last save and this is pruned when it goes on, even if no step is left to do.
    """
    complete = 0
    for path in _settled(root):
        if _number(path) > step:
            continue
        if complete < keep and _problem(path, contents=False) is None:
            complete += 1
        else:
            remove_at_once(path)


def newest(root: Path, tell: Callable[[str], None]) -> Checkpoint | None:
    """Return the newest checkpoint that holds, or None when there is none; ``tell`` hears of each that does not.

    Raises RunFolderError when it was saved in another format.
    """
    refused: list[tuple[str, str]] = []
    taken: Checkpoint | None = None
    for path in _settled(root):
        problem = _problem(path)
        if problem is None:
            taken = Checkpoint(path, _number(path))
            break
        refused.append((path.name, problem))
    instead = f"taking {taken.path.name}" if taken else "no earlier one holds"
    for name, problem in refused:
        tell(f"checkpoint {name} {problem}; {instead}")
    return taken


# -- writing -------------------------------------------------------------------------------------


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\\" in name or path.parts[0] == MANIFEST:
        raise ConfigError(f"{name!r} cannot name a part of a checkpoint; give a relative path other than {MANIFEST}")
    return path


def _write(path: Path, part: Part) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if callable(part):
        part(path)
        if not path.exists():
            raise ConfigError(f"the writer of the checkpoint's part {path.name!r} wrote nothing at its path")
    else:
        write_text(path, json.dumps(part) + "\n")


def _seal(folder: Path, step: int) -> None:
    """Force all parts to the disk and write the manifest, which makes the folder a checkpoint."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        force(path)
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
    content = {"schema": SCHEMA, "step": step, "files": files}
    manifest = folder / MANIFEST
    text = json.dumps({**content, "sha256": _digest(content)}, indent=1) + "\n"
    write_text(manifest, text, durable=True)
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        force(inner)
    force(folder)


def _refuse_links(root: Path) -> None:
    """Raise RunFolderError when a checkpoint would be written, or one deleted, anywhere else."""
    if root.is_symlink():
        raise RunFolderError(odd(root))
    refuse_links(root)


def _failure(root: Path, target: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    good = next((path.name for path in _settled(root) if _problem(path, contents=False) is None), None)
    stands = f"{good} still stands" if good else "no earlier one stands"
    return f"cannot save the checkpoint {target}: {reason}; {stands}; make room there and continue with --resume"


# -- reading -------------------------------------------------------------------------------------


def _settled(root: Path) -> list[Path]:
    """Return the folders of checkpoints, newest first."""
    if not root.is_dir():
        return []
    found = [path for path in root.iterdir() if _SETTLED.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: (_number(path), not path.name.endswith(".before")), reverse=True)


def _number(path: Path) -> int:
    return int(path.name.removeprefix("step_").removesuffix(".before"))


def _problem(path: Path, contents: bool = True) -> str | None:
    """Return what is wrong with a checkpoint, or None; without ``contents`` the files are only measured."""
    try:
        manifest = _manifest(path)
        if manifest["step"] != _number(path):
            return f"is damaged (its manifest is of step {manifest['step']})"
        return next(_faults(path, manifest["files"], contents), None)
    except FileNotFoundError:
        return f"is incomplete (it has no {MANIFEST})"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    except DataError as error:
        return f"is damaged ({error})"


def _manifest(path: Path) -> dict[str, Any]:
    if not (path / MANIFEST).exists():
        raise FileNotFoundError
    data = parse(read_bytes(path / MANIFEST, _MOST_DATA), MANIFEST)
    manifest = read(data, _MANIFEST_DATA, MANIFEST)
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    if manifest["sha256"] != _digest(content):
        raise DataError(f"{MANIFEST} is not as it was written")
    if manifest["schema"] != SCHEMA:
        raise RunFolderError(
            f"{path} has the format {manifest['schema']}, and this version reads {SCHEMA}; "
            "continue it with the version of tracer-env that wrote it"
        )
    return manifest


def _file_name(value: Any) -> str:
    """Read the name of a file that lies inside the folder."""
    name = line(1000, least=1)(value)
    try:
        inside = str(_inside(name))
    except ConfigError:
        inside = ""
    if name != inside:
        raise Misfit(f"is {shown(name)}; it must be a relative path that stays in the folder")
    return name


_SHA256 = also(line(64, least=64), lambda text: set(text) <= set("0123456789abcdef"), "a SHA-256")
_MANIFEST_DATA = record(
    {
        "schema": whole(),
        "step": whole(0),
        "files": mapping(record({"bytes": whole(0), "sha256": _SHA256}), 100_000, _file_name),
        "sha256": _SHA256,
    },
    others=plain(8),
)


def _faults(path: Path, files: Mapping[str, Mapping[str, Any]], contents: bool) -> Iterator[str]:
    for name, recorded in files.items():
        file = path / name
        if not file.is_file():
            yield f"lacks {name}"
            continue
        size = file.stat().st_size
        if size != recorded["bytes"]:
            kind = "truncated" if size < recorded["bytes"] else "damaged"
            yield f"is {kind} ({name}: {size} of {recorded['bytes']} bytes)"
        elif contents and _sha256(file) != recorded["sha256"]:
            yield f"is damaged ({name} is not as it was written)"
    if contents:
        found = (file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir())
        yield from (
            f"is damaged (it holds {shown(name)}, which {MANIFEST} does not know)"
            for name in found
            if name != MANIFEST and name not in files
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
