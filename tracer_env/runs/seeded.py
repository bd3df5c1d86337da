"""A comparison under several seeds: each is a run of its own inside the run, and one table stands on top.

    RUN/config.toml            evaluation.seeds = [0, 1, 2]
    RUN/seeds/0/               what `compare` leaves of seed 0: controllers, episodes, metrics, report
    RUN/seeds/1/ ...
    RUN/metrics.json           means over the seeds; intervals of both sources of chance, tasks and seeds
    RUN/report.html

All seeds play the same tasks, those of the run's own seed. A speaker whose luck has no end speaks and trains under each
seed. One that has so many worlds (`worlds`) says the same words under all, the run's; there each seed only trains, and
a method that nobody trains is played once, since more of it would be copies. So each part can be continued, verified
and replayed as any run can.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tracer_env.episodes.picking import Picker
from tracer_env.episodes.transcript import placed_transcripts
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.interfaces import Speaker
from tracer_env.parts.worlds import worlds_of
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder, metrics_of
from tracer_env.runs.survey import Counted
from tracer_env.statistics.metrics import Tally
from tracer_env.terminal.plain import command

__all__ = ["combined", "lessons", "of_seed", "open_part", "parts", "played_under", "spread_out"]


def played_under(config: Config, speaker: Speaker, learned: Collection[str]) -> dict[int, Config]:
    """Return what is played under each seed; ``learned`` are the methods that have to be trained.

    Raises ConfigError where other seeds than the first would be nothing but copies.
    """
    seeds, asked = config.evaluation.seeds, config.evaluation
    tasks = replace(config.scenario, seed=config.tasks_seed)
    alone = replace(asked, seeds=())
    if worlds_of(speaker, config.seed) is None:
        return {seed: replace(config, seed=seed, scenario=tasks, evaluation=alone) for seed in seeds}
    if not learned:
        raise ConfigError(
            f"evaluation.seeds is {list(seeds)}, but no method has to be trained and the words are the same under "
            "every seed: all but the first would be copies, counted as evidence; leave the seeds out"
        )
    later = replace(alone, methods=tuple(name for name in asked.methods if name in learned), baseline=None)
    return {
        seed: replace(
            config,
            scenario=tasks,
            training=replace(config.training, seed=seed),
            evaluation=later if place else replace(alone, baseline=asked.against),
        )
        for place, seed in enumerate(seeds)
    }


def open_part(folder: RunFolder, seed: int, config: Config) -> tuple[RunFolder, bool]:
    """Return the run of one seed inside a run, and whether it was begun before."""
    path = _place(folder, seed)
    if (path / "config.toml").is_file():
        return RunFolder.reopen(path, config), True
    return RunFolder.create(config, "compare", path), False


def parts(folder: RunFolder) -> dict[int, RunFolder]:
    """Return the runs of all seeds inside a run; raises RunFolderError while one is missing."""
    found = {}
    for seed in folder.config.evaluation.seeds:
        path = _place(folder, seed)
        if not (path / "config.toml").is_file():
            on = command("tracer-env", "compare", "--resume", folder.path)
            raise RunFolderError(f"{folder.path} has no run of seed {seed} yet; continue it with {on}")
        found[seed] = RunFolder.reopen(path)
    return found


def spread_out(folder: RunFolder) -> Counted:
    """Count all episodes of all seeds; the seeds are numbered in their order."""
    tally, pickers = Tally(), dict[Path, Picker]()
    for number, part in enumerate(parts(folder).values()):
        part.check_begun()
        picker = pickers[part.episodes] = Picker()
        for offset, _, told in placed_transcripts(part.episodes):
            tally.add(told, seed=number)
            picker.add(told, offset)
    return Counted(tally, pickers)


def combined(folder: RunFolder, counted: Counted | None = None) -> dict[str, Any]:
    """Return the content of the run's ``metrics.json``, from the episodes of its parts; None: they are read for it."""
    digest = sha256()
    for part in parts(folder).values():
        digest.update(str(part.metrics()["episodes_digest"]).encode())
    config, tally = folder.config, (spread_out(folder) if counted is None else counted).tally
    return metrics_of(config, config.evaluation.against, tally, digest.hexdigest(), folder.environment() or {})


def of_seed(folder: RunFolder, seed: int | None) -> RunFolder:
    """Return the run of one seed inside a run, None: of the first; a run of one seed is its own only part.

    Raises ConfigError for a seed that the run has not.
    """
    seeds = folder.config.evaluation.seeds or (folder.config.seed,)
    if seed is not None and seed not in seeds:
        raise ConfigError(f"{folder.path} has no seed {seed}; it was played under {', '.join(map(str, seeds))}")
    if not folder.config.evaluation.seeds:
        return folder
    return parts(folder)[seeds[0] if seed is None else seed]


def lessons(folder: RunFolder) -> dict[str, int]:
    """Return on how many of the tasks each method was trained under any of the seeds."""
    seen: dict[str, int] = {}
    for part in parts(folder).values():
        for name, count in (part.environment() or {}).get("trained_on", {}).items():
            seen[name] = max(count, seen.get(name, 0))
    return seen


def _place(folder: RunFolder, seed: int) -> Path:
    """Return where a seed's run lies; raises RunFolderError where a link leads out of the folder."""
    path = folder.path / "seeds" / str(seed)
    if not path.resolve().is_relative_to(folder.path.resolve()):
        raise RunFolderError(f"{path} leads out of {folder.path}; put the folder itself in the place of the link")
    return path
