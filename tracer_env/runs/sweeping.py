"""Sweeps: one training for each seed at each point of a grid of settings, each in a run folder of its own.

    SWEEP/config.toml     what all trainings share
    SWEEP/sweep.json      method, seeds, grid, and of each training its settings and, when it is done, its result
    SWEEP/runs/000/ ...   what `train` leaves, one training after the other; --resume goes on with each where it stood

Trainings go to an executor as chunks. Each writes its own folder where it runs, so workers on other machines need a
disk that is shared; ``sweep.json`` is written by the driver alone. What a training comes to hangs on its own settings
and on nothing beside it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.executors.seam import Executor
from tracer_env.intake.bounded import MEBIBYTE
from tracer_env.intake.checked import line, listed, load, mapping, optional, plain, record, whole
from tracer_env.parts.trust import check_recorded
from tracer_env.registry import OURS, resolve, trains_language
from tracer_env.runs.config import Config, differences
from tracer_env.runs.folder import RunFolder
from tracer_env.settings import with_settings
from tracer_env.specs import split_list
from tracer_env.terminal.progress import NoReporter, Reporter

__all__ = ["FILE", "Planned", "Training", "asked_again", "figures", "planned", "sweep"]

FILE = "sweep.json"
"""What tells a sweep's folder from a run's."""
_MOST = 10_000
_RESULT = 16  # how deep a result is, at most
_DATA = record(
    {
        "schema": whole(1, 1),
        "method": line(200),
        "runs": listed(
            record({"settings": mapping(plain(4)), "result": optional(plain(_RESULT))}),
            _MOST,
        ),
    }
)


@dataclass(frozen=True)
class Planned:
    """A training of a sweep: its number, what is its own (dotted keys, ``seed`` among them), and its whole settings."""

    number: int
    settings: Mapping[str, Any]
    config: Config


@dataclass(frozen=True)
class Training:
    """The work of training by one method; a chunk is (settings, folder), it comes to what ``train --json`` prints."""

    method: str

    def ready(self) -> Callable[[tuple[dict[str, Any], str]], dict[str, Any]]:
        """Find the trainer here."""
        train, _ = resolve("trainer", self.method)

        def do(chunk: tuple[dict[str, Any], str]) -> dict[str, Any]:
            config, out = Config.from_data(chunk[0]), Path(chunk[1])
            begun = (out / "config.toml").is_file()
            place = {"out": None, "resume": out} if begun else {"out": out, "resume": None}
            found: dict[str, Any] = train(config, method=self.method, reporter=None, **place)
            return found

        return do


def planned(
    data: Mapping[str, Any], method: str, seeds: Sequence[int] | None, grid: Sequence[str] | None
) -> list[Planned]:
    """Return all trainings: seeds turn fastest, then the last setting of the grid. Each is checked as its own run is.

    ``grid``: ``KEY=a,b`` for each setting. Raises ConfigError for a setting that stands twice, for one that has fewer
    than two values or the same twice, for seeds that stand twice, and for whatever a training would refuse.
    """
    axes = dict(map(_axis, grid or ()))
    if len(axes) < len(grid or ()):
        raise ConfigError("--grid names a setting twice; give all of its values at once: --grid KEY=a,b,c")
    if seeds is not None:
        if len(set(seeds)) < len(seeds) or not seeds:
            raise ConfigError(f"--seeds {','.join(map(str, seeds))} names a seed twice: the same again shows no spread")
        if "seed" in axes:
            raise ConfigError("--grid seed=... and --seeds both say the seeds; give --seeds alone")
        axes["seed"] = [str(seed) for seed in seeds]
    if (total := math.prod(map(len, axes.values()))) > _MOST:
        raise ConfigError(f"the grid comes to {total:,} trainings; at most {_MOST:,} are one sweep")
    shared = {key: value for key, value in data.items() if key != "executor"}
    found = []
    for number, values in enumerate(itertools.product(*axes.values())):
        given = [f"{key}={value}" for key, value in zip(axes, values, strict=True)]
        config = Config.from_data(with_settings(shared, given))
        if trains_language(method):
            settled, _ = resolve("trainer", OURS["training_settings"])
            config = settled(config, method)
        check, _ = resolve("trainer", OURS["training_checks"])
        own = with_settings({}, given)
        found.append(Planned(number, {key: _at(own, key) for key in axes}, check(config, method)))
    return found


def _axis(text: str) -> tuple[str, list[str]]:
    key, equals, values = text.partition("=")
    each = split_list(values)
    if not equals or not key.strip() or len(each) < 2:
        raise ConfigError(f"--grid takes KEY=a,b with at least two values, for example gspo.beta=0,0.01, got {text!r}")
    if len(set(each)) < len(each):
        raise ConfigError(f"--grid {text} names a value twice")
    return key.strip(), each


def _at(data: Mapping[str, Any], key: str) -> Any:
    section, _, rest = key.partition(".")
    return data[section][rest] if rest else data[section]


def sweep(
    runs: Sequence[Planned],
    method: str,
    shared: Config,
    out: Path | None,
    executor: Executor,
    resume: Path | None = None,
    trust_code: bool = False,
    reporter: Reporter | None = None,
) -> tuple[Path, list[dict[str, Any]]]:
    """Train all of ``runs`` into the folder ``out``, a new one if None; return it, and the results in order.

    Trainings that are done are not done again, and those that were begun go on. Raises RunFolderError where ``out`` is
    taken, or was begun with another sweep; what a training raises ends the sweep, which can be continued.
    """
    folder = RunFolder.create(shared, "sweep", out) if resume is None else RunFolder.reopen(resume, shared)
    with folder.owned():
        results: list[dict[str, Any] | None] = [None] * len(runs)
        if resume is not None:
            results = _begun(folder, runs, method, trust_code)
        (folder.path / "runs").mkdir(exist_ok=True)
        tell = reporter or NoReporter()
        _write(folder, runs, method, results)
        left = [run for run in runs if results[run.number] is None]
        tell.start(f"training {method}", len(runs), len(runs) - len(left))
        chunks = ((run.config.to_data(), str(_place(folder, run))) for run in left)
        for run, result in zip(left, executor.run(Training(method), chunks), strict=True):
            results[run.number] = result
            _write(folder, runs, method, results)
            tell.reach(sum(one is not None for one in results), str(_place(folder, run)))
    return folder.path, [result for result in results if result is not None]


def _place(folder: RunFolder, run: Planned) -> Path:
    return folder.path / "runs" / f"{run.number:03d}"


def _write(folder: RunFolder, runs: Sequence[Planned], method: str, results: Sequence[dict[str, Any] | None]) -> None:
    each = [{"settings": dict(run.settings), "result": result} for run, result in zip(runs, results, strict=True)]
    folder.write(FILE, json.dumps({"schema": 1, "method": method, "runs": each}, indent=1) + "\n")


def _begun(folder: RunFolder, runs: Sequence[Planned], method: str, trust_code: bool) -> list[dict[str, Any] | None]:
    """Return what a sweep has come to so far; raises RunFolderError unless it is this one."""
    data = load(folder.path / FILE, _DATA, most=256 * MEBIBYTE, error=RunFolderError, remedy="begin a new sweep")
    asked = [dict(run.settings) for run in runs]
    if data["method"] != method or [run["settings"] for run in data["runs"]] != asked:
        raise RunFolderError(f"{folder.path} was begun as another sweep: with other seeds, another grid or method")
    for run in runs:
        there = _place(folder, run) / "config.toml"
        if there.is_file():
            recorded = RunFolder.reopen(there.parent).config
            check_recorded(recorded.to_data(), there.parent, run.config.to_data(), trust_code)
            if changed := differences(recorded, run.config):
                raise RunFolderError(f"{there.parent} was started with other settings: {', '.join(changed)}")
    return [run["result"] for run in data["runs"]]


def asked_again(out: Path) -> tuple[str, list[int] | None, list[str]]:
    """Return method, seeds and grid of a sweep's folder, as `planned` takes them."""
    data = load(out / FILE, _DATA, most=256 * MEBIBYTE, error=RunFolderError, remedy="begin a new sweep")
    axes: dict[str, list[Any]] = {}
    for run in data["runs"]:
        for key, value in run["settings"].items():
            values = axes.setdefault(key, [])
            if value not in values:
                values.append(value)
    seeds = axes.pop("seed", None)
    return data["method"], seeds, [f"{key}={','.join(map(_said, values))}" for key, values in axes.items()]


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def figures(result: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the numbers by which trainings are compared: of a controller its regret, of a model what it earned."""
    if "policies" not in result:
        return {"average regret": result["average_regret"]["last"]}
    alone = len(result["policies"]) == 1
    found: dict[str, float | None] = {}
    for policy, courses in result["policies"].items():
        for name in ("reward", "accuracy"):
            found[name if alone else f"{policy} {name}"] = courses[name]["mean_of_last_ten"]
    return found
