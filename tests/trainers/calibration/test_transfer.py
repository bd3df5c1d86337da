"""The transfer gap: nothing where the simulation is the speaker, something where it cannot be."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.errors import ConfigError
from tracer_env.rules import Rules
from tracer_env.statistics.expected import accuracy_interval
from tracer_env.trainers.calibration.transfer import BASELINES, transfer_gap, transfer_table
from tracer_env.trees.growth import expand
from tracer_env.trees.split import halves, take_tasks
from tracer_env.types import Task

TASKS = [Task(f"t{i}", "?", str(i), difficulty=(i % 5) / 4) for i in range(400)]


def test_a_simulation_of_a_simulation_loses_nothing() -> None:
    trees = expand(TASKS, SimulatedSpeaker("balanced"), Rules(), seed=1, texts=False)
    found = transfer_gap(trees, worlds=2, iterations=100, starts=2)
    assert [gap["method"] for gap in found["gaps"]] == ["regret_matching", "cfr_plus"]
    for gap in found["gaps"]:
        assert abs(gap["gap"]) <= 2 * gap["half_width"] + 1e-9
        assert abs(gap["gap"]) < 0.03
    assert json.loads(json.dumps(found)) == found


def test_the_rows_are_exact_on_the_held_out_halves() -> None:
    trees = expand(TASKS[:60], "simulated", Rules(), seed=2, worlds=2, texts=False)
    found = transfer_gap(trees, worlds=1, iterations=20, starts=1, seed=3)
    rows = {(row["controller"], row["trained_on"]): row for row in found["rows"]}
    assert {name for name, source in rows if source is None} == set(BASELINES)
    for name in BASELINES:
        whole = trees.evaluate(name)
        assert rows[name, None]["accuracy"] == pytest.approx(whole.accuracy)
        assert rows[name, None]["accuracy_ci"] == pytest.approx(accuracy_interval(whole.by_task("accuracy"), 2))
        assert rows[name, None]["tokens_per_task"] == pytest.approx(whole.tokens_per_task)
    best = rows["optimum", "held-out trees"]["accuracy"]
    learned = [row["accuracy"] for (name, source), row in rows.items() if source in ("trees", "simulation")]
    assert len(learned) == 4
    assert max(learned) <= best + 1e-9
    assert best >= max(rows[name, None]["accuracy"] for name in ("never", "always", "vote_threshold"))
    first, _ = halves(trees, 3)
    assert len(take_tasks(trees, first).tasks) == 30


def test_what_a_gap_is_made_of() -> None:
    trees = expand(TASKS[:40], "simulated", Rules(), seed=2, texts=False)
    found = transfer_gap(trees, worlds=1, iterations=20, starts=1)
    rows = {(row["controller"], row["trained_on"]): row["accuracy"] for row in found["rows"]}
    for gap in found["gaps"]:
        lost = rows[gap["method"], "trees"] - rows[gap["method"], "simulation"]
        assert gap["gap"] == pytest.approx(lost)


def test_the_same_seed_gives_the_same_answer() -> None:
    trees = expand(TASKS[:20], "simulated", Rules(max_turns=3), seed=2, texts=False)
    assert transfer_gap(trees, 1, 10, 2, seed=1) == transfer_gap(trees, 1, 10, 2, seed=1)


def test_keys_that_training_never_met_are_counted() -> None:
    # one trained half in two has no invalid proposal, so the other half's invalid keys are new to it
    speaker = SimulatedSpeaker(Simulation(invalid=0.02))
    tasks = TASKS[:8]
    for seed in range(40):
        trees = expand(tasks, speaker, Rules(max_turns=3), seed=seed, texts=False)
        names = [take_tasks(trees, half).keys().names for half in halves(trees)]
        missing = len(set(names[0]) ^ set(names[1]))
        if missing:
            break
    found = transfer_gap(trees, worlds=1, iterations=10, starts=1)
    rows = {(row["controller"], row["trained_on"]): row["unseen_keys"] for row in found["rows"]}
    assert rows["cfr_plus", "trees"] == missing > 0
    assert rows["optimum", "held-out trees"] == 0


@pytest.mark.parametrize(("tasks", "turns"), [(3, 5), (8, 1)])
def test_too_little_to_split(tasks: int, turns: int) -> None:
    trees = expand(TASKS[:tasks], "simulated", Rules(max_turns=turns), seed=0)
    with pytest.raises(ConfigError, match=f"at least 4 tasks and 2 turns, got {tasks} and {turns}"):
        transfer_gap(trees)


def test_the_table() -> None:
    trees = expand(TASKS[:20], "simulated", Rules(), seed=2, texts=False)
    found = transfer_gap(trees, worlds=1, iterations=10, starts=1)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(transfer_table(found))
    lines = console.export_text().splitlines()
    assert lines[0].startswith("held-out accuracy on 20 recorded tasks")
    assert len(lines) == 2 + len(found["rows"]) + 1
    assert "gap in points (± 95%): regret_matching" in lines[-1]
    shown = [float(line.split(" [")[0].split()[-1]) for line in lines[2:-1]]
    assert shown == sorted(shown, reverse=True)
    assert np.isfinite(shown).all()
