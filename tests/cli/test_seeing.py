"""The command see: table, picture and data, on trees and on the recording of the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracer_env.cli.app import main


@pytest.fixture
def trees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    asked = ["--scenario", "arithmetic", "--speaker", "simulated", "--split", "train", "--limit", "30"]
    assert main(["expand", *asked, "--out", str(tmp_path / "trees")]) == 0
    capsys.readouterr()
    return tmp_path / "trees"


FEW = ["--information", "vote_and_time", "--information", "time_only", "--iterations", "5", "--starts", "1"]


def test_the_tables_fit_on_80_columns(
    trees: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["see", str(trees), *FEW, "--price", "1e-4", "--picture", str(trees.parent / "p.svg")]) == 0
    told = capsys.readouterr().out
    assert max(len(line) for line in told.splitlines() if not line.startswith("picture ")) <= 80  # a path is not cut
    for words in (
        "30 held-out tasks",
        "price 0.0001 a token",
        "(best fixed",
        "vote_and_time",
        "clairvoyant: the",
    ):
        assert words in told
    assert "logprob_mean of a proposer" in told
    drawn = (trees.parent / "p.svg").read_text()
    assert drawn.startswith('<svg xmlns="http://www.w3.org/2000/svg" ')
    assert "time_only" in drawn


def test_the_data_names_the_splits_of_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["see", "recorded", *FEW, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["held_out"] == "trees of the split test"
    assert [row["name"] for row in found["informations"]] == ["vote_and_time", "time_only"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--picture", "study.gif"], "is a .png or an .svg file"),
        (["--information", "votes"], "unknown information 'votes'"),
        (["--price", "-1"], "price is of a token"),
    ],
)
def test_what_cannot_work_is_one_line(
    trees: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["see", str(trees), *more]) == 2
    assert message in capsys.readouterr().err
    assert main(["see", "recorded", "--test", str(trees)]) == 2


def test_a_png_is_a_png(trees: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["see", str(trees), *FEW, "--picture", str(trees.parent / "p.png")]) == 0
    assert (trees.parent / "p.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
