"""Report: what a run came to, as one page.

`write_report` reads ``metrics.json``, ``episodes.jsonl`` and ``config.toml`` of a run folder, and the regret
curves that training left there, and writes ``report.html``: one file without scripts that loads nothing
from anywhere, with some of the episodes inside. The numbers are those of ``metrics.json``, as in the table of the
terminal (`display.rows`); only the finer tables are counted again from the episodes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracer_env.display.episodes import entry
from tracer_env.display.labels import labels
from tracer_env.display.page import Curve, Run, page
from tracer_env.episodes.picking import Picker
from tracer_env.episodes.transcript import Transcript, placed_transcripts, transcript_at
from tracer_env.errors import RunFolderError, UserError
from tracer_env.intake.bounded import MEBIBYTE, read_bytes, shown, shown_path
from tracer_env.intake.checked import listed, load, mapping, number, read
from tracer_env.intake.toml_files import read_toml
from tracer_env.runs.config import Config
from tracer_env.runs.kept_controllers import controller_files
from tracer_env.runs.played import played
from tracer_env.runs.records import read_environment, read_metrics
from tracer_env.runs.survey import Counted
from tracer_env.statistics.metrics import Row, Tally
from tracer_env.statistics.outcome import Outcome
from tracer_env.storage.files import write_text

__all__ = ["Run", "check_method", "read_run", "told_in", "write_page", "write_report"]

_CURVE = "average_regret_curve"
_SHOWN = 200  # episodes inside a page
_ROOM = 3_000_000  # characters for them


def write_report(folder: Path, counted: Counted | None = None) -> Path:
    """Write ``report.html`` into a run folder and return its path; an older one is replaced when it is complete.

    ``counted`` is what the folder's episodes, or those of its seeds, come to; None: they are read for it.
    Raises RunFolderError when a part is missing or is not one of ours, DataError for a damaged line.
    """
    return write_page(folder, read_run(folder, counted))


def write_page(folder: Path, run: Run) -> Path:
    """Write ``report.html`` of a run that was read, and return its path."""
    path = folder / "report.html"
    write_text(path, page(run), inside=folder)
    return path


def read_run(folder: Path, counted: Counted | None = None) -> Run:
    """Read a run folder; see `write_report` for what it raises."""
    metrics = read_metrics(folder / "metrics.json")
    recorded = [Row.from_data(data) for data in metrics["rows"]]
    rows = tuple(sorted(recorded, key=lambda row: row.kind == "bound"))
    names, _ = labels(row.method for row in rows)
    verdict = Outcome.from_data(metrics["outcome"], rows).sentences(names) if "outcome" in metrics else ()
    config, paths = folder / "config.toml", told_in(folder)
    counted = _counted(paths, names) if counted is None else counted
    entries, total, counts = _entries({path: counted.pickers[path] for path in paths}, names)
    details = counted.tally.details()
    return Run(
        name=folder.resolve().name,
        scenario=metrics["scenario"],
        seed=metrics["seed"],
        baseline=metrics["baseline"],
        rows=rows,
        details={row.method: details[row.method] for row in rows if row.method in details},
        curves=_named_curves(folder, [row.method for row in recorded], rows),
        config=read_bytes(config, MEBIBYTE).decode("utf-8", "replace") if config.is_file() else None,
        played=_played(folder),
        verdict=tuple(verdict),
        episodes=tuple(entries),
        total=total,
        counts=counts,
    )


def _counted(paths: Sequence[Path], methods: Collection[str]) -> Counted:
    """Count all episodes; a dozen bytes of each are kept."""
    counted, pickers = Tally(), {path: Picker() for path in paths}
    for path, picker in pickers.items():
        for offset, _, told in placed_transcripts(path):
            check_method(told, methods, path)
            counted.add(told)
            picker.add(told, offset)
    return Counted(counted, pickers)


def _entries(pickers: Mapping[Path, Picker], names: Mapping[str, str]) -> tuple[list[str], int, dict[str, int]]:
    """Return the rows of the episodes that the page shows, how many there are of all, and of which kinds.

    Those that are shown are read once more, as many as there is room for.
    """
    entries: list[str] = []
    methods = list(names)
    total, counts = 0, {"flips": 0, "disagrees": 0, "wrong": 0}
    for path, picker in pickers.items():
        total += len(picker)
        counts = {name: was + more for (name, was), more in zip(counts.items(), picker.counts(), strict=True)}
        room = _ROOM // len(pickers)
        for pick in picker.pick(max(1, _SHOWN // len(pickers))):
            told = transcript_at(path, pick.offset)
            check_method(told, methods, path)
            entries.append(entry(told, pick, methods.index(told.method), names[told.method]))
            room -= len(entries[-1])
            if room < 0:
                break
    return entries, total, counts


def check_method(told: Transcript, methods: Collection[str], path: Path) -> None:
    """Raise RunFolderError for an episode of a method that the run has no row of."""
    if told.method not in methods:
        raise RunFolderError(
            f"{shown_path(path)} has episodes of {shown(told.method)}, of which metrics.json has no row; "
            "verify the run, or continue it with --resume"
        )


def told_in(folder: Path) -> list[Path]:
    """Return the files of the episodes: the run's, or of the seeds inside it; RunFolderError when there is none."""
    episodes = folder / "episodes.jsonl"
    if episodes.is_file():
        return [episodes]
    found = [path for part in _seeds(folder) if (path := part / "episodes.jsonl").is_file()]
    if not found:
        raise RunFolderError(f"{shown_path(episodes)} is missing; a report needs the episodes of the run")
    return found


def _seeds(folder: Path) -> list[Path]:
    """Return the runs of single seeds inside a run, in order of the seeds."""
    there = folder / "seeds"
    inside = there.iterdir() if there.is_dir() else ()
    return sorted((path for path in inside if path.name.isdecimal()), key=lambda path: int(path.name))


def _played(folder: Path) -> str:
    """Return what was played, in a line; nothing where the folder has no settings, or none that can be read.

    The page shows the settings as they stand in any case.
    """
    try:
        config = Config.from_data(read_toml(folder / "config.toml"))
        return played(config, read_environment(folder / "environment.json") or {}).plain
    except UserError:
        return ""


def _named_curves(folder: Path, methods: list[str], rows: tuple[Row, ...]) -> dict[str, Curve]:
    """Return all curves of a run and its seeds, each under the label that its method has in the tables."""
    short, _ = labels(row.method for row in rows)
    names = {file.stem: short[method] for method, file in controller_files(folder, methods).items()}
    mine = {names.get(name, name): curve for name, curve in _curves(folder).items()}
    seeds = ((part.name, name, curve) for part in _seeds(folder) for name, curve in _curves(part).items())
    return mine | {f"{names.get(name, name)}, seed {seed}": curve for seed, name, curve in seeds}


def _curves(folder: Path) -> dict[str, Curve]:
    """Collect the curves of controllers/*.json and training.json: one a file, or one a named part of it."""
    found: dict[str, Curve] = {}
    for path in [*sorted((folder / "controllers").glob("*.json")), folder / "training.json"]:
        if path.is_file():
            data = load(path, _PARTS, error=RunFolderError, remedy="train again")
            inside = {name: part for name, part in data.items() if isinstance(part, dict)}
            for name, part in ({path.stem: data} if _CURVE in data else inside).items():
                if part.get(_CURVE):
                    place = f"{path}: {_CURVE}"
                    found[name] = read(part[_CURVE], _POINTS, place, error=RunFolderError, remedy="train again")
    return found


_PARTS = mapping(lambda value: value, most=100_000)
_BOTH = listed(number(-1e12, 1e12), most=2, least=2)


def _point(value: Any) -> tuple[float, float]:
    episode, regret = _BOTH(value)
    return episode, regret


_POINTS = listed(_point, most=1_000_000)
