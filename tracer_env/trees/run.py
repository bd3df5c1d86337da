"""Growing trees into a folder, a few tasks at a time, so that a slow speaker may be interrupted.

    DIR/growing.json     what was asked for
    DIR/settings.toml    how the command line would ask for it again, where it did
    DIR/parts/00000/     the trees of the first tasks in all worlds, a complete tree folder; 00001 and so on

When all parts are there they are joined, the files of the tree folder are written beside them, ``trees.json``
last, and the parts are removed. A folder that was interrupted at any moment, by Ctrl-C or worse, is continued
at the first task that has no part; what it comes to is the same, byte by byte, as without the interruption.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from tracer_env.errors import ConfigError, DataError, RunFolderError
from tracer_env.executors.seam import Executor, opened
from tracer_env.intake.bounded import MEBIBYTE
from tracer_env.intake.checked import flag, line, load, plain, record, whole
from tracer_env.interfaces import Scenario, Speaker
from tracer_env.parts.casting import make_scenario, make_speaker
from tracer_env.parts.lessons import UNKNOWN, split_of, tasks_digest
from tracer_env.parts.seams import costs_nothing
from tracer_env.parts.task_contracts import check_each
from tracer_env.parts.worlds import check_worlds
from tracer_env.rules import Rules
from tracer_env.storage.files import write_text
from tracer_env.storage.folders import check_unrecorded, make_folder, owned
from tracer_env.storage.leftovers import remove_files
from tracer_env.store.keeping import check_store, kept
from tracer_env.terminal.progress import NoReporter, Reporter
from tracer_env.trees.arrays import number_utterances
from tracer_env.trees.chunks import Growing
from tracer_env.trees.files import FILES, rules_to_data, task_to_data, write_folder, write_trees
from tracer_env.trees.growth import speaker_name
from tracer_env.trees.levels import Level
from tracer_env.trees.shape import check_growable, utterances
from tracer_env.trees.tree import DialogueTrees
from tracer_env.types import Task, Utterance

__all__ = ["SETTINGS", "expand_run", "join"]

SETTINGS = "settings.toml"
"""What the command line was asked for, beside the trees."""

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
_TAKE_OUT = "take it out, and those after it: --resume grows them again"
_PART = re.compile(r"\d{8,}", re.ASCII)


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
    settings: str | None = None,
    executor: Mapping[str, Any] | Executor | None = None,
    store: str | None = None,
    offline: bool = False,
    reporter: Reporter | None = None,
) -> DialogueTrees:
    """Grow trees into the folder ``out`` and return them; ``resume`` continues what stands there.

    ``tasks_at_once`` is how many tasks go to the speaker together and how much an interruption can lose: 16 unless
    given, 4,096 for a speaker that costs nothing. ``settings`` are kept beside the trees as
    ``settings.toml``. ``executor`` says where the tasks go (`executors.seam`); the trees are the same, byte by byte,
    for any speaker whose words hang on their own request alone. ``store`` and ``offline`` say where a model's answers
    are kept, and whether they have to do (`store.keeping`). Raises what `expand` raises, and RunFolderError when
    ``out`` is taken, when there is nothing to resume, or when it was begun with other settings.
    """
    played, folder, tell = rules or Rules(), Path(out), reporter or NoReporter()
    check_growable(played)
    listed, voice = make_scenario(tasks), make_speaker(speaker)
    check_each(listed)
    grader, chosen, name = listed if scenario is None else make_scenario(scenario), list(listed), speaker_name(speaker)
    check_worlds(voice, worlds, seed)
    split = split_of(listed)
    plan = _plan(chosen, played, seed, worlds, name, texts)
    begun = {_PLAN: _text(plan), f"{_PARTS}/": None, **({} if settings is None else {SETTINGS: settings})}
    usual, free = tasks_at_once or (4096 if costs_nothing(voice) else 16), costs_nothing(voice)

    def grow(some: Sequence[Task]) -> Generator[DialogueTrees, None, None]:
        """Yield the trees of these tasks, some at a time, in their order."""
        if not some:
            return
        with opened(executor) as doing:
            at_once = doing.size(usual, len(some), free)
            work = Growing(voice, grader, played, seed, worlds, texts, split, doing.apart)
            yield from doing.run(work, (some[first : first + at_once] for first in range(0, len(some), at_once)))

    check_store(voice, store, offline, folder)
    _recognise(folder, plan, played, resume, begun)
    with owned(folder, (_PARTS,)):
        done = _done(folder, plan, played, None if resume else begun, chosen, {name, speaker_name(voice)})
        if done is not None:
            with kept(voice, store, folder, offline):
                _grow(folder, grow, chosen, done, tell)
            parts = [DialogueTrees.load(part, played) for part in _parts(folder)]
            write_trees(join(parts, name), folder)
            (folder / _PLAN).unlink()
        _clear(folder)
        return DialogueTrees.load(folder, played)


def _grow(
    folder: Path,
    grow: Callable[[Sequence[Task]], Generator[DialogueTrees, None, None]],
    tasks: list[Task],
    done: int,
    tell: Reporter,
) -> None:
    """Grow the parts that are missing."""
    began, tokens, fresh = time.monotonic(), 0, done
    tell.start("growing trees", len(tasks), done)
    with closing(grow(tasks[done:])) as parts:
        for grown in parts:
            write_folder(grown, folder / _PARTS / f"{done:08d}")
            done += len(grown.tasks)
            tokens += sum(int(level.completion_tokens.sum()) for level in grown.levels)
            rate = tokens / max(time.monotonic() - began, 1e-9)
            said = (done - fresh) * grown.worlds * utterances(grown.rules)
            tell.reach(done, f"{rate:,.0f} tokens/s, {said:,} utterances")


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
    splits = {part.split for part in parts}
    split = splits.pop() if len(splits) == 1 else UNKNOWN
    return DialogueTrees(first.rules, tasks, first.worlds, first.seed, levels, said, name, split)


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
    return {
        "rules": rules_to_data(rules),
        "seed": seed,
        "worlds": worlds,
        "speaker": speaker,
        "texts": texts,
        "tasks": tasks_digest(tasks),
    }


def _recognise(folder: Path, plan: dict[str, Any], rules: Rules, resume: bool, begun: Mapping[str, str | None]) -> None:
    """Raise RunFolderError unless the folder is one to begin in, or to continue; nothing is changed in it."""
    if not resume:
        check_unrecorded(folder, begun)
        make_folder(folder)
    elif (folder / _PLAN).is_file():
        _refuse_changes(folder, _begun(folder), plan)
    else:
        DialogueTrees.load(folder, rules)  # finished, or an error that says what this folder is


def _done(
    folder: Path,
    plan: dict[str, Any],
    rules: Rules,
    begun: Mapping[str, str | None] | None,
    tasks: list[Task],
    spoken: set[str],
) -> int | None:
    """Prepare the folder, which is ours by now; return how many tasks are done, or None when all is finished.

    ``begun``: the files that a new folder begins with; None when one is continued.
    ``spoken``: the names that the speaker may have in a part.
    """
    if begun is not None:
        check_unrecorded(folder, begun)
        for name, text in begun.items():
            if text is not None:
                write_text(folder / name, text, inside=folder)
        (folder / _PARTS).mkdir(exist_ok=True)
        return 0
    if not (folder / _PLAN).is_file():
        whole = DialogueTrees.load(folder, rules)
        answered = _plan(whole.tasks, rules, whole.seed, whole.worlds, whole.speaker, whole.texts is not None)
        _refuse_changes(folder, answered, plan)
        return None
    _refuse_changes(folder, _begun(folder), plan)
    (folder / _PARTS).mkdir(exist_ok=True)
    done = 0
    for part in _parts(folder):
        if int(part.name) != done:
            raise DataError(f"{folder} is damaged: the trees of the tasks from {done} on are missing; grow them again")
        there = DialogueTrees.load(part, rules)
        due = tasks[done : done + len(there.tasks)]
        found = {"seed": there.seed, "worlds": there.worlds, "texts": there.texts is not None}
        other = [key for key, value in found.items() if value != plan[key]]
        other += ["speaker"] if there.speaker not in spoken else []
        other += ["tasks"] if list(map(task_to_data, there.tasks)) != list(map(task_to_data, due)) else []
        if other:
            raise DataError(f"{part} holds trees of another run; they differ in: {', '.join(other)}; {_TAKE_OUT}")
        done += len(due)
    return done


def _begun(folder: Path) -> dict[str, Any]:
    remedy = "grow the trees anew, into another folder"
    begun: dict[str, Any] = load(folder / _PLAN, _PLAN_DATA, most=MEBIBYTE, remedy=remedy)
    return begun


def _text(plan: dict[str, Any]) -> str:
    return json.dumps(plan, indent=1) + "\n"


def _refuse_changes(folder: Path, begun: dict[str, Any], plan: dict[str, Any]) -> None:
    if changed := [name for name in plan if begun.get(name) != plan[name]]:
        raise RunFolderError(f"{folder} was begun with other settings; they differ in: {', '.join(changed)}")


def _parts(folder: Path) -> list[Path]:
    """Return the parts in order, which are complete; whatever else stands there is none of ours."""
    found = (folder / _PARTS).iterdir() if (folder / _PARTS).is_dir() else ()
    return sorted(part for part in found if _PART.fullmatch(part.name))


def _clear(folder: Path) -> None:
    """Remove the parts, which the trees have taken up: our files by their names, and folders that are empty then."""
    for part in _parts(folder):
        remove_files(part, FILES, inside=folder)
    remove_files(folder / _PARTS, (), inside=folder)
