"""The course of a training, to be looked at: a table for the terminal, and report.html with its curves.

A language model's numbers come from ``metrics.jsonl``, a table's from the regret curve that its file keeps. What base
and trained came to on held-out tasks stands below, where the training ended with that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from rich.table import Table

from tracer_env.display import charts
from tracer_env.display.html import document
from tracer_env.display.page import in_two_forms, narrow_legend
from tracer_env.display.tables import number_table, with_interval
from tracer_env.errors import RunFolderError
from tracer_env.intake.bounded import MEBIBYTE
from tracer_env.intake.checked import listed, load, number, plain, record
from tracer_env.intake.table_files import read_table
from tracer_env.runs.config import Config
from tracer_env.runs.folder import RunFolder
from tracer_env.storage.files import write_text
from tracer_env.terminal.plain import command, visible
from tracer_env.trainers.runs.result import UTTERANCES
from tracer_env.trainers.support.log import read_metrics

__all__ = ["HELD_OUT", "base_and_trained", "course_tables", "training_report"]

HELD_OUT = "held_out.json"
"""What base and trained came to, in the run folder."""
_ROWS = 12
_CURVE = listed(listed(number(), 2, least=2), most=1_000_000)
_FOUND = record({}, others=plain(5))


def training_report(folder: Path) -> dict[str, Any]:
    """Write ``report.html`` of a training and return what it shows as plain data.

    Raises RunFolderError for a folder in which nothing has been trained yet.
    """
    config = RunFolder.reopen(folder).config
    lines = read_metrics(folder)
    courses = _of_lines(lines) if lines else _of_tables(folder)
    if not courses:
        on = command("tracer-env", "train", "--resume", folder)
        raise RunFolderError(f"{folder} is a training in which no step is done yet; continue it with {on}")
    file = folder / HELD_OUT
    held_out = load(file, _FOUND, most=MEBIBYTE, error=RunFolderError) if file.is_file() else None
    method = config.training.method or "regret_matching"
    data = {"run": str(folder), "method": method, "courses": courses, "held_out": held_out}
    path = folder / "report.html"
    write_text(path, _page(folder, config, data), inside=folder)
    return {"report": str(path), **data}


def course_tables(data: Mapping[str, Any]) -> list[Table]:
    """Return the course, some twelve points of it, and the held-out figures."""
    tables = []
    for name, measures in data["courses"].items():
        steps = [step for step, _ in next(iter(measures.values()))]
        shown = sorted({round(i * (len(steps) - 1) / max(_ROWS - 1, 1)) for i in range(_ROWS)} & set(range(len(steps))))
        table = number_table(visible(name), "step", [each.replace("_", " ") for each in measures])
        values = {each: dict(curve) for each, curve in measures.items()}
        for place in shown:
            cells = (values[each].get(steps[place]) for each in measures)
            table.add_row(f"{steps[place]:,.0f}", *("–" if cell is None else f"{cell:,.4g}" for cell in cells))
        tables.append(table)
    if data["held_out"] and data["held_out"].get("rows"):
        tables.append(base_and_trained(data["held_out"]))
    return tables


def base_and_trained(found: Mapping[str, Any]) -> Table:
    """Return what a training was good for, on tasks that nobody was trained on."""
    columns = ("accuracy [95%]", "tokens", "Δ [95%]", "p")
    table = number_table(f"on {found['tasks']:,} held-out tasks", ("model", "controller"), columns)
    for row in found["rows"]:
        ends, gain, p = row.get("paired_difference_ci"), row.get("paired_difference"), row.get("p_value")
        told = "–" if gain is None else f"{gain:+.3f}"
        table.add_row(
            visible(str(row["method"])),
            visible(str(found["controllers"][row["method"]])),
            with_interval(row),
            f"{row['tokens_per_task']:,.0f}",
            told + ("" if ends is None else f" [{ends[0]:.2f}, {ends[1]:.2f}]"),
            "–" if p is None else "<.001" if p < 0.001 else f"{p:.3f}",
        )
    return table


Courses = dict[str, dict[str, list[tuple[float, float]]]]


def _of_lines(lines: Sequence[Mapping[str, Any]]) -> Courses:
    prefixes = dict.fromkeys(name.rpartition("/")[0] for line in lines for name in line if name.endswith("reward"))
    return {
        prefix or "course": {
            measure: [
                (float(line["step"]), float(value))
                for line in lines
                if isinstance(value := line.get(f"{prefix}/{measure}" if prefix else measure), int | float)
            ]
            for measure in UTTERANCES
        }
        for prefix in prefixes
    }


def _of_tables(folder: Path) -> Courses:
    found: Courses = {}
    for file in sorted((folder / "controllers").glob("*.json")):
        curve = read_table(file).get("average_regret_curve")
        if curve:
            points = [(float(at), float(value)) for at, value in _CURVE(curve)]
            found[file.stem] = {"average_regret": points}
    return found


def _page(folder: Path, config: Config, data: Mapping[str, Any]) -> str:
    name = escape(visible(folder.resolve().name))
    drawn = []
    for measure in dict.fromkeys(each for measures in data["courses"].values() for each in measures):
        lines = {visible(policy): _smooth(measures.get(measure, [])) for policy, measures in data["courses"].items()}
        lines = {policy: line for policy, line in lines.items() if len(line) > 1}
        if lines:
            words = measure.replace("_", " ")
            wide, narrow = (charts.curves(lines, words, "step", words, narrow=form) for form in (False, True))
            drawn += [f"<h2>{words.capitalize()}</h2>", in_two_forms(wide, narrow, narrow_legend(lines))]
    body = [
        f"<h1>Training {name}</h1>",
        f"<p>{escape(visible(str(data['method'])))} on {escape(visible(config.scenario.name))} with "
        f"{escape(visible(config.speaker.name))}, seed {config.seed}. Curves are means of five steps.</p>",
        *(_html(table) for table in course_tables(data)[-1:] if data["held_out"]),
        *drawn,
        "<h2>Configuration</h2>",
        f"<pre>{escape(config.to_toml())}</pre>",
    ]
    return document(name, body)


def _html(table: Table) -> str:
    heads = "".join(f"<th>{escape(visible(str(column.header)))}</th>" for column in table.columns)
    rows = zip(*(column.cells for column in table.columns), strict=True)
    cells = "".join(f"<tr>{''.join(f'<td>{escape(visible(str(cell)))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h2>{escape(str(table.title).capitalize())}</h2><table><tr>{heads}</tr>{cells}</table>"


def _smooth(line: Sequence[tuple[float, float]], window: int = 5) -> list[tuple[float, float]]:
    found = []
    for place, (step, _) in enumerate(line):
        near = [value for _, value in line[max(0, place - window + 1) : place + 1]]
        found.append((step, sum(near) / len(near)))
    return found
