"""Folders of dialogue trees: numbers as numpy arrays, tasks and texts as gzipped JSON lines.

    trees.json        schema, rules, seed, worlds, speaker, split and digest of the tasks, counts, and the digest of
                      each other file
    trees.npz         the arrays of all levels, as ``grade_0`` .. ``utterance_4``; what speakers tell of their own
                      words (``agrees_0`` .. ``margin_4``) where any does, which ``signals`` in trees.json says
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
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.intake.bounded import MEBIBYTE, parse, read_bytes, shown, shown_path, told
from tracer_env.intake.checked import Misfit, flag, line, listed, mapping, optional, plain, read, record, whole
from tracer_env.intake.stored_arrays import UNPACKING, Wanted, load_arrays
from tracer_env.intake.stored_lines import at_most
from tracer_env.parts.lessons import UNKNOWN, tasks_digest
from tracer_env.rules import SETTINGS, Rules
from tracer_env.schedules import RoundRobin
from tracer_env.settings import as_data
from tracer_env.storage.files import write_bytes, write_text
from tracer_env.storage.folders import unwritable
from tracer_env.storage.leftovers import put_folder, temporary_folder
from tracer_env.terminal.plain import command
from tracer_env.trees.checks import check_levels, check_texts, with_signals
from tracer_env.trees.levels import Level, TreeData
from tracer_env.trees.shape import MOST_TURNS, utterances
from tracer_env.trees.texts import TASK, RecordedTexts, read_tasks
from tracer_env.types import SIGNALS, Task, Utterance

__all__ = [
    "FILES",
    "load_tasks",
    "load_trees",
    "rules_to_data",
    "save_trees",
    "task_to_data",
    "write_folder",
    "write_trees",
]

SCHEMA = 2
_READ = (1, SCHEMA)  # the first one knew no signals
_HEAD, _ARRAYS, _TASKS, _TEXTS = "trees.json", "trees.npz", "tasks.jsonl.gz", "texts.jsonl.gz"
FILES = (_HEAD, _ARRAYS, _TASKS, _TEXTS)
"""The names of all files of such a folder; what says that it is complete comes first."""
Trees = TypeVar("Trees", bound=TreeData)


def save_trees(trees: TreeData, path: Path | str) -> None:
    """Write a new folder.

    Raises RunFolderError when something stands there already, ConfigError when it cannot be made, DiskError when the
    disk fails.
    """
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunFolderError(f"{target} exists already; choose another folder for the trees")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_folder(trees, target)
    except OSError as error:
        raise unwritable("the trees to", target, error) from error


def write_folder(trees: TreeData, target: Path) -> None:
    """Write a new folder, complete or absent; raises OSError when the disk does not take it."""
    with temporary_folder(target) as work:
        write_trees(trees, work)
        put_folder(work, target)


def write_trees(trees: TreeData, folder: Path) -> None:
    """Write the files of a tree folder into ``folder``, ``trees.json`` last, each complete or absent."""
    names = [_ARRAYS, _TASKS]
    write_bytes(folder / _ARRAYS, _packed(trees), inside=folder)
    write_bytes(folder / _TASKS, _lines(task_to_data(task) for task in trees.tasks), inside=folder)
    if trees.texts is not None:
        names.append(_TEXTS)
        write_bytes(folder / _TEXTS, _lines(map(_utterance_to_data, trees.texts)), inside=folder)
    head = {
        "schema": SCHEMA,
        "rules": rules_to_data(trees.rules),
        "seed": trees.seed,
        "worlds": trees.worlds,
        "speaker": trees.speaker,
        "split": trees.split,
        "tasks": len(trees.tasks),
        "tasks_digest": tasks_digest(trees.tasks),
        "texts": None if trees.texts is None else len(trees.texts),
        "signals": trees.told,
        "files": {name: _digest(folder / name) for name in names},
    }
    write_text(folder / _HEAD, json.dumps(head, indent=1) + "\n", inside=folder)


def load_trees(kind: type[Trees], path: Path | str, rules: Rules | None = None) -> Trees:
    """Read a folder of trees as ``kind``. ``rules`` are what the caller wants to play under, checked when given.

    Raises RunFolderError when the folder is none of ours, DataError when it is damaged or holds what no dialogue
    gives, ConfigError when the rules differ, or when the trees have a schedule of the user's own and ``rules`` do
    not bring it along.
    """
    folder = Path(path)
    head = _head(folder)
    played = _rules(head["rules"], rules, folder)
    count, worlds, texts = head["tasks"], head["worlds"], head["texts"]
    _check_counts(folder, head, played)
    tasks = read_tasks(folder / _TASKS, count)
    if head.get("tasks_digest", digest := tasks_digest(tasks)) != digest:
        said_digest = shown(head["tasks_digest"])
        raise DataError(f"{shown_path(folder / _HEAD)}: tasks_digest is {said_digest}, not {digest}; {_REMEDY}")
    levels = _levels(folder, played, count * worlds, head.get("signals", False))
    try:
        check_levels(played, levels, texts)
    except Misfit as misfit:
        raise DataError(f"{shown_path(folder / _ARRAYS)}: {misfit}; {_REMEDY}") from None
    said = None
    if texts is not None:
        check, told = partial(check_texts, played, levels), partial(with_signals, levels)
        said = RecordedTexts(folder / _TEXTS, texts, check, told)
    split = head.get("split", UNKNOWN)
    return kind(played, tasks, worlds, head["seed"], levels, said, head["speaker"], split)


def load_tasks(path: Path | str) -> tuple[Task, ...]:
    """Read the tasks of a folder of trees alone; raises like `load_trees`."""
    folder = Path(path)
    return read_tasks(folder / _TASKS, _head(folder)["tasks"])


def rules_to_data(rules: Rules) -> dict[str, Any]:
    """Return rules as plain data: their settings, the schedule's name, and who sits at each turn."""
    return {
        **as_data(rules),
        "schedule": type(rules.schedule).__name__,
        "seats": [[seat.agent, seat.role.name.lower()] for seat in rules.seats[1:]],
    }


# -- reading -------------------------------------------------------------------------------------

_REMEDY = "grow the trees again"
_HEAD_DATA = record(
    {
        "schema": whole(),
        "rules": record(
            {
                **SETTINGS,
                "max_turns": whole(1, MOST_TURNS),
                "schedule": line(),
                "seats": listed(listed(plain(0), 2, 2), MOST_TURNS),
            }
        ),
        "seed": whole(-(1 << 63), (1 << 64) - 1),
        "worlds": whole(1, (1 << 31) - 1),
        "speaker": line(4096),
        "tasks": whole(1, (1 << 31) - 1),
        "texts": optional(whole(0, (1 << 31) - 1)),
        "files": mapping(line(64)),
    },
    may_have={"split": line(200, 1), "tasks_digest": line(64), "signals": flag},  # those of before do not say it
)


def _expand(option: str, folder: Path) -> str:
    return command("tracer-env", "expand", option, folder)


def _head(folder: Path) -> dict[str, Any]:
    """Read ``trees.json`` and check the digests of the files that it names."""
    file = folder / _HEAD
    if not file.is_file():
        if not folder.exists():
            raise RunFolderError(f"there is no folder {folder}; grow trees with: {_expand('--out', folder)}")
        if (folder / "growing.json").is_file():
            raise RunFolderError(f"{folder} is not finished; continue it with: {_expand('--resume', folder)}")
        raise RunFolderError(f"{folder} is not a folder of dialogue trees: it has no {_HEAD}")
    data = parse(read_bytes(file, MEBIBYTE), str(file), remedy=_REMEDY)
    if isinstance(data, dict) and data.get("schema", SCHEMA) not in _READ:
        raise DataError(f"{shown_path(file)} has the schema {shown(data['schema'])}; this version reads 1 and {SCHEMA}")
    head = read(data, _HEAD_DATA, str(file), remedy=_REMEDY)
    files = head["files"]
    for name in (_ARRAYS, _TASKS, *([] if head["texts"] is None else [_TEXTS])):
        if not (folder / name).is_file():
            raise DataError(f"{folder} is damaged: {name} is missing")
        if files.get(name) != (found := _digest(folder / name)):
            said = shown(files.get(name))
            raise DataError(f"{folder}/{name} is damaged: its digest is {found}, {_HEAD} says {said}")
    return head


def _check_counts(folder: Path, head: dict[str, Any], rules: Rules) -> None:
    """Believe no count that the files beside cannot hold."""
    count, worlds, texts, each = head["tasks"], head["worlds"], head["texts"], utterances(rules)
    problem = None
    if count > at_most(folder / _TASKS):
        problem = f"tasks is {count}, which is more than {_TASKS} can hold"
    elif count * worlds * each >= 1 << 31:
        problem = f"worlds is {worlds}: {count} tasks in as many worlds are more than 2^31 utterances"
    elif texts is not None and (texts % each or texts < count * worlds * each):
        problem = f"texts is {texts}, but {count * worlds} trees have {each} utterances each"
    elif texts is not None and texts > at_most(folder / _TEXTS):
        problem = f"texts is {texts}, which is more than {_TEXTS} can hold"
    if problem:
        raise DataError(f"{shown_path(folder / _HEAD)}: {problem}; {_REMEDY}")


def _rules(data: dict[str, Any], wanted: Rules | None, folder: Path) -> Rules:
    if wanted is not None:
        ours = rules_to_data(wanted)
        if differing := [f"{name} {shown(data[name])} not {ours[name]}" for name in ours if data[name] != ours[name]]:
            raise ConfigError(f"these trees were grown under other rules: {', '.join(differing)}")
        return wanted
    if data["schedule"] != RoundRobin.__name__:
        raise ConfigError(f"these trees were grown under the schedule {shown(data['schedule'])}; give it with rules=")
    rules = Rules(**{name: data[name] for name in SETTINGS})
    if data["seats"] != rules_to_data(rules)["seats"]:
        raise DataError(f"{shown_path(folder / _HEAD)}: rules.seats are not those of the schedule; {_REMEDY}")
    return rules


def _levels(folder: Path, rules: Rules, rows: int, signals: bool) -> tuple[Level, ...]:
    kinds = {**_TYPES, **(_TOLD if signals else {})}
    wanted = {
        f"{name}_{depth}": Wanted(kind, (rows, 1 << depth))
        for depth in range(rules.max_turns)
        for name, kind in kinds.items()
    }
    try:
        found = load_arrays(folder / _ARRAYS, wanted)
    except Misfit as misfit:
        raise DataError(f"{shown_path(folder / _ARRAYS)}: {misfit}; {_REMEDY}") from None
    except UNPACKING as error:
        raise DataError(f"{shown_path(folder / _ARRAYS)} is no archive of arrays ({told(error)}); {_REMEDY}") from error
    return tuple(Level(**{name: found[f"{name}_{depth}"] for name in kinds}) for depth in range(rules.max_turns))


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
_TOLD: dict[str, Any] = {"agrees": np.int8, **dict.fromkeys(SIGNALS, np.float32)}


# -- writing -------------------------------------------------------------------------------------


def _packed(trees: TreeData) -> bytes:
    """Return the arrays as one compressed npz; zip entries made by name carry no time of writing."""
    names = [*_TYPES, *(_TOLD if trees.told else ())]
    arrays = {f"{name}_{depth}": getattr(level, name) for depth, level in enumerate(trees.levels) for name in names}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return buffer.getvalue()


def task_to_data(task: Task) -> dict[str, Any]:
    """Return a task as it stands in a folder; raises ConfigError when it cannot be written."""
    data = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    try:
        data["metadata"] = json.loads(json.dumps(dict(task.metadata)))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"task {task.id!r}: its metadata cannot be written as JSON ({error})") from error
    data["options"] = list(task.options)
    read(data, TASK, f"task {shown(task.id)}", error=ConfigError)
    return data


def _utterance_to_data(said: Utterance) -> dict[str, Any]:
    """Return what differs from an utterance's defaults; what it tells of its words stands in the arrays."""
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
        "counted": said.counted,
    }
    return {name: value for name, value in data.items() if value != _DEFAULTS.get(name)}


_DEFAULTS: dict[str, Any] = {"finish": "stop", "dropped": 0, "answer": None, "rule": "", "grade": None}
_DEFAULTS |= {"verdict": "none", "counted": True}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
