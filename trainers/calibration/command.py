"""The command `calibrate`: from a folder to a preset file, and what was fitted as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from tracer_env.display.tables import number_table
from tracer_env.errors import RunFolderError
from tracer_env.runs.folder import load_run
from tracer_env.terminal.progress import Reporter
from tracer_env.trainers.calibration.calibrate import WIDE, calibrate, preset_file
from tracer_env.trainers.calibration.transfer import transfer_gap, transfer_table
from tracer_env.trees.tree import DialogueTrees

__all__ = ["calibrate_command", "calibration_table"]


def calibrate_command(
    path: str | Path, out: str | Path | None = None, reporter: Reporter | None = None
) -> dict[str, Any]:
    """Calibrate on a folder of trees or a run folder, write the preset file ``out`` and return the plain data.

    For trees ``transfer`` says what controllers lose by training on the simulation (`transfer_gap`); else it is None,
    as it is for fewer than four tasks. Without ``out`` the file is ``<folder>.preset.toml`` beside the folder.
    """
    folder, gap = Path(path), None
    target = folder.resolve()
    target = target.with_name(f"{target.name}.preset.toml") if out is None else preset_file(out)
    if (folder / "config.toml").is_file() and (folder / "episodes.jsonl").is_file():
        run = load_run(folder)
        fitted = calibrate(run.stream(), run.config.rules)
    elif folder.is_dir():
        trees = DialogueTrees.load(folder)
        fitted = calibrate(trees)
        if len(trees.tasks) >= 4 and trees.depth:
            gap = transfer_gap(trees, reporter=reporter)
    else:
        raise RunFolderError(f"{folder} is neither a folder of trees nor a run folder; make one with tracer-env expand")
    written = fitted.save(target)
    told = {"source": str(folder), "file": str(written), "speaker": f"simulated:{written}"}
    return {**told, **fitted.to_data(), "transfer": gap}


def calibration_table(data: Mapping[str, Any]) -> Group:
    """Return what `calibrate_command` or `Calibration.to_data` gives as tables for the terminal."""
    title = f"simulated speaker fitted to {data['events']:,} utterances of {data['tasks']:,} tasks"
    parameters = number_table(title, "parameter", ("value", "± 95%", "if independent", "utterances"))
    parameters.add_column("")
    for entry in data["parameters"]:
        whole = entry["name"] == "distractors"
        value = f"{entry['value']:.0f}" if whole else _short(entry["value"])
        errors = ("" if entry[n] is None else f"{WIDE * entry[n]:.2g}" for n in ("standard_error", "independent_error"))
        parameters.add_row(entry["name"], value, *errors, f"{entry['events']:,}", entry["note"])
    overall = data["overall"]
    told = "too few tasks for an overall test"
    if overall:
        told = f"overall chi-square {overall['chi_square']:.1f} on {overall['degrees']}, p {_chance(overall['p'])}"
    parts: list[RenderableType] = [parameters, "", _fit_table(data["goodness_of_fit"]), told]
    if data.get("transfer"):
        parts += ["", transfer_table(data["transfer"])]
    return Group(*parts)


def _fit_table(cells: Sequence[Mapping[str, Any]]) -> Table:
    table = number_table("goodness of fit", "event", ("difficulty", "of", "observed", "expected", "chi²", "p"))
    last = None
    for cell in cells:
        low, high = f"{cell['low']:.2g}", f"{cell['high']:.2g}"
        table.add_row(
            cell["event"] if cell["event"] != last else "",
            low if low == high else f"{low}-{high}",
            f"{cell['events']:,}",
            f"{cell['observed']:,}",
            f"{cell['expected']:,.1f}",
            "" if cell["chi_square"] is None else f"{cell['chi_square']:.2f}",
            _chance(cell["p"]),
        )
        last = cell["event"]
    return table


def _chance(p: float | None) -> str:
    return "" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _short(value: float) -> str:
    if 0.0 < abs(value) < 0.001:
        return f"{value:.1g}"
    return f"{value:.1f}" if abs(value) >= 20.0 else f"{value:.3f}"
