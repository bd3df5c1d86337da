"""Lengths and prompts, against sums worked out by hand."""

from __future__ import annotations

from math import exp, expm1, log, sqrt

import numpy as np
import pytest
from calibration_events import events

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.trainers.calibration import events as ev
from tracer_env.trainers.calibration.events import Events
from tracer_env.trainers.calibration.fit import Estimate
from tracer_env.trainers.calibration.tokens import TABLE_VARIANCE, TOKENS, fit_tokens


def said(proposals: list[tuple[int, int, int]], reviews: list[tuple[int, int, int]]) -> Events:
    """Return events with these (prompt, completion, reread) tokens, each of a task of its own."""
    prompt, completion, reread = np.array(proposals + reviews).T
    return events(
        (len(proposals), ev.FIRST, ev.CORRECT),
        (len(reviews), ev.OF_CORRECT, ev.SAYS_RIGHT),
        prompt=prompt,
        completion=completion,
        reread=reread,
    )


def named(found: Events) -> dict[str, Estimate]:
    return {estimate.name: estimate for estimate in fit_tokens(found, Simulation())}


def test_lengths_by_hand() -> None:
    fitted = named(said([(9, 50, 0), (9, 200, 0)], [(9, 30, 0), (9, 30, 0)]))
    variance = log(2) ** 2 / 2 / TABLE_VARIANCE  # two of four lie log 2 from their role's middle, two in it
    assert pytest.approx(0.99, abs=0.005) == TABLE_VARIANCE
    assert fitted["spread"].value == pytest.approx(sqrt(expm1(variance)))
    assert fitted["proposer_tokens"].value == pytest.approx(100 * exp(variance / 2))
    assert fitted["reviewer_tokens"].value == pytest.approx(30 * exp(variance / 2))
    assert fitted["spread"].events == 4
    alone = 100 * exp(variance / 2) * sqrt(variance / 2 + variance**2 / 8)
    assert fitted["proposer_tokens"].independent_error == pytest.approx(alone)


def test_equal_lengths_have_no_spread() -> None:
    fitted = named(said([(9, 40, 0)] * 3, [(9, 40, 0)] * 2))
    assert fitted["spread"].value == pytest.approx(0.0, abs=1e-12)
    assert fitted["reviewer_tokens"].value == pytest.approx(40.0)
    assert fitted["reviewer_tokens"].standard_error == pytest.approx(0.0, abs=1e-9)


def test_prompts_by_hand() -> None:
    # proposals cost 80, reviews 120, and 0.7 of the history, cut to whole tokens
    proposals = [(80, 10, 0), (80 + 70, 10, 100), (80 + 95, 10, 137), (80 + 42, 10, 61)]
    reviews = [(120 + 35, 10, 50), (120 + 69, 10, 99), (120 + 145, 10, 208)]
    fitted = named(said(proposals, reviews))
    assert fitted["reread"].value == pytest.approx(0.7, abs=0.004)  # seven prompts leave a little room
    assert fitted["proposer_prompt_tokens"].value == pytest.approx(80, abs=0.6)
    assert fitted["reviewer_prompt_tokens"].value == pytest.approx(120, abs=0.6)
    assert fitted["reviewer_prompt_tokens"].standard_error == pytest.approx(1 / sqrt(12), rel=0.2)


def test_a_share_of_one_is_found_exactly() -> None:
    fitted = named(said([(80, 10, 0), (180, 10, 100)], [(170, 10, 50), (217, 10, 97)]))
    assert (fitted["reread"].value, fitted["reread"].note) == (1.0, "")
    assert fitted["proposer_prompt_tokens"].value == 80.0
    assert fitted["reviewer_prompt_tokens"].value == 120.0


def test_a_share_beyond_the_bound_is_cut_and_the_rest_fitted_again() -> None:
    fitted = named(said([(80, 10, 0), (280, 10, 100)], [(220, 10, 50), (240, 10, 60)]))
    assert (fitted["reread"].value, fitted["reread"].note) == (1.0, "at the bound")
    assert fitted["proposer_prompt_tokens"].value == 130.0  # (80 + 280 - 100) / 2
    assert fitted["reviewer_prompt_tokens"].value == 175.0


def test_without_history_the_share_is_the_default() -> None:
    fitted = named(said([(80, 10, 0), (82, 10, 0)], [(150, 10, 40), (152, 10, 40)]))
    assert (fitted["reread"].value, fitted["reread"].note) == (1.0, "not identified")
    assert fitted["proposer_prompt_tokens"].value == 81.0
    assert fitted["reviewer_prompt_tokens"].value == 111.0


def test_a_speaker_that_counts_no_tokens() -> None:
    fitted = named(said([(0, 0, 0)], [(0, 0, 0)]))
    assert list(fitted) == list(TOKENS)
    assert {estimate.note for estimate in fitted.values()} == {"not identified"}
    assert fitted["proposer_tokens"].value == Simulation().proposer_tokens
