"""Goodness of fit: tails from the tables, cells by hand, and a misfit that shows."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from calibration_events import events

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.rules import Rules
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.checks import check_fit, chi_square_tail, difficulty_bins
from tracer_env.trainers.calibration.events import Events, tree_events
from tracer_env.trainers.calibration.fit import fit_rates
from tracer_env.trees.growth import expand
from tracer_env.types import Task


@pytest.mark.parametrize(
    ("value", "degrees", "tail"),
    [
        (3.841459, 1, 0.05),
        (6.634897, 1, 0.01),
        (5.991465, 2, 0.05),
        (7.814728, 3, 0.05),
        (9.487729, 4, 0.05),
        (18.307038, 10, 0.05),
        (24.995790, 15, 0.05),
        (124.342113, 100, 0.05),
        (0.0, 7, 1.0),
    ],
)
def test_tails_from_the_tables(value: float, degrees: int, tail: float) -> None:
    assert chi_square_tail(value, degrees) == pytest.approx(tail, abs=1e-7)


def test_no_degrees_of_freedom() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        chi_square_tail(1.0, 0)


def test_bins_hold_about_as_many_tasks_each() -> None:
    spread = events(*((1, ev.FIRST, ev.CORRECT, i / 99) for i in range(100)))
    assert [(round(99 * low), round(99 * high)) for low, high in difficulty_bins(spread)] == [
        (0, 24),
        (25, 49),
        (50, 74),
        (75, 99),
    ]
    two = events((9, ev.FIRST, ev.CORRECT, 0.2), (1, ev.FIRST, ev.OTHER, 0.8))
    assert difficulty_bins(two) == [(0.2, 0.2), (0.8, 0.8)]
    assert difficulty_bins(events((1, ev.FIRST, ev.CORRECT))) == [(0.5, 0.5)]


def test_a_cell_by_hand() -> None:
    # 60 of 100 at one difficulty and 40 of 100 at the other, fitted by a half: X^2 = 4 * 10^2 / 50 in all
    found = events(
        (60, ev.OF_CORRECT, ev.SAYS_RIGHT, 0.0),
        (40, ev.OF_CORRECT, ev.SAYS_WRONG, 0.0),
        (40, ev.OF_CORRECT, ev.SAYS_RIGHT, 1.0),
        (60, ev.OF_CORRECT, ev.SAYS_WRONG, 1.0),
    )
    cells, overall = check_fit(found, fit_rates(found, Simulation()))
    first, second = (cell for cell in cells if cell.event == "RIGHT to a correct one")
    assert (first.events, first.observed, first.expected, first.low, first.high) == (100, 60, 50.0, 0.0, 0.0)
    assert (second.observed, second.expected) == (40, 50.0)
    assert first.chi_square == second.chi_square == pytest.approx(8.0)  # the two are one and the same difference
    assert overall is not None
    assert overall.degrees == 1
    assert overall.chi_square == pytest.approx(8.0 * 199 / 200)
    assert overall.p == pytest.approx(0.0048, abs=1e-4)


def test_what_is_fitted_exactly_or_rare_is_not_tested() -> None:
    found = events((30, ev.FIRST, ev.CORRECT), (30, ev.FIRST, ev.OTHER), (2, ev.OF_WRONG, ev.SAYS_WRONG))
    cells, overall = check_fit(found, fit_rates(found, Simulation()))
    assert {cell.event for cell in cells} == {
        "proposal without answer",
        "review without verdict",
        "WRONG to a wrong one",
        "first: correct",
    }
    assert all(cell.p is None and cell.chi_square is None for cell in cells)
    assert overall is None


def both(left: Events, right: Events) -> Events:
    """Return the events of two sets of tasks together."""
    columns = {
        field.name: np.concatenate([getattr(left, field.name), getattr(right, field.name)])
        for field in fields(Events)
        if field.name not in ("task", "left_out")
    }
    return Events(task=np.concatenate([left.task, right.task + left.task.max() + 1]), **columns)


def test_a_misfit_shows_where_it_is() -> None:
    easy = [Task(f"e{i}", "?", "1", difficulty=0.2) for i in range(500)]
    hard = [Task(f"h{i}", "?", "1", difficulty=0.8) for i in range(500)]
    sharp, dull = SimulatedSpeaker(tpr=0.9), SimulatedSpeaker(tpr=0.7)
    found = both(*(tree_events(expand(t, s, Rules(), 1)) for t, s in ((easy, sharp), (hard, dull))))
    cells, overall = check_fit(found, fit_rates(found, Simulation()))
    assert overall is not None
    assert overall.p < 1e-6
    small = {cell.event for cell in cells if cell.p is not None and cell.p < 1e-4}
    assert small == {"RIGHT to a correct one"}


def test_p_values_are_even_when_the_simulation_is_the_truth() -> None:
    tasks = [Task(f"t{i}", "?", "1", difficulty=(i % 5) / 4) for i in range(400)]
    every, alls = [], []
    for seed in range(25):
        found = tree_events(expand(tasks, "simulated", Rules(), seed))
        cells, overall = check_fit(found, fit_rates(found, Simulation()))
        every += [cell.p for cell in cells if cell.p is not None]
        alls.append(overall.p if overall else None)
    shares = np.histogram(np.array(every), 4, (0.0, 1.0))[0] / len(every)
    assert shares == pytest.approx(np.full(4, 0.25), abs=0.05)
    assert all(p is not None and p > 1e-4 for p in alls)
