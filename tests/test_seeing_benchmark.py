"""The study of sight across speakers, in its short form: better confidence closes more, and fresh tasks are fresh."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import tracer_env
from tracer_env.errors import ConfigError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "seeing", raising=False)
    import seeing

    return seeing


def test_the_short_form(seeing, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = seeing.main(["--quick", "--json", str(tmp_path / "all.json")])
    studies = list(found.values())
    assert list(found) == [f"simulated, confidence {area}" for area in seeing.AREAS]
    areas = [{row["signal"]: row for row in study["signals"]}["logprob_mean"]["area"] for study in studies]
    assert areas == pytest.approx(seeing.AREAS, abs=0.03)
    values = [study["informations"][1]["value"] for study in studies]
    assert values[-1] > values[0] + 0.02
    assert {study["informations"][0]["value"] for study in studies} == {studies[0]["informations"][0]["value"]}
    told = capsys.readouterr().out
    assert told.count("### simulated") == 5
    assert "| vote+time+confidence |" in told
    assert (tmp_path / "all.json").stat().st_size > 1000


def test_fresh_tasks_stand_in_no_recording_and_come_once(seeing) -> None:
    tasks = seeing.fresh(1, 60, (1, 2))
    asked = {task.question for task in tasks}
    recorded = {t.question for split in ("train", "test") for t in tracer_env.make_scenario("recorded", split=split)}
    assert len(tasks) == len(asked) == 60
    assert not asked & recorded
    assert [task.metadata["level"] for task in tasks[:4]] == [1, 2, 1, 2]


def test_a_call_costs_the_same_whoever_speaks(seeing) -> None:
    tasks = tracer_env.make_scenario("arithmetic", limit=20)
    trees = tracer_env.expand(tasks, "simulated", texts=False)
    tokens = sum(float((level.prompt_tokens + level.completion_tokens).sum()) for level in trees.levels)
    assert seeing.price_of(trees) * tokens / (20 * 16) == pytest.approx(seeing.CALL)


def test_counts_are_checked(seeing) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        seeing.main(["--quick", "--again", "0"])
