"""Reports of run folders, and the table for the terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from samples import mended, one_proposal

from tracer_env.display.rows import comparison_table
from tracer_env.errors import DataError, RunFolderError
from tracer_env.runs.report import read_run, write_report
from tracer_env.statistics.metrics import compare_rows
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
        ({"schema": 9}, r"schema is 9; it must be the whole number 1"),
        ({"rows": []}, "rows has 0 entries; 1 to 1000 are allowed"),
        ({"rows": [{"method": "x"}]}, "damaged"),
        ({"rows": 5}, "rows is 5; it must be a list"),
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


@pytest.mark.parametrize(("text", "message"), [("{", "not readable as JSON"), ("[]", "it must be an object")])
def test_damaged_metrics_are_named(folder: Path, text: str, message: str) -> None:
    (folder / "metrics.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=message):
        write_report(folder)


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize("value", [SCRIPT, "3", 3.0, -1, True, None, [3], 10**30])
def test_a_seed_that_is_no_number_is_refused(folder: Path, value: Any) -> None:
    change(folder, seed=value)
    with pytest.raises(RunFolderError, match=r"metrics\.json: seed is .*; it must be a whole number"):
        write_report(folder)


MEANS = ("accuracy", "tokens_per_task", "calls_per_task", "counterfactual_tokens_per_task")
SHARES = ("speak_rate", "reviewer_tpr", "p_value", "truncated_rate")
WRONG_ROWS: list[tuple[str, Any]] = [
    *((name, value) for name in MEANS for value in (SCRIPT, None, -0.5, float("inf"), True, [0.5])),
    *((name, value) for name in SHARES for value in (SCRIPT, 1.5, -1)),
    *(("paired_difference", value) for value in (SCRIPT, 2.0)),
    *((f"{name}_ci", value) for name in MEANS[:3] for value in (SCRIPT, [1], [1, 0], [0, SCRIPT], 1)),
    *(("episodes", value) for value in (SCRIPT, -1, 1.0)),
    *(("grades", value) for value in (SCRIPT, {}, {SCRIPT: 1}, {**ROWS[0].grades, "wrong": SCRIPT})),
    *(("method", value) for value in (1, None, "\x1b[2J")),
]


@pytest.mark.parametrize(("name", "value"), WRONG_ROWS)
def test_numbers_of_another_kind_are_refused(folder: Path, name: str, value: Any) -> None:
    rows = [row.to_data() for row in ROWS]
    change(folder, rows=[rows[0], {**rows[1], name: value}])
    with pytest.raises(RunFolderError) as caught:
        write_report(folder)
    assert str(caught.value).isprintable()
    assert not (folder / "report.html").exists()


def test_names_are_escaped_wherever_they_stand(folder: Path) -> None:
    rows = [{**row.to_data(), "scenario": SCRIPT} for row in ROWS]
    change(folder, rows=rows, scenario=SCRIPT)
    (folder / "config.toml").write_bytes(f"name = '{SCRIPT}' \xff".encode("latin-1"))
    (folder / "controllers").mkdir()
    curve = f'{{"{SCRIPT}": {{"average_regret_curve": [[1, 1], [2, 0.5], [1e12, 5e-324]]}}}}'
    (folder / "controllers" / "a.json").write_text(curve, encoding="utf-8")
    text = write_report(folder).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_long_horizon_costs_nothing(folder: Path) -> None:
    """What is level after the last turn that was played is drawn by its ends."""
    lines = [replace(each, max_turns=4096) for episodes in BY_METHOD.values() for each in episodes]
    (folder / "episodes.jsonl").write_text("".join(each.to_json() + "\n" for each in lines), encoding="utf-8")
    assert len(write_report(folder).read_bytes()) < 120_000


def test_episodes_are_inside_and_how_many_is_said(folder: Path) -> None:
    text = write_report(folder).read_text(encoding="utf-8")
    assert "All 20 episodes are inside" in text
    assert "In the whole run: 0 flips, 18 disagreements, 11 wrong." in text
    assert text.count("<details class=") == 20


def test_what_is_inside_is_bounded_whatever_the_episodes_are(folder: Path) -> None:
    many = [one_proposal(Grade.WRONG, n, method="never", task=f"{n}") for n in range(1000)]
    long = mended()
    said = [
        replace(turn, utterance=turn.utterance and replace(turn.utterance, text="x" * 50_000)) for turn in long.turns
    ]
    longs = [replace(long, method="never", episode=n, turns=tuple(said) * 1, world=n) for n in range(300)]
    for told in (many, [replace(each, task=BY_METHOD["never"][0].task) for each in longs]):
        (folder / "episodes.jsonl").write_text("".join(each.to_json() + "\n" for each in told), encoding="utf-8")
        text = write_report(folder).read_text(encoding="utf-8")
        assert f"200 of {len(told):,} episodes are inside" in text
        assert len(text) < 3_500_000


def test_episodes_of_another_run_are_refused(folder: Path) -> None:
    with (folder / "episodes.jsonl").open("a", encoding="utf-8") as file:
        file.write(one_proposal(Grade.WRONG, method="other").to_json() + "\n")
    with pytest.raises(RunFolderError, match=r"has episodes of 'other', of which metrics.json has no row"):
        write_report(folder)


@pytest.mark.parametrize("curve", ["[[1]]", "5", '[[1, "x"]]', "[[1, NaN]]"])
def test_damaged_curves_are_named(folder: Path, curve: str) -> None:
    (folder / "training.json").write_text(f'{{"average_regret_curve": {curve}}}', encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"training\.json(: average_regret_curve| is not readable)"):
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
    shown = [*("always[red]", "0.900", "[0.60,", "0.99]", "100", "1.00", "–", "0.00", "0.00", "–", "–", "–")]
    assert lines[3].split() == shown
    # 9 shared pairs, all lost: p is 2 / 512.
    shown = [*("never", "0.000", "[0.00,", "0.26]", "100", "1.00", "–", "0.00", "–", "−1.000", "0.004", "0.004")]
    assert lines[4].split() == shown


def test_names_of_methods_are_whole_at_80_columns() -> None:
    file = io.StringIO()
    rows = [replace(row, method=name) for row, name in zip(ROWS, ("regret_matching", "until_approved"), strict=False)]
    Console(file=file, width=80).print(comparison_table(rows))
    assert [line.split()[0] for line in file.getvalue().splitlines()[3:]] == ["regret_matching", "until_approved"]


def test_the_table_of_one_episode() -> None:
    file = io.StringIO()
    Console(file=file, width=80).print(comparison_table(compare_rows({"m": [mended()]}, "m")))
    assert "1.000 [0.15, 1.00]" in file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_nothing_is_cut_and_what_has_no_room_is_told(width: int) -> None:
    file, names = io.StringIO(), ("regret_matching_plus", "until_approved")
    rows = [replace(row, method=name) for row, name in zip(ROWS, names, strict=True)]
    seeded = [replace(row, accuracy_by_seed=(0.5, 0.7), tokens_by_seed=(1.0, 2.0)) for row in rows]
    table = comparison_table(seeded, width)
    Console(file=file, width=width).print(table)
    told = file.getvalue()
    assert "…" not in told
    assert max(map(len, told.splitlines())) <= width
    for cell in ("until_approved" if width >= 60 else "until_", "0.900", "[0.60, 0.99]"):
        assert cell in told
    assert all((cell in told) == (width >= 60) for cell in ("regret_matching_plus", "−1.000"))
    assert ("0.004" in told) == (width >= 80)  # p of Holm
    assert ("no room for: spoken" in str(table.caption)) == (width < 120)
    assert ("0.141" in told) == (width >= 80)  # the spread between seeds
    assert f"{ROWS[0].calls_per_task:.2f}" in told  # no accuracy without its calls
