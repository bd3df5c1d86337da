"""The options --seeds and --grid of train: the table, the dry run, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracer_env.cli.app import main
from tracer_env.cli.sweeping import points


def test_a_point_is_told_by_mean_lowest_and_highest_over_its_seeds() -> None:
    settings = [{"gspo.beta": 0, "seed": 1}, {"gspo.beta": 0, "seed": 2}, {"gspo.beta": 1, "seed": 1}]
    results = [{"average_regret": {"last": value}} for value in (0.25, 0.75, 0.125)]
    one, two = points(settings, results)
    assert one == {
        "settings": "gspo.beta=0",
        "trainings": 2,
        "average regret": 0.5,
        "average regret lowest": 0.25,
        "average regret highest": 0.75,
    }
    assert (two["settings"], two["average regret"]) == ("gspo.beta=1", 0.125)
    assert points([{"seed": 1}], results[:1])[0]["settings"] == "all"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        return code, *capsys.readouterr()

    return call


SMALL = ("train", "--scenario", "arithmetic", "--speaker", "simulated", "--steps", "40")


def test_the_command_prints_a_row_for_each_point(told: Any) -> None:
    code, out, _ = told(*SMALL, "--seeds", "0,1", "--grid", "rules.max_turns=3,5", "--out", "there")
    assert code == 0
    assert "regret_matching: 4 trainings" in out
    assert "rules.max_turns=3" in out
    code, out, _ = told("train", "--resume", "there", "--json")
    assert code == 0
    rows = json.loads(out)["points"]
    assert [(row["settings"], row["trainings"]) for row in rows] == [("rules.max_turns=3", 2), ("rules.max_turns=5", 2)]
    assert all(row["average regret lowest"] <= row["average regret"] <= row["average regret highest"] for row in rows)
    code, out, _ = told("train", "--resume", "there", "--format", "csv")
    assert out.splitlines()[0].startswith("settings,trainings,average regret")


def test_the_command_shows_what_it_would_train(told: Any) -> None:
    code, out, _ = told(*SMALL, "--seeds", "3,4", "--dry-run")
    assert (code, out) == (0, "seed=3\nseed=4\n")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (("--seeds", "0,x"), "--seeds takes whole numbers between commas, such as 0,1,2, got '0,x'"),
        (("--seeds", "0,1", "--trees", "nowhere"), "--seeds does not go with --trees"),
        (("--seeds", "0,1", "--executor", "rai"), "unknown executor 'rai'; did you mean 'ray'?"),
    ],
)
def test_the_command_refuses_in_one_line(told: Any, asked: tuple[str, ...], line: str) -> None:
    code, _, err = (
        told("train", "--scenario", "arithmetic", *asked) if "--trees" not in asked else told("train", *asked)
    )
    assert code == 2
    assert line in err
