"""Comparing methods: same tasks, same utterances, one row each, in a run folder.

`compare` does the whole job from a `Config`: trains the tables that have not been trained (on the train split alone,
`learning`), plays all methods (`playing`), computes the metrics, writes the report. What it returns is a `Comparison`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tracer_env.compositions import check_ready, information_named
from tracer_env.episodes.mending import recover
from tracer_env.episodes.transcript import transcript_at
from tracer_env.errors import ConfigError
from tracer_env.executors.seam import Executor, opened
from tracer_env.interfaces import Controller, Scenario, Speaker
from tracer_env.parts.lessons import Lessons
from tracer_env.parts.own_parts import take_in
from tracer_env.parts.seams import costs_nothing
from tracer_env.parts.trust import check_recorded
from tracer_env.parts.worlds import worlds_of
from tracer_env.runs.compared import Comparison
from tracer_env.runs.config import Config
from tracer_env.runs.equal_tokens import equalised
from tracer_env.runs.folder import RunFolder
from tracer_env.runs.given import Given
from tracer_env.runs.learning import School, keep_given, lessons_of
from tracer_env.runs.players import Cast, cast_for
from tracer_env.runs.playing import play_missing
from tracer_env.runs.report import write_report
from tracer_env.runs.seeded import combined, lessons, open_part, played_under, spread_out
from tracer_env.runs.settling import learns_from_play, like, shared, taught
from tracer_env.runs.spending import FILE as SPENDING
from tracer_env.runs.spending import billed
from tracer_env.runs.voiced import check_words, voiced, words_trained
from tracer_env.statistics.outcome import described
from tracer_env.store.keeping import check_store, kept
from tracer_env.terminal.progress import Named, NoReporter, Reporter
from tracer_env.types import Task

__all__ = ["compare"]

_PACKAGES = ("torch", "transformers", "gymnasium", "pettingzoo")


def compare(
    config: Config | None = None,
    *,
    scenario: str | Scenario | Sequence[Task] | None = None,
    speaker: str | Speaker | Callable[[str], str] | Mapping[str, Any] | None = None,
    methods: Sequence[str] | None = None,
    controllers: Mapping[str, Controller] | None = None,
    limit: int | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    trust_code: bool = False,
    retry_failed: bool = False,
    offline: bool = False,
    executor: str | Mapping[str, Any] | Executor | None = None,
    reporter: Reporter | None = None,
) -> Comparison:
    """Compare methods and leave a run folder behind.

    ``scenario``, ``speaker``, ``methods``, ``limit``, ``worlds`` and ``seed`` take the place of what ``config`` says;
    scenario and speaker are names or objects, as in `env` and `expand`. ``controllers`` are objects by the names that
    their rows shall have, and stand below the methods that are named (alone, where none is). An object is recorded by
    its import path and marked as given: the folder's config.toml alone does not make it again.

    ``resume`` continues a folder and refuses a changed config; where nothing is asked for the folder's own is taken.
    Code that a folder's config or a controller's file names is refused unless ``trust_code`` is given (`trust`).
    ``retry_failed`` plays tasks again on which an episode of the folder failed. ``offline`` asks no model: what is not
    in the store of utterances (``config.speaker.store``) ends the run. ``executor`` takes the place of the
    config's: a name, a section ``[executor]`` or an object (`executors.seam`). Raises UserError subclasses for
    whatever cannot work, before the folder is made. A part that fails in play ends the comparison with its own error
    (SpeakerError, PartError, ControllerError), unless ``config.evaluation.on_error`` is ``skip``; so do Ctrl-C and a
    full disk. Whatever ended it, the episodes that were played are in the folder, and ``resume`` goes on to the same
    bytes. A finished folder is read, not played again.
    """
    given = Given(scenario, speaker, controllers)
    more = {"limit": limit, "worlds": worlds, "seed": seed}
    asked, folder = _reopened(config, resume, lambda config: given.asked(config, methods, more), given, trust_code)
    asked.check_unhooked("compare")
    take_in(asked.information)
    check_ready(information_named(asked.information))
    with opened(asked.executor if executor is None else executor) as doing:
        made = cast_for(asked, given.made(scenario), given.made(speaker), controllers, trust_code, doing)
        cast = replace(made, given=given.objects, offline=offline)
        tell = reporter or NoReporter()
        return _compared(asked, folder, cast, controllers, out, trust_code, retry_failed, tell)


def _compared(
    asked: Config,
    folder: RunFolder | None,
    cast: Cast,
    controllers: Mapping[str, Controller] | None,
    out: Path | str | None,
    trust_code: bool,
    retry_failed: bool,
    tell: Reporter,
) -> Comparison:
    """Train, play and report in a new folder, or in one that is continued."""
    continued = folder is not None
    if asked.evaluation.seeds:
        played_under(asked, cast.speaker, cast.to_train)
    check_store(cast.speaker, asked.speaker.store, cast.offline, None if folder is None else folder.path)
    if folder is None:
        folder, cast = _begun(asked, cast, controllers, trust_code, None if out is None else Path(out), tell)
        asked = folder.config
    with (
        folder.owned(),
        billed(cast.speaker, asked.budget, folder.path) as account,
        kept(cast.speaker, asked.speaker.store, folder.path, cast.offline),
    ):
        if continued:
            folder.check_tasks(cast.tasks)
            folder.check_models(cast.speaker)
        if asked.evaluation.seeds:
            part_of = partial(_part, whole=cast, given=controllers, trust_code=trust_code)
            done = _under_seeds(folder, cast, tell, retry_failed, part_of, trust_code)
        else:
            done = _whole(folder, cast, tell, retry_failed, trust_code)
        return done if account is None else replace(done, spent=account.spent)


def _begun(
    asked: Config,
    cast: Cast,
    controllers: Mapping[str, Controller] | None,
    trust_code: bool,
    out: Path | None,
    tell: Reporter,
) -> tuple[RunFolder, Cast]:
    """Make the folder of a new run, its methods set to equal tokens where that is asked for."""
    check_words(cast.methods, asked, trust_code)
    if out is not None:
        RunFolder.check_free(out, asked)
    with TemporaryDirectory(prefix="tracer-env-") as room:
        trees = Path(room) / "trees"
        if asked.evaluation.equal_tokens is not None:
            with billed(cast.speaker, asked.budget, Path(room)):
                asked, equal = equalised(asked, cast.speaker, controllers or (), trust_code, tell, trees)
            methods = cast_for(asked, cast.tasks, cast.speaker, controllers, trust_code, cast.doing)
            cast = replace(methods, given=cast.given, equal=equal)
        if learns_from_play(cast.to_train.values()):
            asked = taught(asked, costs_nothing(cast.speaker))
        asked = asked if "scenario" in cast.given else shared(asked)
        folder = RunFolder.create(asked, "compare", out)
        for kept in (trees, Path(room) / SPENDING):
            if kept.exists():
                shutil.move(kept, folder.path / kept.name)
    return folder, cast


def _with_words(folder: RunFolder, cast: Cast, trust_code: bool, tell: Reporter) -> Cast:
    """Return the cast with the methods ready whose words were trained, or are trained now."""
    waiting = words_trained(cast.methods)
    if waiting and cast.doing.apart:
        raise ConfigError(
            f"method {next(iter(waiting))} brings a model of its own, which is not sent to other processes; leave "
            "--executor out"
        )
    ready = {name: voiced(name, one, folder, trust_code, tell) for name, one in waiting.items()}
    return replace(cast, methods={**cast.methods, **ready}) if ready else cast


def _whole(folder: RunFolder, cast: Cast, tell: Reporter, retry_failed: bool, trust_code: bool) -> Comparison:
    """Train, play and report in a folder that is owned."""
    cast = _with_words(folder, cast, trust_code, tell)
    training = _trained(folder, cast, tell)
    promise = folder.promise(cast.tasks)
    if retry_failed:
        recover(folder.episodes, promise, again=lambda told: bool(told.failed))
    played = play_missing(folder, promise, cast.methods, cast.tasks, cast.speaker, tell, cast.doing)
    found = folder.settle(folder.config.evaluation.against, promise, played)
    write_report(folder.path, found.counted(folder.episodes))
    best = int(found.ledger.offsets[found.highlights.best()])
    interesting = transcript_at(folder.episodes, best)
    return Comparison(folder, folder.metrics()["rows"], training, interesting)


def _part(config: Config, whole: Cast, given: Mapping[str, Controller] | None, trust_code: bool) -> Cast:
    """Return who plays under one seed: the same tasks and speaker, and controllers of its own."""
    chosen = None if given is None else {name: given[name] for name in config.evaluation.methods if name in given}
    return replace(cast_for(config, whole.tasks, whole.speaker, chosen, trust_code, whole.doing), given=whole.given)


def _under_seeds(
    folder: RunFolder,
    cast: Cast,
    tell: Reporter,
    retry_failed: bool,
    part_of: Callable[[Config], Cast],
    trust_code: bool,
) -> Comparison:
    """Train, play and report once for each seed, in a folder that is owned, and once for all of them."""
    asked, done = folder.config, dict[int, Comparison]()
    configs = played_under(asked, cast.speaker, cast.to_train)
    shared = folder.path / "trees" if worlds_of(cast.speaker, asked.seed) is not None else None
    for number, (seed, config) in enumerate(configs.items(), 1):
        part, begun = open_part(folder, seed, config)
        playing = replace(part_of(config), trees=shared)
        with part.owned():
            if begun:
                part.check_tasks(playing.tasks)
                part.check_models(playing.speaker)
            named = Named(tell, f"seed {seed} ({number} of {len(configs)}): ")
            done[seed] = _whole(part, playing, named, retry_failed, trust_code)
    methods = {name: described(one, asked.rules) for name, one in cast.methods.items()}
    folder.write_environment(
        cast.tasks, _PACKAGES, cast.speaker, lessons(folder), methods, given=cast.given, equal=_equal(folder, cast)
    )
    counted = spread_out(folder)
    folder.write("metrics.json", json.dumps(combined(folder, counted), indent=1) + "\n")
    write_report(folder.path, counted)
    first = done[asked.evaluation.seeds[0]]
    training = {str(seed): each.training for seed, each in done.items()}
    return Comparison(folder, folder.metrics()["rows"], training, first.interesting, shown=first.run)


def _reopened(
    config: Config | None,
    resume: Path | str | None,
    asked: Callable[[Config], Config],
    given: Given,
    trust_code: bool,
) -> tuple[Config, RunFolder | None]:
    """Return what is asked for, and the folder that is to be continued."""
    if resume is None:
        return asked(config or Config()), None
    recorded = RunFolder.reopen(Path(resume))
    recorded.check_compared()
    if config is None:
        check_recorded(given.unsaid(recorded.config), recorded.path, trust_code=trust_code)
    wanted = like(asked(config or recorded.config), recorded.config)
    folder = RunFolder.reopen(recorded.path, wanted)
    return folder.config, folder


def _trained(folder: RunFolder, cast: Cast, tell: Reporter) -> dict[str, Any]:
    """Record what is played, train what has to be trained, and return the courses of training."""
    to_train = cast.to_train
    school = (
        None
        if cast.train_tasks is None
        else School(folder, cast.train_tasks, cast.speaker, tell, cast.trees, cast.doing)
    )
    taught = {name: lessons_of(one) | _due(school, name in to_train, one) for name, one in cast.methods.items()}
    seen = {name: count for name, lessons in taught.items() if (count := lessons.among(cast.tasks))}
    methods = {name: described(one, folder.config.rules) for name, one in cast.methods.items()}
    counts = {name: len(lessons.marks) for name, lessons in taught.items() if lessons.marks}
    folder.write_environment(
        cast.tasks, _PACKAGES, cast.speaker, seen, methods, counts, cast.given, _equal(folder, cast)
    )
    keep_given(folder, {name: one for name, one in cast.methods.items() if name not in to_train})
    return {name: school.teach(name, controller) for name, controller in to_train.items() if school}


def _equal(folder: RunFolder, cast: Cast) -> Mapping[str, Any] | None:
    """Return how methods were set to equal tokens: now, or when the run was begun."""
    if cast.equal is not None:
        return cast.equal.to_data()
    found: Mapping[str, Any] | None = (folder.environment() or {}).get("equal_tokens")
    return found


def _due(school: School | None, to_train: bool, controller: Controller) -> Lessons:
    return school.lessons(controller) if school is not None and to_train else Lessons()
