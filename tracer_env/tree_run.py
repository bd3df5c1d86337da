"""Growing trees into a folder, a few tasks at a time, so that a slow speaker may be interrupted.

    DIR/growing.json     what was asked for
    DIR/parts/00000/     the trees of the first tasks in all worlds, a complete tree folder; 00001 and so on

When all parts are there they are joined, the files of the tree folder are written beside them, ``trees.json``
last, and the parts are removed. A folder that was interrupted at any moment, by Ctrl-C or worse, is continued
at the first task that has no part; what it comes to is the same, byte by byte, as without the interruption.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracer_env.bounded import MEBIBYTE
from tracer_env.casting import make_scenario, make_speaker
from tracer_env.checked import flag, line, load, plain, record, whole
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.progress import NoReporter, Reporter
from tracer_env.rules import Rules
from tracer_env.runs import write_text
from tracer_env.tree import DialogueTrees, Level
from tracer_env.tree_arrays import number_utterances
from tracer_env.tree_files import load_trees, rules_to_data, write_trees
from tracer_env.tree_growth import expand, speaker_name
from tracer_env.tree_shape import check_growable, utterances
from tracer_env.types import Task, Utterance

__all__ = ["expand_run", "join"]

_PLAN, _PARTS = "growing.json", "parts"
_PLAN_DATA = record(
    {
        "rules": record({}, others=plain(2)),
        "seed": whole(-(1 << 63), (1 << 64) - 1),
        "worlds": whole(1, (1 << 31) - 1),
        "speaker": line(4096),
        "texts": flag,
        "tasks": line(64),
    }
)


def expand_run(
    tasks: str | Scenario | Sequence[Task],
    speaker: str | Speaker | Callable[[str], str],
    rules: Rules | None = None,
    seed: int = 0,
    worlds: int = 1,
    *,
    out: Path | str,
    resume: bool = False,
    scenario: str | Scenario | None = None,
    texts: bool = True,
    tasks_at_once: int | None = None,
    reporter: Reporter | None = None,
) -> DialogueTrees:
    """Grow trees into the folder ``out`` and return them; ``resume`` continues what stands there.

    ``tasks_at_once`` is how many tasks go to the speaker together and how much an interruption can lose: 16 unless
    given, 4,096 for a speaker that costs nothing. Raises what `expand` raises, and RunFolderError when ``out``
    is taken, when there is nothing to resume, or when it was begun with other settings.
    """
    played, folder, tell = rules or Rules(), Path(out), reporter or NoReporter()
    check_growable(played)
    listed, voice = make_scenario(tasks), make_speaker(speaker)
    grader, chosen, name = listed if scenario is None else make_scenario(scenario), list(listed), speaker_name(speaker)
    plan = _plan(chosen, played, seed, worlds, name, texts)
    at_once = tasks_at_once or (4096 if getattr(voice, "free", False) else 16)
    if (done := _open(folder, plan, played, resume)) is None:
        return load_trees(folder, played)
    began, tokens, fresh = time.monotonic(), 0, done
    tell.start("growing trees", len(chosen), done)
    while done < len(chosen):
        some = chosen[done : done + at_once]
        grown = expand(some, voice, played, seed, worlds, scenario=grader, texts=texts)
        grown.save(folder / _PARTS / f"{done:08d}")
        done += len(some)
        tokens += sum(int(level.completion_tokens.sum()) for level in grown.levels)
        rate = tokens / max(time.monotonic() - began, 1e-9)
        tell.reach(done, f"{rate:,.0f} tokens/s, {(done - fresh) * worlds * utterances(played):,} utterances")
    parts = [load_trees(part, played) for part in _parts(folder)]
    write_trees(join(parts, name), folder)
    (folder / _PLAN).unlink()
    shutil.rmtree(folder / _PARTS)
    return load_trees(folder, played)


def join(parts: Sequence[DialogueTrees], speaker: str | None = None) -> DialogueTrees:
    """Return the grown trees of several lists of tasks as those of one list, in that order.

    Raises ConfigError when there is none, or when rules, seeds, worlds, or the presence of texts differ.
    """
    if not parts:
        raise ConfigError("there are no trees to join")
    first, each = parts[0], utterances(parts[0].rules)
    for part in parts:
        if (part.rules, part.seed, part.worlds) != (first.rules, first.seed, first.worlds):
            raise ConfigError("trees can be joined when their rules, seeds and numbers of worlds are the same")
        if len(part.texts or ()) != (0 if first.texts is None else part.rows * each):
            raise ConfigError("trees can be joined when either all of them keep their texts or none")
    places = [(part, row) for world in range(first.worlds) for part in parts for row in _world(part, world)]
    levels = tuple(_joined(parts, depth) for depth in range(first.rules.max_turns))
    number_utterances(first.rules, levels, 0)
    said: list[Utterance] | None = None
    if first.texts is not None:
        said = [text for part, row in places for text in (part.texts or ())[row * each : (row + 1) * each]]
    tasks = tuple(task for part in parts for task in part.tasks)
    name = first.speaker if speaker is None else speaker
    return DialogueTrees(first.rules, tasks, first.worlds, first.seed, levels, said, name)


def _world(part: DialogueTrees, world: int) -> range:
    return range(world * len(part.tasks), (world + 1) * len(part.tasks))


def _joined(parts: Sequence[DialogueTrees], depth: int) -> Level:
    """Lay the parts of one depth end to end, world by world."""
    pieces = [
        (part.levels[depth], slice(rows.start, rows.stop))
        for world in range(parts[0].worlds)
        for part in parts
        for rows in [_world(part, world)]
    ]
    names = Level.__dataclass_fields__
    return Level(**{name: np.concatenate([getattr(level, name)[rows] for level, rows in pieces]) for name in names})


def _plan(tasks: Sequence[Task], rules: Rules, seed: int, worlds: int, speaker: str, texts: bool) -> dict[str, Any]:
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(json.dumps([task.id, task.question, task.answer]).encode())
    return {
        "rules": rules_to_data(rules),
        "seed": seed,
        "worlds": worlds,
        "speaker": speaker,
        "texts": texts,
        "tasks": digest.hexdigest()[:16],
    }


def _open(folder: Path, plan: dict[str, Any], rules: Rules, resume: bool) -> int | None:
    """Prepare the folder; return how many tasks are done, or None when all is finished."""
    if not resume:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunFolderError(
                f"{folder} exists already; choose another --out, or continue it with --resume {folder}"
            )
        try:
            (folder / _PARTS).mkdir(parents=True)
            write_text(folder / _PLAN, json.dumps(plan, indent=1) + "\n")
        except OSError as error:
            raise RunFolderError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        return 0
    if not (folder / _PLAN).is_file():
        whole = load_trees(folder, rules)  # finished, or an error that says what this folder is
        _refuse_changes(folder, _plan(whole.tasks, rules, whole.seed, whole.worlds, whole.speaker, plan["texts"]), plan)
        shutil.rmtree(folder / _PARTS, ignore_errors=True)
        return None
    begun = load(folder / _PLAN, _PLAN_DATA, most=MEBIBYTE, remedy="grow the trees anew, into another folder")
    _refuse_changes(folder, begun, plan)
    return sum(len(load_trees(part, rules).tasks) for part in _parts(folder))


def _refuse_changes(folder: Path, begun: dict[str, Any], plan: dict[str, Any]) -> None:
    if changed := [name for name in plan if begun.get(name) != plan[name]]:
        raise RunFolderError(f"{folder} was begun with other settings; they differ in: {', '.join(changed)}")


def _parts(folder: Path) -> list[Path]:
    """Return the complete parts in order; what was being written when a run died is cleared away."""
    found = sorted((folder / _PARTS).iterdir())
    for part in found:
        if part.name.startswith("."):
            shutil.rmtree(part)
    return [part for part in found if not part.name.startswith(".")]
