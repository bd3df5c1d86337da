"""The simulated speaker in rows: what is not seen on the leaves of trees (tested there)."""

from __future__ import annotations

import numpy as np
import pytest
from forest import PICKS, SUMS

from tracer_env.agents.speakers.simulated.rates import Simulation
from tracer_env.agents.speakers.simulated.rows import SimulatedRows
from tracer_env.agents.speakers.simulated.speaker import SimulatedSpeaker
from tracer_env.randomness import streams
from tracer_env.types import Grade


def test_a_stream_for_each_task():
    with pytest.raises(ValueError, match="8 tasks need as many streams, got 2"):
        SimulatedRows(Simulation(), SUMS, np.zeros(2, dtype=np.uint64))


def test_prompts_grow_by_the_share_that_is_reread():
    noise = streams(0, [task.id for task in SUMS], np.zeros(8, dtype=int))
    rows = SimulatedSpeaker(reread=0.5).in_rows(SUMS, noise)
    grade = np.full((8, 2), Grade.CORRECT, dtype=np.int8)
    zero = np.zeros((8, 2), dtype=np.int32)
    said = rows.review(2, grade, zero, np.tile([0, 101], (8, 1)))
    assert said.prompt_tokens.tolist() == [[90, 140]] * 8
    assert (said.completion_tokens[:, 0] == said.completion_tokens[:, 1]).all()


def test_four_letters_have_three_wrong_answers():
    many = [PICKS[i % 4] for i in range(400)]
    noise = streams(0, [str(i) for i in range(400)], np.zeros(400, dtype=int))
    rows = SimulatedSpeaker(distractors=9, skill=0.0, invalid=0.0).in_rows(many, noise)
    nothing, zero = np.full((400, 1), Grade.UNPARSABLE, dtype=np.int8), np.zeros((400, 1), dtype=np.int32)
    said = rows.propose(1, nothing, zero, zero, zero)
    assert np.unique(said.answer).tolist() == [1, 2, 3]
