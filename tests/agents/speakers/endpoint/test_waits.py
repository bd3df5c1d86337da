"""Waits: doubled, jittered, and as long as the server asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tracer_env.agents.speakers.endpoint.waits import FIRST, LONGEST, QUICK, asked_wait, backoff


def test_a_wait_doubles_between_half_of_it_and_all_until_the_longest() -> None:
    assert [backoff(attempt, 0.0) for attempt in range(3)] == [FIRST / 2, FIRST, FIRST * 2]
    assert backoff(2, 0.5) == FIRST * 4 * 0.75
    assert backoff(2, 0.5, busy=False) == QUICK * 4 * 0.75 < FIRST
    assert backoff(500, 0.0) == LONGEST / 2
    assert backoff(500, 0.999999) < LONGEST


def test_a_server_is_not_asked_before_it_said() -> None:
    assert backoff(7, 0.0, asked=0.2) == 0.2
    assert backoff(0, 0.5, asked=10.0) == pytest.approx(10.5)


NOW = datetime(2026, 11, 27, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.2"}, 0.2),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Fri, 27 Nov 2026 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 27 Nov 2026 07:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 27 Nov 2026 08:00:10 -0000"}, 10.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_what_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers, NOW) == seconds
