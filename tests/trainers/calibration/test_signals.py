"""What speakers tell of their own words, fitted: areas by hand, errors that know the task, defaults where untold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.events import Events
from tracer_env.trainers.calibration.fit import Estimate
from tracer_env.trainers.calibration.signals import SIGNAL_RATES, area_moves, fit_signals

NAN = math.nan
Row = tuple[int, int, float, float, int]  # context, outcome, mean, margin, agrees


def events(rows: list[Row], task: list[int] | None = None) -> Events:
    context, outcome, mean, margin, agrees = (np.array(column) for column in zip(*rows, strict=True))
    count = np.zeros(len(rows), dtype=np.int64)
    return Events(
        task=np.arange(len(rows)) if task is None else np.array(task),
        difficulty=np.zeros(len(rows)),
        context=context.astype(np.int8),
        outcome=outcome.astype(np.int8),
        prompt=count,
        completion=count,
        reread=count,
        choices=count.astype(np.int16),
        mean=mean.astype(np.float32),
        margin=margin.astype(np.float32),
        agrees=agrees.astype(np.int8),
    )


def proposal(correct: bool, mean: float) -> Row:
    return ev.FIRST, ev.CORRECT if correct else ev.OTHER, mean, NAN, 0


def review(of_correct: bool, margin: float, agrees: int = 0, mean: float = NAN) -> Row:
    said = ev.SAYS_RIGHT if margin > 0 else ev.SAYS_WRONG
    return ev.OF_CORRECT if of_correct else ev.OF_WRONG, said, mean, margin, agrees


def fitted(rows: list[Row], task: list[int] | None = None) -> dict[str, Estimate]:
    found = fit_signals(events(rows, task), Simulation())
    assert tuple(estimate.name for estimate in found) == SIGNAL_RATES
    return {estimate.name: estimate for estimate in found}


def test_an_area_by_hand() -> None:
    """Correct 3 and 1, others 2, 1 and 0: 3 beats all three, 1 beats one and ties one: (3 + 1.5) / 6."""
    value, positive = np.array([3.0, 1.0, 2.0, 1.0, 0.0]), np.array([True, True, False, False, False])
    area, moved, by_task = area_moves(value, positive, np.array([0, 0, 0, 1, 1]))
    assert area == 0.75
    assert moved.tolist() == pytest.approx([0.25 / 2, -0.25 / 2, (0.5 - 0.75) / 3, (0.75 - 0.75) / 3, (1 - 0.75) / 3])
    assert by_task.tolist() == pytest.approx([-0.25 / 3, 0.25 / 3])


def test_the_error_is_that_of_the_area() -> None:
    """Over 300 samples the area scatters as its error says, and ten alike utterances a task tell no more than one."""
    luck, areas, errors = np.random.default_rng(0), [], []
    for _ in range(300):
        rows = [
            proposal(i < 60, float(x)) for i, x in enumerate(luck.normal(-5, 1, 100) + np.repeat([1.0, 0], [60, 40]))
        ]
        one = fitted(rows)["confidence"]
        areas.append(one.value)
        errors.append(one.standard_error or 0.0)
    assert np.std(areas) == pytest.approx(np.mean(errors), rel=0.12)
    assert np.mean(areas) == pytest.approx(0.7602, abs=0.01)  # Phi(1 / sqrt(2))
    ten = fitted(rows * 10, list(range(100)) * 10)["confidence"]
    assert ten.value == pytest.approx(one.value)
    assert ten.standard_error == pytest.approx(one.standard_error)
    assert ten.independent_error == pytest.approx((one.standard_error or 0.0) / math.sqrt(10), rel=0.02)


def test_the_middle_and_the_spread_by_hand() -> None:
    """Logarithms 0 and 2 of the correct ones, 4 and 8 of the others: centres 1 and 6, squares 1, 1, 4 and 4."""
    logs = [(True, 0.0), (True, 2.0), (False, 4.0), (False, 8.0)]
    found = fitted([proposal(correct, -math.exp(log)) for correct, log in logs])
    assert found["surprise"].value == pytest.approx(math.exp(3.5))
    assert found["surprise_spread"].value == pytest.approx(math.sqrt(2.5))
    assert found["confidence"].value == 1.0
    assert found["confidence"].note == "at the bound"
    assert found["confidence"].standard_error == pytest.approx(math.sqrt(1 / 6 * 5 / 6 / 2))  # of 1/2 among 3


def test_margins_by_hand() -> None:
    """Of correct ones +4 and -1, of another one +2: one of two pairs. Sizes are 4 where right, 1 and 2 where wrong."""
    found = fitted([review(True, 4.0), review(True, -1.0), review(False, 2.0)])
    assert found["margin"].value == 0.5
    assert found["margin_size"].value == pytest.approx(math.sqrt(4.0 * math.sqrt(2.0)))
    assert found["margin_spread"].value == pytest.approx(math.log(2.0) / 2 * math.sqrt(2 / 3))
    assert found["margin"].events == 3


def test_what_is_untold_keeps_its_default() -> None:
    found = fitted([proposal(True, NAN), proposal(False, NAN), (ev.OF_CORRECT, ev.SAYS_RIGHT, NAN, NAN, 0)])
    assert {estimate.note for estimate in found.values()} == {"not identified"}
    assert [found[name].value for name in SIGNAL_RATES] == [getattr(Simulation(), name) for name in SIGNAL_RATES]
    one_class = fitted([proposal(True, -0.5), proposal(True, -0.25)])
    assert one_class["confidence"].note == "not identified"
    assert one_class["surprise"].value == pytest.approx(math.sqrt(0.125))


def test_own_answers_by_hand() -> None:
    stated = [review(True, 1.0, 1), review(True, 1.0, -1), review(False, -1.0, -1), review(False, 1.0, 0)]
    found = fitted([*stated, (ev.OF_INVALID, ev.SAYS_WRONG, NAN, NAN, 0)])
    assert (found["own"].value, found["own_tpr"].value, found["own_tnr"].value) == (0.75, 0.5, 1.0)
    assert found["own_tnr"].events == 1


def test_silence_of_a_reviewer_that_tells_something_is_a_finding() -> None:
    assert fitted([review(True, 1.0), review(False, -1.0)])["own"].value == 0.0
    assert fitted([(ev.OF_CORRECT, ev.SAYS_RIGHT, NAN, NAN, 0)])["own"].note == "not identified"


def test_what_is_told_without_end_is_cut() -> None:
    found = fitted([proposal(True, -0.0), proposal(False, -1.0), review(True, 0.5)])
    assert found["surprise"].value == pytest.approx(math.sqrt(1e-6))
    assert found["surprise"].standard_error is not None
    assert math.isfinite(found["surprise"].standard_error)
