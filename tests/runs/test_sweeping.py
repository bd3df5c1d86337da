"""Sweeps: every seed at every point, each as if it were trained alone; what was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.executors.seam import InProcess
from tracer_env.runs import sweeping
from tracer_env.runs.config import Config
from tracer_env.runs.sweeping import Training, asked_again, figures, planned, sweep

DATA: dict[str, Any] = {"scenario": {"name": "arithmetic"}, "training": {"episodes": 40}, "seed": 5}
GRID = ["training.update_every=8,16", "rules.max_turns=3,5"]


def test_seeds_turn_fastest_and_every_point_is_there() -> None:
    runs = planned(DATA, "regret_matching", [0, 1], GRID)
    assert [tuple(run.settings.values()) for run in runs] == [
        (every, turns, seed) for every in (8, 16) for turns in (3, 5) for seed in (0, 1)
    ]
    assert [run.number for run in runs] == list(range(8))
    assert (runs[2].config.training.update_every, runs[2].config.rules.max_turns, runs[2].config.seed) == (8, 5, 0)
    assert planned(DATA, "regret_matching", None, GRID)[0].config.seed == 5


@pytest.mark.parametrize(
    ("seeds", "grid", "line"),
    [
        ([0, 0], [], "--seeds 0,0 names a seed twice"),
        ([], [], "names a seed twice"),
        ([0, 1], ["seed=2,3"], "--grid seed=... and --seeds both say the seeds"),
        (None, ["rules.max_turns=3"], "--grid takes KEY=a,b with at least two values"),
        (None, ["rules.max_turns"], "--grid takes KEY=a,b"),
        (None, ["rules.max_turns=3,3"], "names a value twice"),
        (None, ["rules.max_turns=3,5", "rules.max_turns=7,9"], "names a setting twice"),
        (None, ["rules.max_trns=3,5"], "unknown key rules.max_trns; did you mean 'max_turns'?"),
        (None, ["rules.max_turns=3,0"], "rules.max_turns must be"),
        (None, ["gspo.beta=0,1"], "gspo.beta is for training a language model"),
        (None, ["evaluation.worlds=1," + ",".join(map(str, range(2, 10_002)))], "at most 10,000"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(seeds: Any, grid: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(DATA, "regret_matching", seeds, grid)
    assert line in str(caught.value)


def _tables(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("runs/*/controllers/*.json"))]


def test_each_is_trained_as_if_alone(tmp_path: Path) -> None:
    runs = planned(DATA, "regret_matching", [0, 1], None)
    place, results = sweep(runs, "regret_matching", Config.from_data(DATA), tmp_path / "sweep", InProcess())
    assert [result["seed"] for result in results] == [0, 1]
    alone = Training("regret_matching").ready()((runs[1].config.to_data(), str(tmp_path / "alone")))
    assert figures(results[1]) == figures(alone)
    one = json.loads((place / "runs" / "001" / "controllers" / "regret_matching.json").read_bytes())
    two = json.loads((tmp_path / "alone" / "controllers" / "regret_matching.json").read_bytes())
    assert one["tables"] == two["tables"]


class Stopping(InProcess):
    """Stops as Ctrl-C does, after so many trainings."""

    def __init__(self, after: int) -> None:
        self.after = after

    def run(self, work: Any, chunks: Any) -> Any:
        for number, result in enumerate(super().run(work, chunks)):
            if number == self.after:
                raise KeyboardInterrupt
            yield result


def test_what_was_stopped_goes_on_and_does_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, out = Config.from_data(DATA), tmp_path / "sweep"
    runs = planned(DATA, "regret_matching", [0, 1], GRID[:1])
    with pytest.raises(KeyboardInterrupt):
        sweep(runs, "regret_matching", shared, out, Stopping(2))
    there = json.loads((out / "sweep.json").read_bytes())["runs"]
    assert [run["result"] is not None for run in there] == [True, True, False, False]
    again = planned(DATA, *(lambda method, seeds, grid: (method, seeds, grid))(*asked_again(out)))
    assert [run.settings for run in again] == [run.settings for run in runs]
    trained = list[str]()
    ready = Training.ready

    def counting(self: Training) -> Callable[[Any], Any]:
        do = ready(self)
        return lambda chunk: trained.append(Path(chunk[1]).name) or do(chunk)  # type: ignore[func-returns-value]

    monkeypatch.setattr(sweeping.Training, "ready", counting)
    sweep(again, "regret_matching", shared, out, InProcess(), resume=out)
    assert trained == ["002", "003"]
    whole, _ = sweep(runs, "regret_matching", shared, tmp_path / "whole", InProcess())
    assert [json.loads(one)["tables"] for one in _tables(out)] == [json.loads(one)["tables"] for one in _tables(whole)]


def test_another_sweep_is_refused(tmp_path: Path) -> None:
    shared, out = Config.from_data(DATA), tmp_path / "sweep"
    sweep(planned(DATA, "regret_matching", [0, 1], None), "regret_matching", shared, out, InProcess())
    with pytest.raises(RunFolderError, match="was begun as another sweep"):
        sweep(planned(DATA, "regret_matching", [0, 2], None), "regret_matching", shared, out, InProcess(), resume=out)
    with pytest.raises(RunFolderError, match="exists already"):
        sweep(planned(DATA, "regret_matching", [0, 1], None), "regret_matching", shared, out, InProcess())
