"""What a seat observes, in dialogues and at the nodes of trees: the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tracer_env.observed import OBSERVED, Observer, observed
from tracer_env.rules import Rules, advance, initial
from tracer_env.types import Grade, Role, Signals, Task, Utterance, Verdict

TASK = Task("t", "", "")


def by_name(numbers: np.ndarray) -> dict[str, float]:
    return dict(zip(OBSERVED, numbers.tolist(), strict=True))


def test_one_dialogue_by_hand() -> None:
    state = initial(TASK, Rules())
    first = by_name(observed(state))
    assert (first["turn"], first["has_pending"], first["proposals"]) == (pytest.approx(0.2), 0.0, 0.0)
    assert math.isnan(first["logprob_mean"])
    said = Utterance("", completion_tokens=3, grade=Grade.WRONG, signals=Signals(-6.0, -2.0, -3.0))
    state = advance(state, 1, said)
    second = by_name(observed(state))
    assert [second[name] for name in ("logprob_sum", "logprob_mean", "logprob_min")] == [-6.0, -2.0, -3.0]
    assert second["length"] == pytest.approx(math.log(4))
    assert math.isnan(second["margin"])
    review = Utterance("", verdict=Verdict.WRONG, agrees=-1, signals=Signals(margin=-1.5))
    state = advance(state, 1, review)
    third = by_name(observed(state))
    assert (third["margin"], third["agrees"], third["last_verdict"], third["is_proposer"]) == (-1.5, -1.0, -1.0, 1.0)
    state = advance(advance(state, 0), 0)
    fifth = by_name(observed(state))
    assert (fifth["margin"], fifth["reviews"]) == (-1.5, pytest.approx(0.2))
    state = advance(state, 1, Utterance("", grade=Grade.UNPARSABLE))
    end = by_name(observed(state))
    assert math.isnan(end["margin"])
    assert math.isnan(end["logprob_sum"])
    assert (end["pending_invalid"], end["agrees"], end["length"], end["proposals"]) == (
        1.0,
        0.0,
        0.0,
        pytest.approx(0.4),
    )
    assert not isinstance(Role.PROPOSER, Observer)
