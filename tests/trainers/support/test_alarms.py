"""Alarms: each raised once when its limit is crossed, none by a healthy run."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.errors import ConfigError, RunFolderError
from tracer_env.trainers.support.alarms import AlarmConfig, CollapseAlarms, repeating, repetition

Series = list[float | None]


def _told(alarms: CollapseAlarms, metric: str, values: Series, start: int = 1) -> list[tuple[int, str]]:
    return [(step, line) for step, value in enumerate(values, start) for line in alarms.look(step, {metric: value})]


def _two() -> CollapseAlarms:
    return CollapseAlarms(AlarmConfig(window=2))


# -- each alarm ----------------------------------------------------------------------------------


def test_completions_that_shrink() -> None:
    """First mean 20, limit 6; means 13, 6, 5.5: the fifth step is below."""
    assert _told(_two(), "completion_length", [20, 20, 6, 6, 5]) == [
        (
            5,
            "step 5: completions have shrunk to 5.5 tokens (first 20.0); "
            "check that the reward does not pay for silence",
        )
    ]


def test_completions_that_grow() -> None:
    """First mean 10, limit 30; means 20, 30, 31."""
    found = _told(_two(), "completion_length", [10, 10, 30, 30, 32])
    assert [step for step, _ in found] == [5]
    assert "completions have grown to 31.0 tokens (first 10.0); lower max_completion_length" in found[0][1]


def test_entropy_that_goes() -> None:
    found = _told(_two(), "entropy", [0.5, 0.5, 0.05, 0.05, 0.04])
    assert [step for step, _ in found] == [5]
    assert "the entropy has fallen to 0.0450 (first 0.5000): the candidates of a group hardly differ" in found[0][1]


@pytest.mark.parametrize("metric", ["repetition", "unparsable"])
def test_shares_that_rise(metric: str) -> None:
    """Limit 0.5; means 0.3, 0.5, 0.6."""
    found = _told(_two(), metric, [0.1, 0.1, 0.5, 0.5, 0.7])
    assert [step for step, _ in found] == [5]
    assert "60% of the completions" in found[0][1]
    assert "(first 10%)" in found[0][1]


@pytest.mark.parametrize("metric", ["repetition", "unparsable"])
def test_a_share_that_was_high_from_the_start_must_have_risen(metric: str) -> None:
    """First mean 0.75, so 0.85 is needed."""
    assert [step for step, _ in _told(_two(), metric, [0.75, 0.75, 0.75, 0.8, 0.875, 0.875])] == [6]


def test_an_alarm_is_raised_once_and_again_after_it_was_over() -> None:
    values: Series = [20, 20, 1, 1, 1, 20, 20, 1, 1]
    assert [step for step, _ in _told(_two(), "completion_length", values)] == [4, 9]


def test_no_alarm_before_the_window_is_full() -> None:
    assert _told(CollapseAlarms(), "unparsable", [1.0] * 9 + [0.0]) == []
    healthy = CollapseAlarms()
    assert _told(healthy, "completion_length", [25.0] * 10 + [1.0] * 7) == []  # mean of ten: 8.2, limit 7.5
    assert len(_told(healthy, "completion_length", [1.0], 18)) == 1  # 5.8


def test_a_run_that_learns_raises_nothing() -> None:
    alarms = CollapseAlarms()
    for step in range(200):
        part = step / 200
        metrics = {
            "completion_length": 25 - 5 * part,
            "repetition": 0.1,
            "entropy": 0.5 - 0.4 * part,
            "unparsable": 0.6 - 0.6 * part,
            "reward": -0.5 + part,
        }
        assert alarms.look(step, metrics) == []


def test_what_is_not_seen_counts_for_nothing() -> None:
    alarms = _two()
    values: Series = [20, None, float("nan"), 20, None, 1, float("inf"), 1]
    assert [step for step, _ in _told(alarms, "completion_length", values)] == [8]
    assert alarms.look(9, {}) == []


@pytest.mark.parametrize("metric", ["completion_length", "entropy"])
def test_a_start_at_zero_raises_nothing(metric: str) -> None:
    """Greedy sampling has no entropy, and a share of nothing says nothing."""
    assert _told(_two(), metric, [0.0, 0.0, 0.0, 5.0]) == []


def test_the_policy_is_named() -> None:
    alarms = CollapseAlarms(AlarmConfig(window=1), "reviewer")
    assert alarms.look(1, {"unparsable": 0.0}) == []
    assert alarms.look(2, {"unparsable": 1.0})[0].startswith("step 2: reviewer: 100% of the completions cannot be")


def test_several_at_once() -> None:
    alarms = CollapseAlarms(AlarmConfig(window=1))
    alarms.look(1, {"completion_length": 10, "unparsable": 0.0, "entropy": 1.0})
    assert len(alarms.look(2, {"completion_length": 1, "unparsable": 1.0, "entropy": 0.01})) == 3


# -- state ---------------------------------------------------------------------------------------

numbers = st.one_of(st.none(), st.floats(0, 30), st.sampled_from([0.0, 1.0, 20.0]))


@given(st.lists(numbers, max_size=12), st.integers(0, 12))
def test_going_on_from_a_saved_state_changes_nothing(values: Series, place: int) -> None:
    def look(alarms: CollapseAlarms, part: Series, start: int) -> list[list[str]]:
        names = ("completion_length", "entropy", "unparsable", "repetition")
        return [alarms.look(step, dict.fromkeys(names, value)) for step, value in enumerate(part, start)]

    whole = look(_two(), values, 0)
    first, second = _two(), _two()
    before = look(first, values[:place], 0)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert before + look(second, values[place:], place) == whole


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"first": [], "recent": {}, "raised": []},
        {"first": {"entropy": ["x"]}, "recent": {}, "raised": []},
        {"first": {}, "recent": {}, "raised": 3},
        {"first": {}, "recent": {}, "raised": ["flood"]},
    ],
)
def test_a_damaged_state_is_refused(data: dict[str, object]) -> None:
    alarms = CollapseAlarms()
    alarms.look(1, {"entropy": 1.0})
    before = alarms.state_dict()
    with pytest.raises(RunFolderError, match="the saved state of the alarms"):
        alarms.load_state_dict(data)
    assert alarms.state_dict() == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"window": 0}, "a window of at least 1"),
        ({"longest": 1.0}, "longest must be above 1"),
        ({"shortest": -0.1}, "shortest must lie between 0 and 1, got -0.1"),
        ({"entropy": 1.5}, "entropy must lie between 0 and 1"),
        ({"repetition": float("nan")}, "repetition must lie"),
        ({"longest": float("nan")}, "longest must be"),
        ({"rise": 2.0}, "rise must lie"),
    ],
)
def test_limits_in_range(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AlarmConfig(**setting)  # type: ignore[arg-type]


# -- repetition ----------------------------------------------------------------------------------


def test_repetition_by_hand() -> None:
    assert repetition([1, 2, 3, 4, 5, 6, 7]) == 0
    assert repetition([5] * 8) == 4 / 5  # five 4-grams, one kind
    assert repetition([1, 2, 1, 2, 1, 2, 1]) == 2 / 4  # 1212 2121 1212 2121
    assert repetition([1, 2, 3, 4, 9, 1, 2, 3, 4]) == 1 / 6
    assert repetition([1, 1, 1], n=2) == 1 / 2
    assert repetition([1, 2, 3]) == 0
    assert repetition([]) == 0


def test_a_loop_is_seen_whatever_the_length_of_its_phrase() -> None:
    assert all(repetition(list(range(period)) * 20) > 0.9 for period in (1, 5, 20, 50))


def test_the_share_of_completions_that_repeat() -> None:
    loop, plain = [7] * 20, list(range(20))
    assert repeating([loop, plain, plain, [1, 2, 1, 2, 1, 2, 1]]) == 0.25
    assert repeating([loop, plain, plain, [1, 2, 1, 2, 1, 2, 1]], beyond=0.4) == 0.5
    assert repeating([]) == 0
