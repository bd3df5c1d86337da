"""Runs side by side: whose rows stand where, what is paired, what differs in the settings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from samples import one_proposal

from tracer_env.cli.app import main
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.runs.side_by_side import read_beside, write_beside
from tracer_env.statistics.metrics import compare_rows
from tracer_env.types import Grade

RIGHT, WRONG = Grade.CORRECT, Grade.WRONG
GRADES = {"a": ([RIGHT] * 5 + [WRONG] * 5, [WRONG] * 10), "b": ([RIGHT] * 8 + [WRONG] * 2, [WRONG] * 10)}


def made(folder: Path, grades: dict[str, list[Grade]], seed: int = 0, question: str = "How many?") -> Path:
    """Write a run whose methods got these grades on tasks t0, t1, ..."""
    folder.mkdir(parents=True)
    by_method = {
        method: [one_proposal(grade, n, method=method, task=f"t{n}") for n, grade in enumerate(found)]
        for method, found in grades.items()
    }
    by_method = {
        m: [replace(t, task=replace(t.task, question=question)) for t in told] for m, told in by_method.items()
    }
    rows = [row.to_data() for row in compare_rows(by_method, "never")]
    metrics = {"schema": 1, "scenario": "arithmetic", "seed": seed, "baseline": "never", "rows": rows}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    lines = "".join(told.to_json() + "\n" for episodes in by_method.values() for told in episodes)
    (folder / "episodes.jsonl").write_text(lines, encoding="utf-8")
    config = f'seed = {seed}\n[scenario]\nname = "arithmetic"\n[speaker]\nname = "simulated"\n'
    (folder / "config.toml").write_text(config, encoding="utf-8")
    return folder


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    return [
        made(tmp_path / name, {"always": first, "never": second}, seed)
        for seed, (name, (first, second)) in enumerate(GRADES.items())
    ]


def test_each_method_is_held_against_itself_in_the_first_run(two: list[Path]) -> None:
    data = read_beside(two)
    assert data.runs == ("a", "b")
    assert [row and row.accuracy for row in data.rows["always"]] == [0.5, 0.8]
    first, second = data.duels["always"]
    assert first is None
    assert second.accuracy == pytest.approx(0.3)  # three tasks of ten became right
    assert second.p_value == pytest.approx(2 / 8)
    assert data.duels["never"][1].accuracy == 0.0
    assert data.settings == (("seed", ("0", "1")),)


def test_a_method_that_one_run_lacks_has_no_difference(two: list[Path], tmp_path: Path) -> None:
    other = made(tmp_path / "c", {"never": [WRONG] * 10, "only": [RIGHT] * 10})
    data = read_beside([*two, other])
    assert [row is None for row in data.rows["only"]] == [True, True, False]
    assert data.duels["only"] == (None, None, None)


def test_other_tasks_under_the_same_ids_are_not_paired(two: list[Path], tmp_path: Path) -> None:
    other = made(tmp_path / "c", {"always": [RIGHT] * 10, "never": [WRONG] * 10}, question="How few?")
    data = read_beside([*two, other])
    assert data.unlike == ("c",)
    assert data.duels["always"][2] is None
    assert data.duels["always"][1] is not None


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [made(tmp_path / part / "run", {"never": [RIGHT] * 3}) for part in ("x", "y")]
    assert len(set(read_beside(folders).runs)) == 2


def test_what_cannot_stand_side_by_side_is_refused(two: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least two, each named once"):
        read_beside([two[0], two[0]])
    with pytest.raises(RunFolderError):
        read_beside([two[0], tmp_path])
    with pytest.raises(ConfigError, match=r"\.html file, got 'x\.pdf'"):
        write_beside(read_beside(two), tmp_path / "x.pdf")


def test_the_command_writes_a_page_and_prints_table_records_and_json(
    two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    asked = ["report", *map(str, two)]
    assert main(asked) == 0
    told = capsys.readouterr().out
    assert "0.800 [" in told
    assert "+0.300" in told
    assert max(map(len, told.splitlines()[:-1])) <= 80
    page = (tmp_path / "side-by-side.html").read_text(encoding="utf-8")
    assert "+0.300" in page
    assert main([*asked, "--json", "--out", str(tmp_path / "p.html")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["report"].endswith("p.html")
    assert found["rows"][1]["difference"] == pytest.approx(0.3)
    assert main([*asked, "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("method,run,")
    assert main(["report", str(two[0]), "--out", "x.html"]) == 2
    assert "--out is the page of several runs" in capsys.readouterr().err
