"""Report: what a run came to, as one page and as a table for the terminal.

`write_report` reads ``metrics.json``, ``episodes.jsonl`` and ``config.toml`` of a run folder, and the regret
curves that training left there, and writes ``report.html``: one file without scripts that loads nothing
from anywhere. `comparison_table` shows the same rows in the terminal. The numbers are those of
``metrics.json``; only the finer tables are counted again from the episodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tracer_env.bounded import MEBIBYTE, read_bytes, shown, shown_path
from tracer_env.checked import listed, load, mapping, number, read
from tracer_env.config import Config
from tracer_env.display.labels import labels
from tracer_env.display.played import played
from tracer_env.episodes.records import read_environment, read_metrics
from tracer_env.errors import RunFolderError, UserError
from tracer_env.files import write_text
from tracer_env.metrics import Row, Tally
from tracer_env.outcome import Outcome
from tracer_env.page import Curve, Run, page
from tracer_env.plain import visible
from tracer_env.toml_files import read_toml
from tracer_env.transcript import Transcript, read_transcripts

__all__ = ["Run", "comparison_table", "read_run", "write_report"]

_CURVE = "average_regret_curve"


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a run folder and return its path; an older one is replaced when it is complete.

    Raises RunFolderError when a part is missing or is not one of ours, DataError for a damaged line.
    """
    text = page(read_run(folder))
    path = folder / "report.html"
    write_text(path, text, inside=folder)
    return path


def read_run(folder: Path) -> Run:
    """Read a run folder; see `write_report` for what it raises."""
    metrics = read_metrics(folder / "metrics.json")
    found = [Row.from_data(data) for data in metrics["rows"]]
    rows = tuple(sorted(found, key=lambda row: row.kind == "bound"))
    verdict = Outcome.from_data(metrics["outcome"], rows).sentences() if "outcome" in metrics else ()
    config, counted = folder / "config.toml", Tally()
    for path in _told_in(folder):
        for transcript in _of(read_transcripts(path), {row.method for row in rows}, path):
            counted.add(transcript)
    details = counted.details()
    return Run(
        name=folder.resolve().name,
        scenario=metrics["scenario"],
        seed=metrics["seed"],
        baseline=metrics["baseline"],
        rows=rows,
        details={row.method: details[row.method] for row in rows if row.method in details},
        curves=_curves(folder)
        | {f"{name}, seed {part.name}": curve for part in _seeds(folder) for name, curve in _curves(part).items()},
        config=read_bytes(config, MEBIBYTE).decode("utf-8", "replace") if config.is_file() else None,
        played=_played(folder),
        verdict=tuple(verdict),
    )


def _told_in(folder: Path) -> list[Path]:
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


def _of(told: Iterable[Transcript], methods: Collection[str], path: Path) -> Iterator[Transcript]:
    """Yield the episodes of these methods; raises RunFolderError for another one's."""
    for transcript in told:
        if transcript.method not in methods:
            raise RunFolderError(
                f"{shown_path(path)} has episodes of {shown(transcript.method)}, of which metrics.json has no row; "
                "verify the run, or continue it with --resume"
            )
        yield transcript


def comparison_table(rows: Iterable[Row]) -> Table:
    """Return the rows as a table for the terminal; brackets hold 95% intervals, colours go by Holm's p.

    Long names are numbered, and told below (`labels`).
    Where episodes failed, a line below says how many, and the accuracy that counts these as wrong; another one names
    the methods that were trained on tasks of the table.
    """
    rows = sorted(rows, key=lambda row: row.kind == "bound")
    table = Table(box=None, header_style="bold", padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("method", overflow="fold")
    seeded = any(row.accuracy_by_seed for row in rows)
    for name in (
        "accuracy",
        *(["sd of\nseeds"] * seeded),
        "tok.\n/task",
        "calls\n/task",
        "spo-\nken",
        "cor-\nrec-\ntion",
        "cor-\nrup-\ntion",
        "Δ vs\nbase",
        "p",
        "p\nHolm",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    failures = [row for row in rows if row.failed]
    names, lines = labels(row.method for row in rows)
    if failures:
        each = (f"{row.method} {row.failed:,}, {_share(row.accuracy_with_failed)} right with these" for row in failures)
        lines.append(f"episodes that failed are in no column: {'; '.join(each)}")
    if seen := [row for row in rows if row.trained_on]:
        each = (f"{row.method} on {row.trained_on:,}" for row in seen)
        lines.append(f"* trained on tasks of this table, so no held-out result: {', '.join(each)}")
    if one := [row.method for row in rows if row.lopsided]:
        lines.append(
            f"~ one task has most of the spread of tokens, and more tasks may move the mean far: {', '.join(one)}"
        )
    if lines:
        table.caption, table.caption_justify = Text("\n".join(map(visible, lines))), "left"
    for place, row in enumerate(rows):
        if row.kind == "bound" and place and rows[place - 1].kind != "bound":
            table.add_row(Text("bound:", "dim"))
        table.add_row(
            Text(visible(names[row.method]) + " *" * bool(row.trained_on)),
            Text.assemble((f"{row.accuracy:.3f}", "bold"), (_interval(row), "dim")),
            *([_rate(row.spread, 3)] * seeded),
            f"{row.tokens_per_task:,.0f}{'~' * row.lopsided}",
            f"{row.calls_per_task:.2f}",
            _rate(row.speak_rate),
            _rate(row.correction_rate),
            _rate(row.corruption_rate),
            _difference(row),
            _chance(row.p_value),
            _chance(row.p_holm),
        )
    return table


def _interval(row: Row) -> str:
    return "" if row.accuracy_ci is None else " [{:.2f}, {:.2f}]".format(*row.accuracy_ci)


def _chance(p: float | None) -> str:
    return "–" if p is None else "<.001" if p < 0.001 else f"{p:.3f}"


def _rate(value: float | None, places: int = 2) -> str:
    """Two places: names of methods need the room on a narrow terminal."""
    return "–" if value is None else f"{value:.{places}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _difference(row: Row) -> Text:
    """The gain over the baseline, coloured where it is unlikely to be luck."""
    gain = row.paired_difference
    if gain is None or row.p_holm is None:
        return Text("–", "dim")
    style = ("green" if gain > 0 else "red") if row.p_holm < 0.05 else ""
    return Text(f"{gain:+.3f}".replace("-", "−") if gain else "0.000", style)


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
