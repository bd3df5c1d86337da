"""Reports of run folders, and the table for the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from samples import mended, one_proposal

from tracer_env.errors import DataError, RunFolderError
from tracer_env.metrics import compare_rows
from tracer_env.report import comparison_table, read_run, write_report
from tracer_env.types import Grade

GRADES = [Grade.CORRECT] * 9 + [Grade.WRONG]
BY_METHOD = {
    "always[red]": [one_proposal(g, n, method="always[red]", task=f"t{n}") for n, g in enumerate(GRADES)],
    "never": [one_proposal(Grade.WRONG, n, method="never", task=f"t{n}", world=n // 9) for n in range(10)],
}
ROWS = compare_rows(BY_METHOD, "always[red]")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    metrics = {
        "schema": 1,
        "scenario": "arithmetic",
        "seed": 3,
        "baseline": "always[red]",
        "rows": [r.to_data() for r in ROWS],
    }
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    lines = "".join(t.to_json() + "\n" for episodes in BY_METHOD.values() for t in episodes)
    (tmp_path / "episodes.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "config.toml").write_text("limit = 10\n", encoding="utf-8")
    return tmp_path


def change(folder: Path, **values: Any) -> None:
    path = folder / "metrics.json"
    data = {**json.loads(path.read_text(encoding="utf-8")), **values}
    path.write_text(json.dumps(data), encoding="utf-8")


def test_a_report_is_one_file_and_the_same_each_time(folder: Path) -> None:
    before = sorted(p.name for p in folder.iterdir())
    path = write_report(folder)
    text = path.read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == sorted([*before, "report.html"])
    assert write_report(folder).read_bytes() == text
    assert b"limit = 10" in text
    assert b"always[red]" in text


def test_a_run_is_read_whole(folder: Path) -> None:
    (folder / "controllers").mkdir()
    (folder / "controllers" / "a.json").write_text(
        '{"average_regret_curve": [[1, 0.5], [2, 0.25]], "training": {"average_regret_curve": [[1, 0.5]]}}',
        encoding="utf-8",
    )
    (folder / "controllers" / "b.json").write_text('{"table": {}}', encoding="utf-8")
    (folder / "training.json").write_text('{"c": {"average_regret_curve": [[1, 1]]}, "steps": 5}', encoding="utf-8")
    run = read_run(folder)
    assert run.rows == tuple(ROWS)
    assert run.curves == {"a": [(1.0, 0.5), (2.0, 0.25)], "c": [(1.0, 1.0)]}
    assert run.details["never"]["accuracy_by_turn"] == [0.0]
    assert (run.seed, run.config) == (3, "limit = 10\n")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schema": 9}, "schema 9; this version reads 1"),
        ({"rows": []}, "no rows"),
        ({"rows": [{"method": "x"}]}, "damaged"),
        ({"rows": 5}, "damaged"),
    ],
)
def test_metrics_of_another_kind_are_refused(folder: Path, values: dict[str, Any], message: str) -> None:
    change(folder, **values)
    with pytest.raises(RunFolderError, match=message):
        write_report(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "remedy"), [("metrics.json", "run compare"), ("episodes.jsonl", "needs the episodes")]
)
def test_what_is_missing_is_named(folder: Path, name: str, remedy: str) -> None:
    (folder / name).unlink()
    with pytest.raises(RunFolderError, match=rf"{name} is missing; .*{remedy}"):
        write_report(folder)


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "must hold a JSON object, got list")])
def test_damaged_metrics_are_named(folder: Path, text: str, message: str) -> None:
    (folder / "metrics.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=message):
        write_report(folder)


@pytest.mark.parametrize("curve", ["[[1]]", "5", '[[1, "x"]]', "[[1, NaN]]"])
def test_damaged_curves_are_named(folder: Path, curve: str) -> None:
    (folder / "training.json").write_text(f'{{"average_regret_curve": {curve}}}', encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"training\.json: average_regret_curve"):
        write_report(folder)


def test_a_damaged_episode_is_named(folder: Path) -> None:
    with (folder / "episodes.jsonl").open("a", encoding="utf-8") as lines:
        lines.write('{"schema":1')
    with pytest.raises(DataError, match="line 21"):
        write_report(folder)


def test_the_table_for_the_terminal() -> None:
    file = io.StringIO()
    Console(file=file, width=80).print(comparison_table(ROWS))
    lines = file.getvalue().splitlines()
    assert lines[2].split() == ["always[red]", "0.900", "±0.193", "100", "1.00", "–", "0.000", "0.000", "–", "–"]
    # 9 shared pairs, all lost: mid-p is (2 - 1) / 512.
    assert lines[3].split() == ["never", "0.000", "±0.139", "100", "1.00", "–", "0.000", "–", "−1.000", "0.002"]


def test_the_table_of_one_episode() -> None:
    file = io.StringIO()
    Console(file=file, width=80).print(comparison_table(compare_rows({"m": [mended()]}, "m")))
    assert "1.000 ±0.397" in file.getvalue()
