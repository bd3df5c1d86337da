"""How many tasks would settle a difference: sums by hand, and the power that simulated comparisons have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import one_proposal

from tracer_env.episodes.transcript import Transcript
from tracer_env.statistics.enough import LEVEL, settled_by, settling, tasks_needed
from tracer_env.statistics.metrics import Row, compare_rows
from tracer_env.statistics.paired import sign_flip_p
from tracer_env.types import Grade


def test_the_formula_by_hand() -> None:
    # (1.959964 + 0.841621)^2 = 7.848880; times 0.5^2 / 0.1^2 = 196.22; plus 1.959964^2 / 2 = 1.92, plus 10: 208.14
    assert tasks_needed(0.1, 0.5, 0.26) == 209
    # three rows: z(1 - 0.05 / 6) = 2.393980, (2.393980 + 0.841621)^2 = 10.469115, times 25 = 261.73, plus 2.87 and 10
    assert tasks_needed(-0.1, 0.5, 0.26, rows=3) == 275


def test_so_many_tasks_must_differ_that_flipped_signs_can_be_rare() -> None:
    # all tasks differ in one direction: 2^(1 - m) <= 0.05 from m = 6 on, and the spread is no hindrance
    assert tasks_needed(1.0, 0.0, 1.0) == 6
    # half of them: of n tasks at least 6 differ with 80% from n = 15 on (0.849; of 14 it is 0.788)
    assert tasks_needed(0.5, 0.5, 0.5) == 15


def test_where_nothing_can_be_said() -> None:
    assert tasks_needed(0.0, 0.5, 0.3) is None
    assert tasks_needed(0.05, 0.0, 0.0) is None
    assert tasks_needed(1e-9, 0.5, 0.3) is None


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize(("gain", "loss"), [(0.3, 0.1), (0.2, 0.15), (0.1, 0.02), (0.06, 0.0), (0.5, 0.0), (0.35, 0.3)])
def test_simulated_comparisons_of_that_size_find_it_in_four_of_five(gain: float, loss: float, rows: int) -> None:
    difference = gain - loss
    sd = (gain + loss - difference**2) ** 0.5
    tasks = tasks_needed(difference, sd, gain + loss, rows)
    assert tasks is not None
    drawn = np.random.default_rng(5).multinomial(1, [gain, loss, 1 - gain - loss], (1000, tasks))
    found = float((sign_flip_p(drawn[..., 0] - drawn[..., 1]) < LEVEL / rows).mean())
    assert 0.74 < found < 0.95
    fewer = drawn[:, : tasks // 2]
    assert float((sign_flip_p(fewer[..., 0] - fewer[..., 1]) < LEVEL / rows).mean()) < 0.65


def _rows() -> list[Row]:
    def told(method: str, place: int, right: bool) -> Transcript:
        made = one_proposal(Grade.CORRECT if right else Grade.WRONG, method=method)
        return replace(made, task=replace(made.task, id=f"t{place}"))

    right = {"base": [1, 0, 0, 0, 1, 0, 1, 0], "better": [1, 1, 0, 0, 1, 1, 0, 0], "same": [1, 0, 0, 0, 1, 0, 1, 0]}
    return compare_rows(
        {name: [told(name, place, bool(x)) for place, x in enumerate(values)] for name, values in right.items()},
        "base",
    )


def test_rows_say_how_their_tasks_differ() -> None:
    base, better, same = _rows()
    assert (base.paired_sd, base.paired_tasks) == (None, 0)
    # differences 0 1 0 0 0 1 -1 0: mean 1/8, squares 3, (3 - 8/64) / 7
    assert (better.paired_tasks, better.paired_differ) == (8, 3)
    assert better.paired_sd == pytest.approx(((3 - 8 / 64) / 7) ** 0.5)
    assert (same.paired_differ, same.paired_sd) == (0, 0.0)
    assert Row.from_data(better.to_data()) == better


def test_what_would_settle_a_table() -> None:
    rows = _rows()
    better, same = settling(rows)
    assert (better.method, better.tasks, better.difference) == ("better", 8, 0.125)
    assert better.needed == tasks_needed(0.125, rows[1].paired_sd or 0.0, 3 / 8, 2)
    assert better.more == (better.needed or 0) - 8
    assert same.to_data() == {"method": "same", "difference": 0.0, "tasks": 8, "needed": None, "more": None}
    assert settled_by(rows) == (
        "tasks that would settle the differences seen (80% power, p < 0.05 over 2 rows; here 8): "
        f"better {better.needed}, same – (none seen)"
    )
    assert "a difference of 0.05" in settled_by(rows, 0.05)
    assert "same – (too few differ)" in settled_by(rows, 0.05)


def test_what_is_settled_a_bound_or_of_before_needs_no_line() -> None:
    rows = _rows()
    assert settled_by(rows[:1]) == ""
    assert (
        settling([replace(rows[1], p_holm=0.01), replace(rows[1], kind="bound"), replace(rows[1], paired_sd=None)])
        == []
    )
