"""The picture of a frontier: what is refused, and that it says what the table says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracer_env.errors import ConfigError, MissingExtraError
from tracer_env.trainers.cfr.frontier_picture import _by_tokens, _priced, draw

POINT = {"accuracy": 0.5, "accuracy_ci": [0.3, 0.8], "tokens_per_task": 100.0, "tokens_half_width": 5.0}
DATA = {
    "tasks": 3,
    "worlds": 1,
    "scenario": "sums",
    "speaker": "",
    "points": [
        {"price": 1e-4, "learned": POINT, "optimum": POINT, "clairvoyant": {**POINT, "accuracy": accuracy}}
        for accuracy in (0.6, 0.7)
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


def _at(price: float, tokens: float, accuracy: float) -> dict[str, object]:
    return {"price": price, "learned": {**POINT, "tokens_per_task": tokens, "accuracy": accuracy}}


def test_the_learned_line_is_in_order_of_tokens_each_place_once() -> None:
    points = [_at(0.0, 200, 0.8), _at(1e-5, 220, 0.9), _at(1e-4, 220, 0.9), _at(1e-3, 100, 0.5)]
    line = _by_tokens(points, "learned")
    assert [(price, point["tokens_per_task"]) for price, point in line] == [(1e-3, 100), (0.0, 200), (1e-5, 220)]


def test_a_few_points_are_named_by_their_price_per_token() -> None:
    points = [_at(step / 1e5, 200 - step, 0.8) for step in range(24)]
    told = [name for name, _ in _priced(points)]
    assert told[0] == "0.00023 a token"
    assert told[-1] == "0 a token"
    assert len(told) == 5
    assert len(_priced(points[:1])) == 1
