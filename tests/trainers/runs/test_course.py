"""The course of a training as tables and as a page, and what it was good for on held-out tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracer_env.cli.app import main
from tracer_env.errors import RunFolderError
from tracer_env.runs.config import Config
from tracer_env.trainers.runs.course import base_and_trained, course_tables, training_report
from tracer_env.trainers.runs.held_out import held_out


def training(folder: Path, lines: list[dict[str, object]]) -> Path:
    folder.mkdir()
    config = Config.from_data({"training": {"method": "gspo"}, "speaker": {"name": "nano"}})
    (folder / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


LINES: list[dict[str, object]] = [
    {"step": n, "reward": n / 40, "accuracy": None if n == 3 else n / 50, "unparsable": 0.0, "completion_length": 20.0}
    for n in range(1, 41)
]


def test_a_course_has_its_ends_and_a_page(tmp_path: Path) -> None:
    found = training_report(training(tmp_path / "run", LINES))
    (table,) = course_tables(found)
    steps = list(table.columns[0].cells)
    assert (steps[0], steps[-1], len(steps)) == ("1", "40", 12)
    assert list(table.columns[1].cells)[-1] == "1"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 8  # four pictures, each for desks and for phones
    assert "<script" not in page
    assert found["courses"]["course"]["accuracy"][2] == (4.0, 0.08)  # a step without a number is passed over


def test_each_policy_has_its_course_and_no_name_acts(tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"step": n, "<b>x/reward": 0.1, "<b>x/accuracy": 0.2, "reviewer/reward": 0.3} for n in (1, 2)
    ]
    found = training_report(training(tmp_path / "run", lines))
    assert list(found["courses"]) == ["<b>x", "reviewer"]
    assert "<b>x" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_base_and_trained_stand_in_one_table(tmp_path: Path) -> None:
    folder = training(tmp_path / "run", LINES)
    row = {"accuracy": 0.5, "accuracy_ci": [0.4, 0.6], "tokens_per_task": 12.0}
    rows = [
        {"method": "base", **row, "paired_difference": None, "p_value": None},
        {"method": "trained", **row, "paired_difference": 0.25, "paired_difference_ci": [0.1, 0.4], "p_value": 0.0004},
    ]
    told = {"tasks": 8, "controllers": {"base": "never", "trained": "never"}, "rows": rows, "reason": None}
    (folder / "held_out.json").write_text(json.dumps(told), encoding="utf-8")
    table = base_and_trained(told)
    assert [list(column.cells)[1] for column in table.columns] == [
        *("trained", "never", "0.500 [0.40, 0.60]", "12", "+0.250 [0.10, 0.40]", "<.001")
    ]
    training_report(folder)
    assert "On 8 held-out tasks" in (folder / "report.html").read_text(encoding="utf-8")


def test_nothing_to_show_yet(tmp_path: Path) -> None:
    folder = training(tmp_path / "run", [])
    with pytest.raises(RunFolderError, match="no step is done yet; continue it with tracer-env train --resume"):
        training_report(folder)


def test_report_verify_and_replay_say_what_a_training_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    training(tmp_path / "run", LINES)
    assert main(["report", "run"]) == 0
    assert "run/report.html" in capsys.readouterr().out
    assert main(["report", "run", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("policy,step,reward,accuracy")
    for command in ("verify", "replay"):
        assert main([command, "run"]) == 2
        assert "run is a training, and holds no episodes" in (said := capsys.readouterr().err)
        assert "see its course with tracer-env report run" in said
    assert main(["train", "--scenario", "arithmetic", "--steps", "40", "--out", "table"]) == 0
    assert main(["report", "table"]) == 0
    assert "average regret" in capsys.readouterr().out


def test_no_split_to_be_judged_on(tmp_path: Path) -> None:
    config = Config.from_data({"scenario": {"name": f"jsonl:{tmp_path}"}, "speaker": {"name": "simulated"}})
    found = held_out(config, ("simulated", {}), None)
    assert found is not None
    assert (found["rows"], found["tasks"]) == ([], 0)
    assert "test.jsonl" in found["reason"]
    none = Config.from_data({"training": {"held_out": 0}})
    assert held_out(none, ("simulated", {}), None) is None


def test_base_and_trained_play_the_same_tasks() -> None:
    asked = {"scenario": {"name": "arithmetic"}, "training": {"held_out": 30}, "gspo": {"role": "reviewer"}}
    found = held_out(Config.from_data(asked), ("simulated:strong_proposer", {}), None)
    assert found is not None
    assert found["controllers"] == {"base": "until_approved", "trained": "until_approved"}
    base, trained = found["rows"]
    assert (base["method"], trained["method"], found["tasks"]) == ("base", "trained", 30)
    assert trained["paired_difference"] == pytest.approx(trained["accuracy"] - base["accuracy"])
