"""Rates by maximum likelihood, against shares and likelihoods worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import numpy as np
import pytest
from calibration_events import events
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.answers import Answers, best_answers, collision
from tracer_env.trainers.calibration.events import Events
from tracer_env.trainers.calibration.fit import RATES, Estimate, RateFit, clustered_error, fit_rates


def named(fit: RateFit) -> dict[str, Estimate]:
    return {estimate.name: estimate for estimate in fit.estimates}


def test_shares_by_hand() -> None:
    fit = fit_rates(
        events(
            (3, ev.FIRST, ev.CORRECT),
            (1, ev.FIRST, ev.OTHER),
            (1, ev.FIRST, ev.INVALID),
            (4, ev.OF_CORRECT, ev.SAYS_RIGHT),
            (1, ev.OF_CORRECT, ev.SAYS_WRONG),
            (2, ev.OF_WRONG, ev.SAYS_WRONG),
            (1, ev.OF_INVALID, ev.SAYS_RIGHT),
            (2, ev.OF_WRONG, ev.NO_VERDICT),
            (1, ev.CAVING, ev.CORRECT),
            (3, ev.CAVING, ev.OTHER),
        ),
        Simulation(),
    )
    found = named(fit)
    assert [found[name].value for name in ("invalid", "cave", "no_verdict", "tpr", "tnr")] == pytest.approx(
        [1 / 9, 3 / 4, 1 / 5, 4 / 5, 2 / 3]
    )
    assert found["tpr"].independent_error == pytest.approx(sqrt(0.8 * 0.2 / 5))
    assert found["tpr"].standard_error == pytest.approx(sqrt(0.8 * 0.2 / 5) * sqrt(5 / 4))
    assert found["skill"].value == pytest.approx(0.75)
    assert found["skill"].independent_error == pytest.approx(sqrt(0.75 * 0.25 / 4))
    assert found["mend"].note == found["repeat"].note == found["slope"].note == "not identified"
    told = 3 * log(3 / 4) + log(1 / 4)  # skill
    told += log(1 / 9) + 8 * log(8 / 9) + 3 * log(3 / 4) + log(1 / 4)  # invalid, cave
    told += 2 * log(1 / 5) + 8 * log(4 / 5)  # no_verdict
    told += 4 * log(4 / 5) + log(1 / 5) + 2 * log(2 / 3) + log(1 / 3)  # tpr, tnr
    assert fit.log_likelihood == pytest.approx(told)


def test_events_of_one_task_count_as_what_they_are() -> None:
    copied = [(4, ev.OF_CORRECT, ev.SAYS_RIGHT), (4, ev.OF_CORRECT, ev.SAYS_WRONG)] * 8
    found = named(fit_rates(events(*copied, per_task=4), Simulation()))["tpr"]
    assert found.independent_error == pytest.approx(sqrt(0.25 / 64))
    assert found.standard_error == pytest.approx(sqrt(0.25 / 16) * sqrt(16 / 15))  # 16 tasks that each say one thing


def test_the_mixture_by_hand() -> None:
    # skill 1/2, repeat 1/2, four distractors: a standing wrong answer is followed by a correct one in 1/4, by
    # itself in 1/2 + 1/4 * 1/4 = 9/16, by another in 3/16 of the cases
    fit = fit_rates(
        events(
            (800, ev.FIRST, ev.CORRECT),
            (800, ev.FIRST, ev.OTHER),
            (400, ev.BESIDE_WRONG, ev.CORRECT),
            (900, ev.BESIDE_WRONG, ev.SAME),
            (300, ev.BESIDE_WRONG, ev.OTHER),
        ),
        Simulation(),
    )
    found = named(fit)
    assert [found[name].value for name in ("skill", "repeat", "distractors")] == pytest.approx([0.5, 0.5, 4.0])
    told = 1600 * log(1 / 2) + 400 * log(1 / 4) + 900 * log(9 / 16) + 300 * log(3 / 16) + 3200 * log(1.0)
    assert fit.log_likelihood == pytest.approx(told)  # every proposal was valid, at no loss


def test_a_standing_correct_answer_by_hand() -> None:
    # skill 1/2, repeat 1/2: kept correct in 1/2 + 1/4
    lines = ((50, ev.FIRST, ev.CORRECT), (50, ev.FIRST, ev.OTHER))
    beside = ((75, ev.BESIDE_CORRECT, ev.CORRECT), (25, ev.BESIDE_CORRECT, ev.OTHER))
    found = named(fit_rates(events(*lines, *beside), Simulation()))
    assert found["repeat"].value == pytest.approx(0.5)
    # two equations, two unknowns: var(repeat) = (var(kept) + (1 - repeat)^2 var(skill)) / (1 - skill)^2
    assert found["repeat"].independent_error == pytest.approx(sqrt((0.75 * 0.25 / 100 + 0.25 * 0.25 / 100) / 0.25))


def test_the_slope_by_hand() -> None:
    lines = (
        (80, ev.FIRST, ev.CORRECT, 0.0),
        (20, ev.FIRST, ev.OTHER, 0.0),
        (20, ev.FIRST, ev.CORRECT, 1.0),
        (80, ev.FIRST, ev.OTHER, 1.0),
        (30, ev.MENDING, ev.CORRECT, 0.5),
        (10, ev.MENDING, ev.OTHER, 0.5),
    )
    found = named(fit_rates(events(*lines), Simulation()))
    assert found["skill"].value == pytest.approx(0.5)
    assert found["slope"].value == pytest.approx(2 * log(4))
    assert found["slope"].independent_error == pytest.approx(sqrt(2 / (100 * 0.16)))
    assert found["mend"].value == pytest.approx(0.75)


def test_all_tasks_alike_leave_the_slope_alone() -> None:
    lines = ((3, ev.FIRST, ev.CORRECT, 1.0), (1, ev.FIRST, ev.OTHER, 1.0))
    found = named(fit_rates(events(*lines), Simulation(slope=2.0)))
    assert found["slope"].note == "not identified"
    fitted = Simulation(skill=found["skill"].value, slope=2.0)
    assert fitted.chances(1.0)[0] == pytest.approx(0.75)


@pytest.mark.parametrize("wrong", [ev.SAME, ev.OTHER])
def test_answers_all_of_one_kind(wrong: int) -> None:
    found = named(fit_rates(events((9, ev.FIRST, ev.OTHER), (9, ev.BESIDE_WRONG, wrong)), Simulation()))
    assert found["skill"].value == 0.0
    assert found["skill"].note == "at the bound"
    assert 0.0 <= found["repeat"].value <= 1.0
    assert 1 <= found["distractors"].value <= 256
    if wrong == ev.OTHER:
        assert (found["repeat"].value, found["distractors"].value) == (0.0, 256)


def test_one_task_has_the_errors_of_independence() -> None:
    found = named(fit_rates(events((3, ev.FIRST, ev.CORRECT), (1, ev.FIRST, ev.OTHER), per_task=4), Simulation()))
    assert found["skill"].standard_error == found["skill"].independent_error == pytest.approx(sqrt(0.1875 / 4))
    assert clustered_error(np.array([0.3, -0.3]), np.array([0, 1, 1]), 9.0) == pytest.approx(sqrt(0.18 * 2))


@pytest.mark.parametrize(
    ("distractors", "room", "chance"),
    [
        (1, 256, 1.0),
        (2, 256, 0.5),
        (4, 256, 0.25),
        (3, 256, (86**2 + 85**2 + 85**2) / 256**2),
        (4, 3, 0.375),  # the fourth falls on the first
        (256, 256, 1 / 256),
    ],
)
def test_how_often_wrong_answers_coincide(distractors: int, room: int, chance: float) -> None:
    assert collision(distractors, room) == pytest.approx(chance)


CONTEXT = st.sampled_from([ev.FIRST, ev.AFTER_INVALID, ev.MENDING, ev.BESIDE_CORRECT, ev.BESIDE_WRONG])


@given(
    st.floats(-3, 3), st.floats(-3, 3), st.floats(-5, 5), st.floats(0.01, 0.99), st.integers(2, 40), CONTEXT,
    st.floats(0, 1),
)  # fmt: skip
def test_chances_add_up_and_their_derivatives_are_right(
    skill: float, mend: float, slope: float, repeat: float, distractors: int, context: int, difficulty: float
) -> None:
    answers = Answers.of(events((1, context, ev.CORRECT, difficulty)))
    theta = np.array([skill, mend, slope, repeat, float(distractors)])
    p, dp = answers.chances(theta)
    assert p.sum() == pytest.approx(1.0)
    assert (p >= 0.0).all()
    for place in range(4):
        step = np.zeros(5)
        step[place] = 1e-6
        ahead, behind = answers.chances(theta + step)[0], answers.chances(theta - step)[0]
        assert dp[place] == pytest.approx((ahead - behind) / 2e-6, abs=1e-5)


def handful(lines: Sequence[tuple[int, int, float]]) -> Events:
    """Return one event a line: context, 0 correct, 1 the same wrong answer where there can be one, 2 another."""
    wrong = {ev.MENDING, ev.BESIDE_WRONG}
    kinds = [ev.CORRECT if k == 0 else ev.SAME if k == 1 and c in wrong else ev.OTHER for c, k, _ in lines]
    return events(*((1, c, kind, d) for (c, _, d), kind in zip(lines, kinds, strict=True)))


def highest_on_a_grid(found: Events) -> float:
    """Return the best log-likelihood of answers over a grid of all five rates: the module's formula, by brute force."""
    skill, mend, slope, repeat = np.meshgrid(
        np.linspace(-12, 12, 17), np.linspace(-12, 12, 17), np.linspace(-40, 40, 17), np.linspace(0, 0.95, 9),
        indexing="ij", sparse=True,
    )  # fmt: skip
    best = -np.inf
    for distractors in (1, 2, 3, 4, 8, 256):
        total = np.zeros(1)
        for context, outcome, d in zip(found.context, found.outcome, found.difficulty, strict=True):
            q = 1 / (1 + np.exp(slope * (d - 0.5) - (mend if context == ev.MENDING else skill)))
            r = repeat if context in (ev.BESIDE_CORRECT, ev.BESIDE_WRONG) else 0.0 * repeat
            c = 1 / distractors if context in (ev.MENDING, ev.BESIDE_WRONG) else 0.0
            right, standing = float(context == ev.BESIDE_CORRECT), float(context == ev.BESIDE_WRONG)
            by_outcome = {
                ev.CORRECT: r * right + (1 - r) * q,
                ev.SAME: r * standing + (1 - r) * (1 - q) * c,
                ev.OTHER: r * (1 - right - standing) + (1 - r) * (1 - q) * (1 - c),
            }
            with np.errstate(divide="ignore"):
                total = total + np.log(by_outcome[int(outcome)])
        best = max(best, float(total.max()))
    return best


SHORT = [(0, 0, 0.4), (0, 1, 0.0), (2, 0, 0.0)]
"""Sorted by difficulty with a slope that takes mend far beyond 12 logits at difficulty 1/2."""


def test_a_mend_beyond_twelve_logits_at_the_middle() -> None:
    fit = fit_rates(handful(SHORT), Simulation())
    assert fit.log_likelihood > -0.001
    made = Simulation(**{name: named(fit)[name].value for name in ("skill", "mend", "slope")})
    assert made.chances(0.4)[0] > 0.999
    assert made.chances(0.0) == pytest.approx((0.0, 1.0), abs=1e-3)


@pytest.mark.parametrize("seed", range(24))
def test_no_point_of_a_grid_is_higher_than_the_fit(seed: int) -> None:
    draw = np.random.default_rng(seed)
    contexts = (ev.FIRST, ev.AFTER_INVALID, ev.MENDING, ev.BESIDE_CORRECT, ev.BESIDE_WRONG)
    lines = [
        (int(draw.choice(contexts)), int(draw.integers(3)), float(draw.choice([0.0, 0.4, 0.5, 1.0])))
        for _ in range(draw.integers(1, 9))
    ]
    found = handful(lines)
    assert fit_rates(found, Simulation()).log_likelihood >= highest_on_a_grid(found) - 1e-4, lines


@settings(max_examples=12)
@given(st.lists(st.tuples(CONTEXT, st.sampled_from([0, 1, 2]), st.sampled_from([0.0, 0.4, 1.0])), min_size=1))
def test_any_handful_of_events_is_fitted_at_its_maximum(lines: list[tuple[int, int, float]]) -> None:
    found = handful(lines)
    fit = fit_rates(found, Simulation())
    assert fit.influence.shape == (len(lines), len(RATES))
    assert np.isfinite(fit.influence).all()
    for estimate in fit.estimates:
        if estimate.name not in ("slope", "distractors"):
            assert 0.0 <= estimate.value <= 1.0
    answers, free = Answers.of(found), np.array([True, True, True, True, False])
    counts, best = answers.counts(), fit.working[:5]
    around = best_answers(answers, counts, best, free)[1]
    for place in range(4):
        for step in (-0.05, 0.05):
            tried = best.copy()
            tried[place] = np.clip(tried[place] + step, *((0.0, 1.0) if place == 3 else (-40.0, 40.0)))
            p = answers.chances(tried)[0]
            seen = counts > 0
            value = float(np.sum(counts[seen] * np.log(np.maximum(p[seen], 1e-300))))
            assert value <= around + 1e-3  # events that difficulty sorts without error have no maximum but a limit
