"""metrics.json and environment.json: read by kind, those of before too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samples import one_proposal

from tracer_env.errors import RunFolderError
from tracer_env.runs.records import read_environment, read_metrics
from tracer_env.statistics.metrics import Tally
from tracer_env.types import Grade

ROWS = [row.to_data() for row in Tally([one_proposal(Grade.CORRECT)]).rows("m")]
METRICS = {"schema": 1, "scenario": "arithmetic", "seed": 3, "baseline": "m", "rows": ROWS}
ENVIRONMENT = {
    "schema": 1,
    "python": "3.11.7",
    "platform": "Linux",
    "packages": {"numpy": "2.0"},
    "seed": 3,
    "tasks": 2,
    "tasks_digest": "0123456789abcdef",
}


def written(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_what_is_recorded_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    for metrics in (METRICS, {**METRICS, "episodes_digest": "ab" * 32}):
        assert read_metrics(written(file, metrics)) == metrics
    for environment in (ENVIRONMENT, {**ENVIRONMENT, "task_ids": ["a", "b"]}, {**ENVIRONMENT, "more": {"x": [1]}}):
        assert read_environment(written(file, environment)) == environment
    assert read_environment(tmp_path / "none.json") is None
    with pytest.raises(RunFolderError, match="is missing; run compare to make it"):
        read_metrics(tmp_path / "none.json")


def refused(reader: Any, path: Path, message: str) -> None:
    with pytest.raises(RunFolderError, match=message) as caught:
        reader(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": "<script>"}, "seed is '<script>'; it must be a whole number"),
        ({"seed": 1 << 63}, "seed is"),
        ({"schema": 2}, "schema is 2; it must be the whole number 1"),
        ({"schema": True}, "schema is True"),
        ({"scenario": "\x1b[2J"}, "control characters"),
        ({"baseline": None}, "baseline is None"),
        ({"episodes_digest": "xyz"}, "episodes_digest is 'xyz'"),
        ({"extra": 1}, "extra is unknown"),
        ({"rows": []}, "rows has 0 entries"),
        ({"rows": ROWS * 2}, "two rows of one method"),
        ({"rows": [{**ROWS[0], "accuracy": "high"}]}, "accuracy is 'high'; it must be a finite number"),
    ],
)
def test_metrics_of_another_kind(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    refused(read_metrics, written(tmp_path / "metrics.json", {**METRICS, **values}), message)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tasks": -1}, "tasks is -1"),
        ({"tasks": 10**12}, "tasks is 1000000000000"),
        ({"tasks": 2.0}, "tasks is 2.0"),
        ({"tasks_digest": 5}, "tasks_digest is 5"),
        ({"task_ids": ["a"]}, "task_ids has 1 entries, and tasks is 2"),
        ({"task_ids": ["a", "a"]}, "a list of ids, each once"),
        ({"task_ids": ["a", 1]}, r"task_ids\[1\] is 1; it must be a text"),
        ({"packages": ["numpy"]}, "packages is"),
        ({"seed": None}, "seed is None"),
    ],
)
def test_environments_of_another_kind(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    refused(read_environment, written(tmp_path / "environment.json", {**ENVIRONMENT, **values}), message)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 10_000, b"\xff\xfe{}", b'{"seed":1,"seed":2}', b"null", b"NaN"])
def test_what_is_no_record(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.json").write_bytes(content)
    for reader in (read_metrics, read_environment):
        refused(reader, tmp_path / "file.json", r"file\.json")
