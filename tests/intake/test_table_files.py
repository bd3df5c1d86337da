"""Files of trained tables: taken over as they were, or refused in one line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracer_env.agents.controllers.regret_matching import RegretMatching
from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.intake.table_files import read_table, take_over
from tracer_env.runs.learning import write_controller

TRAINING: dict[str, Any] = {
    "episodes": 64,
    "average_regret": {"first": 0.5, "last": 0, "slope": None},
    "turns": 320,
    "tokens": 0,
    "counterfactual_tokens": 9,
    "average_regret_curve": [[64, 0.5]],
    "policy_table": [{"key": "a/b", "visits": 3, "speak_average": 1, "average_regret": None}],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    table = RegretMatching()
    table.update("k", (0.0, 1.0))
    (tmp_path / "controllers").mkdir()
    write_controller(tmp_path / "controllers" / "regret_matching.json", [table.state_dict()], TRAINING)
    return tmp_path / "controllers" / "regret_matching.json"


def test_what_was_written_is_taken_over_as_it_was(file: Path) -> None:
    table = RegretMatching()
    training = take_over(file, [table])
    assert json.dumps(training) == json.dumps(TRAINING)
    assert table.rows["k"].visits == 1
    assert read_table(file)["controller"] == "regret_matching"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": 3}, "tables is 3; it must be a list"),
        ({"tables": []}, "holds 0 tables, not 1"),
        ({"tables": [3]}, r"tables\[0\] is 3"),
        ({"tables": [{}]}, "this is a None table of schema None"),
        ({"training": None}, "training is None"),
        ({"training": {**TRAINING, "episodes": "64"}}, r"training\.episodes is '64'"),
        ({"training": {**TRAINING, "turns": float("nan")}}, "NaN is no number of JSON"),
        ({"training": {**TRAINING, "average_regret": 3}}, r"training\.average_regret is 3"),
        ({"training": {**TRAINING, "average_regret_curve": [[64]]}}, r"average_regret_curve\[0\] has 1 entries"),
        ({"training": {**TRAINING, "policy_table": [{"key": "\x1b"}]}}, r"policy_table\[0\]\.key is '\\x1b'; control"),
        ({"training": {**TRAINING, "policy_table": [{"key": "a", "x": "y"}]}}, r"policy_table\[0\]\.x is 'y'"),
    ],
)
def test_a_damaged_file_is_refused(file: Path, changes: dict[str, Any], message: str) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(RunFolderError, match=message) as caught:
        take_over(file, [RegretMatching()])
    assert str(caught.value).endswith("; delete it to train regret_matching again")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"[", b"[" * 10_000, b"\xff\xfe{", b"[]", b"{}"])
def test_what_is_no_file_of_tables(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"; delete it to train regret_matching again$"):
        take_over(file, [RegretMatching()])
    with pytest.raises(ConfigError, match=r"; give a file that a training has written$"):
        read_table(file)
