"""Several runs side by side: seeds, models, trained and base, as one page with differences.

    data = read_beside([A, B, C])
    write_beside(data, path)

Every run's episodes are read once; some sixty bytes of each are kept, as in a report. Numbers of a run are those of its
``metrics.json``; differences are counted from the episodes, on the (task, world) pairs that the first run has too,
where the tasks are the same ones: the same scenario, and under each id the same question and answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tracer_env.display.beside_page import Beside, beside_page
from tracer_env.episodes.transcript import Transcript, read_transcripts
from tracer_env.errors import ConfigError
from tracer_env.intake.bounded import shown_path
from tracer_env.runs.config import Config
from tracer_env.runs.folder import load_run
from tracer_env.runs.played import played
from tracer_env.runs.report import check_method, told_in
from tracer_env.statistics.metrics import Row, Tally
from tracer_env.storage.files import write_text
from tracer_env.storage.folders import unwritable

__all__ = ["read_beside", "write_beside"]

_LONGEST = 200  # characters of a setting


def read_beside(folders: Sequence[Path]) -> Beside:
    """Read at least two run folders.

    Raises ConfigError for fewer or for one that is named twice, RunFolderError when a part is missing or is not one of
    ours, DataError for a damaged line.
    """
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise ConfigError("runs side by side are at least two, each named once")
    runs = [load_run(folder) for folder in folders]
    for run in runs:
        run.check_compared()
    names = _names(folders)
    rows: dict[str, list[Row | None]] = {}
    tally, tasks, unlike = Tally(), dict[str, bytes](), list[str]()
    for place, run in enumerate(runs):
        found = {row.method: row for row in map(Row.from_data, run.metrics()["rows"])}
        for method, row in found.items():
            rows.setdefault(method, [None] * len(runs))[place] = row
        alike = True
        for seed, path in enumerate(told_in(run.path)):
            for told in read_transcripts(path):
                check_method(told, found, path)
                tally.add(told, _key(place, told.method), seed)
                alike = _same(told, tasks, place) and alike
        if not alike:
            unlike.append(names[place])
    ordered = dict(sorted(rows.items(), key=lambda item: any(row and row.kind == "bound" for row in item[1])))
    duels = {method: _duels(tally, method, cells, names, unlike) for method, cells in ordered.items()}
    return Beside(
        runs=tuple(names),
        told=tuple(played(run.config, run.environment() or {}).plain for run in runs),
        rows={method: tuple(cells) for method, cells in ordered.items()},
        duels=duels,
        settings=_differing([run.config for run in runs]),
        unlike=tuple(unlike),
    )


def write_beside(data: Beside, path: Path) -> None:
    """Write the page to an ``.html`` file; an older one is replaced when it is complete. Raises ConfigError."""
    if path.suffix.lower() != ".html":
        raise ConfigError(f"runs side by side are written to an .html file, got {path.name!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, beside_page(data))
    except OSError as error:
        raise unwritable("the page", path, error) from error


def _key(place: int, method: str) -> str:
    return f"{place}\n{method}"


def _same(told: Transcript, tasks: dict[str, bytes], place: int) -> bool:
    """Return whether a task is the one of the first run under its id; the first run's are noted."""
    task = told.task
    text = "\0".join((task.scenario, task.question, task.answer)).encode("utf-8", "surrogatepass")
    digest = blake2b(text, digest_size=16).digest()
    return (tasks.setdefault(task.id, digest) if place == 0 else tasks.get(task.id, digest)) == digest


def _duels(
    tally: Tally, method: str, cells: Sequence[Row | None], names: Sequence[str], unlike: Sequence[str]
) -> tuple[Any, ...]:
    found: list[Any] = [None]
    for place in range(1, len(cells)):
        both = cells[0] is not None and cells[0].episodes and (row := cells[place]) is not None and row.episodes
        fits = both and names[place] not in unlike
        found.append(tally.duel(_key(place, method), _key(0, method)) if fits else None)
    return tuple(found)


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' own names, or their paths where two have the same one."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [shown_path(folder) for folder in folders]


def _differing(configs: Sequence[Config]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    flat = [_flat(config.to_data()) for config in configs]
    keys = sorted({key for each in flat for key in each})
    lines = [(key, tuple(each.get(key, "–") for each in flat)) for key in keys]
    return tuple((key, values) for key, values in lines if len(set(values)) > 1)


def _flat(data: Mapping[str, Any], above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = str(value)[:_LONGEST]
    return found
