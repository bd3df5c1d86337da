"""The picture of a frontier: what is refused, and that it says what the table says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.trainers.cfr.frontier_picture import draw

POINT = {"accuracy": 0.5, "accuracy_ci": [0.3, 0.8], "tokens_per_task": 100.0, "tokens_half_width": 5.0}
DATA = {
    "tasks": 3,
    "worlds": 1,
    "speaker": "",
    "points": [
        {"learned": POINT, "optimum": POINT, "clairvoyant": {**POINT, "accuracy": accuracy}} for accuracy in (0.6, 0.7)
    ],
    "baselines": {"never": POINT, "always": {**POINT, "tokens_per_task": 400.0}, "oracle": {**POINT, "accuracy": 0.52}},
}


def test_a_missing_matplotlib_is_said_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tracer-env\[plots\]"'):
        draw(tmp_path / "x.png")


def test_only_png(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a \.png file"):
        draw(tmp_path / "x.pdf")


def test_a_picture_and_nothing_else_is_left(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(tmp_path / "x.png")(DATA)
    assert (tmp_path / "x.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot write the picture"):
        draw(tmp_path / "file" / "x.png")(DATA)
