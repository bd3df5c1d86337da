"""What of a comparison is still open, as plain data."""

from __future__ import annotations

import pytest
from samples import one_proposal

from tracer_env.errors import ConfigError
from tracer_env.runs.still_open import check_difference, to_settle
from tracer_env.statistics.enough import settling
from tracer_env.statistics.metrics import compare_rows
from tracer_env.types import Grade


def test_rows_of_a_file_say_what_is_missing() -> None:
    right = {"a": "1010", "b": "1111"}
    rows = compare_rows(
        {
            name: [
                one_proposal(Grade.CORRECT if bit == "1" else Grade.WRONG, method=name, task=f"t{n}")
                for n, bit in enumerate(bits)
            ]
            for name, bits in right.items()
        },
        "a",
    )
    stored = [row.to_data() for row in rows]
    assert to_settle(stored) == [settling(rows)[0].to_data()]
    assert to_settle(stored, 0.25)[0]["difference"] == 0.25
    assert to_settle(stored[:1]) == []


@pytest.mark.parametrize("asked", [0.0, -0.1, 1.5, float("nan")])
def test_a_difference_that_there_cannot_be_is_refused(asked: float) -> None:
    with pytest.raises(ConfigError, match="above 0 and at most 1"):
        check_difference(asked)
