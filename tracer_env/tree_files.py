"""Folders of dialogue trees: numbers as numpy arrays, tasks and texts as gzipped JSON lines.

    trees.json        schema, rules, seed, worlds, speaker, counts, and the digest of each other file
    trees.npz         the arrays of all levels, as ``grade_0`` .. ``utterance_4``
    tasks.jsonl.gz    one task a line
    texts.jsonl.gz    one utterance a line, absent when the trees keep no texts

numpy and the standard library read it, and nothing in it is code: arrays are read without pickle. The same trees
give the same bytes. A folder is written under a temporary name and renamed; ``trees.json`` is written last, so a
folder that has it is complete. Texts are read when somebody first asks for one.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.rules import RoundRobin, Rules
from tracer_env.tree import DialogueTrees, Level
from tracer_env.types import Grade, Task, Utterance, Verdict

__all__ = ["RecordedTexts", "load_tasks", "load_trees", "rules_to_data", "save_trees", "write_trees"]

SCHEMA = 1
_HEAD, _ARRAYS, _TASKS, _TEXTS = "trees.json", "trees.npz", "tasks.jsonl.gz", "texts.jsonl.gz"
_PLAIN_RULES = ("num_agents", "max_turns", "stop_when", "final_answer", "history_window")
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zlib.error, zipfile.BadZipFile)


def save_trees(trees: DialogueTrees, path: Path | str) -> None:
    """Write a new folder; raises RunFolderError when something stands there already or it cannot be made."""
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunFolderError(f"{target} exists already; choose another folder for the trees")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        write_trees(trees, temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise RunFolderError(f"cannot write the trees to {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_trees(trees: DialogueTrees, folder: Path) -> None:
    """Write the files of a tree folder into ``folder``, ``trees.json`` last, each complete or absent."""
    names = [_ARRAYS, _TASKS]
    _write(folder / _ARRAYS, _packed(trees))
    _write(folder / _TASKS, _lines(_task_to_data(task) for task in trees.tasks))
    if trees.texts is not None:
        names.append(_TEXTS)
        _write(folder / _TEXTS, _lines(map(_utterance_to_data, trees.texts)))
    head = {
        "schema": SCHEMA,
        "rules": rules_to_data(trees.rules),
        "seed": trees.seed,
        "worlds": trees.worlds,
        "speaker": trees.speaker,
        "tasks": len(trees.tasks),
        "texts": None if trees.texts is None else len(trees.texts),
        "files": {name: _digest(folder / name) for name in names},
    }
    _write(folder / _HEAD, (json.dumps(head, indent=1) + "\n").encode())


def load_trees(path: Path | str, rules: Rules | None = None) -> DialogueTrees:
    """Read a folder of trees. ``rules`` are what the caller wants to play under, checked when given.

    Raises RunFolderError when the folder is none of ours, DataError when it is damaged, ConfigError when the
    rules differ, or when the trees have a schedule of the user's own and ``rules`` do not bring it along.
    """
    folder = Path(path)
    head = _head(folder)
    try:
        played = _rules(head["rules"], rules)
        tasks = tuple(_tasks(folder))
        seed, worlds, speaker = int(head["seed"]), int(head["worlds"]), str(head["speaker"])
        texts = None if head["texts"] is None else RecordedTexts(folder / _TEXTS, int(head["texts"]))
        levels = _levels(folder, played)
        _check_values(levels, played, len(tasks) * worlds, None if texts is None else len(texts))
    except ConfigError:
        raise
    except _DAMAGE as error:
        raise DataError(f"{folder} is damaged ({type(error).__name__}: {error}); grow the trees again") from error
    return DialogueTrees(played, tasks, worlds, seed, levels, texts, speaker)


def load_tasks(path: Path | str) -> tuple[Task, ...]:
    """Read the tasks of a folder of trees alone; raises like `load_trees`."""
    folder = Path(path)
    _head(folder)
    try:
        return tuple(_tasks(folder))
    except _DAMAGE as error:
        raise DataError(f"{folder}/{_TASKS} is damaged ({type(error).__name__}: {error})") from error


def rules_to_data(rules: Rules) -> dict[str, Any]:
    """Return rules as plain data: their settings, the schedule's name, and who sits at each turn."""
    return {
        **{name: getattr(rules, name) for name in _PLAIN_RULES},
        "schedule": type(rules.schedule).__name__,
        "seats": [[seat.agent, seat.role.name.lower()] for seat in rules.seats[1:]],
    }


class RecordedTexts(Sequence[Utterance]):
    """The utterances of a folder, read from the disk when the first one is asked for."""

    def __init__(self, path: Path, count: int) -> None:
        self._path, self._count = path, count
        self._read: list[Utterance] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Utterance]: ...
    def __getitem__(self, index: int | slice) -> Utterance | Sequence[Utterance]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Utterance]:
        return iter(self._all())

    def _all(self) -> list[Utterance]:
        if self._read is None:
            try:
                read = [_utterance_from_data(data) for data in _read_lines(self._path)]
            except _DAMAGE as error:
                raise DataError(f"{self._path} is damaged ({type(error).__name__}: {error})") from error
            if len(read) != self._count:
                raise DataError(f"{self._path} holds {len(read)} utterances, {_HEAD} says {self._count}")
            self._read = read
        return self._read


# -- reading -------------------------------------------------------------------------------------


def _head(folder: Path) -> dict[str, Any]:
    """Read ``trees.json`` and check the digests of the files that it names."""
    file = folder / _HEAD
    if not file.is_file():
        if not folder.exists():
            raise RunFolderError(f"there is no folder {folder}; grow trees with: tracer-env expand --out {folder}")
        if (folder / "growing.json").is_file():
            raise RunFolderError(f"{folder} is not finished; continue it with: tracer-env expand --resume {folder}")
        raise RunFolderError(f"{folder} is not a folder of dialogue trees: it has no {_HEAD}")
    try:
        head: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        schema, files = head["schema"], dict(head["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged ({type(error).__name__}: {error})") from error
    if schema != SCHEMA:
        raise DataError(f"{file} has the schema {schema!r}; this version reads {SCHEMA}")
    for name in (_ARRAYS, _TASKS, *([] if head.get("texts") is None else [_TEXTS])):
        if not (folder / name).is_file():
            raise DataError(f"{folder} is damaged: {name} is missing")
        if files.get(name) != (found := _digest(folder / name)):
            raise DataError(f"{folder}/{name} is damaged: its digest is {found}, {_HEAD} says {files.get(name)}")
    return head


def _rules(data: dict[str, Any], wanted: Rules | None) -> Rules:
    plain = {name: data[name] for name in _PLAIN_RULES}
    if wanted is not None:
        ours = rules_to_data(wanted)
        if differing := [f"{name} {data[name]} not {ours[name]}" for name in ours if data[name] != ours[name]]:
            raise ConfigError(f"these trees were grown under other rules: {', '.join(differing)}")
        return wanted
    if data["schedule"] != RoundRobin.__name__:
        raise ConfigError(f"these trees were grown under the schedule {data['schedule']!r}; give it with rules=")
    try:
        return Rules(**plain)
    except ConfigError as error:
        raise DataError(f"the {_HEAD} of these trees is damaged: {error}") from error


def _levels(folder: Path, rules: Rules) -> tuple[Level, ...]:
    with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
        names = Level.__dataclass_fields__
        return tuple(
            Level(**{name: arrays[f"{name}_{depth}"].astype(_TYPES[name], copy=False) for name in names})
            for depth in range(rules.max_turns)
        )


_TYPES: dict[str, Any] = {
    "grade": np.int8,
    "vote": np.int8,
    "answer": np.int32,
    "final_correct": np.bool_,
    "verdict": np.int8,
    "prompt_tokens": np.int32,
    "completion_tokens": np.int32,
    "utterance": np.int32,
}


def _check_values(levels: Sequence[Level], rules: Rules, rows: int, texts: int | None) -> None:
    """Raise ValueError for arrays that no dialogue gives; what a digest cannot know."""
    limits = {
        "grade": (min(Grade), max(Grade)),
        "verdict": (min(Verdict), max(Verdict)),
        "vote": (-rules.max_turns, rules.max_turns),
        "utterance": (-1, np.iinfo(np.int32).max if texts is None else texts - 1),
    }
    if rows < 1:
        raise ValueError("it has no tasks")
    for depth, level in enumerate(levels):
        for name, array in vars(level).items():
            if array.shape != (rows, 1 << depth):
                raise ValueError(f"{name}_{depth} has the shape {array.shape}, not {(rows, 1 << depth)}")
            low, high = limits.get(name, (-np.inf, np.inf))
            if array.min() < low or array.max() > high:
                raise ValueError(f"{name}_{depth} leaves the range {low} to {high}")


def _tasks(folder: Path) -> Iterator[Task]:
    for data in _read_lines(folder / _TASKS):
        yield Task(**{**data, "options": tuple(data["options"])})


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def _utterance_from_data(data: dict[str, Any]) -> Utterance:
    grade, verdict = data.pop("grade", None), data.pop("verdict", "none")
    return Utterance(**data, grade=None if grade is None else Grade[grade.upper()], verdict=Verdict[verdict.upper()])


# -- writing -------------------------------------------------------------------------------------


def _packed(trees: DialogueTrees) -> bytes:
    """Return the arrays as one compressed npz; zip entries made by name carry no time of writing."""
    arrays = {f"{name}_{depth}": a for depth, level in enumerate(trees.levels) for name, a in vars(level).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return buffer.getvalue()


def _task_to_data(task: Task) -> dict[str, Any]:
    data = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    try:
        data["metadata"] = json.loads(json.dumps(dict(task.metadata)))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"task {task.id!r}: its metadata cannot be written as JSON ({error})") from error
    return {**data, "options": list(task.options)}


def _utterance_to_data(said: Utterance) -> dict[str, Any]:
    """Return what differs from an utterance's defaults."""
    data: dict[str, Any] = {
        "text": said.text,
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.completion_tokens,
        "finish": said.finish,
        "dropped": said.dropped,
        "answer": said.answer,
        "rule": said.rule,
        "grade": None if said.grade is None else said.grade.name.lower(),
        "verdict": said.verdict.name.lower(),
    }
    return {name: value for name, value in data.items() if value != _DEFAULTS.get(name)}


_DEFAULTS = {"finish": "stop", "dropped": 0, "answer": None, "rule": "", "grade": None, "verdict": "none"}


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
