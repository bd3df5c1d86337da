"""Counter-based draws: the same bytes for ever, the same from arrays, and evenly spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_env.randomness import Purpose, counter, draw, draws, stream, streams, task_key, uniform, uniforms

U64 = st.integers(0, 2**64 - 1)
TURNS, CANDIDATES = st.integers(0, 4095), st.integers(0, 1023)


def test_these_numbers_never_change() -> None:
    assert task_key("sum-1") == 11254212876126268139
    assert task_key("") == 13020603013274838756
    assert stream(0, "arithmetic-test-000000") == 3430870498789634182
    assert stream(42, "sum-1", 3) == 90816316745734267
    luck = stream(42, "sum-1", 3)
    assert draw(luck, 1, Purpose.OUTCOME) == 6761231793139448250
    assert draw(luck, 2, Purpose.CHOICE) == 16690606822598707400
    assert draw(luck, 5, Purpose.CONTENT, 7) == 14144154322156164893
    assert uniform(luck, 1, Purpose.OUTCOME) == 0.3665271099399926


def test_purposes_keep_their_numbers() -> None:
    assert [(p.name, p.value) for p in Purpose][:4] == [
        ("CHOICE", 0),
        ("OUTCOME", 1),
        ("CONTENT", 2),
        ("GENERATION", 3),
    ]


def test_the_counter_by_hand() -> None:
    assert counter(1, Purpose.CHOICE) == 257
    assert counter(1, Purpose.OUTCOME) == 258
    assert counter(5, Purpose.CONTENT, 7) == 7 * 2**20 + 5 * 2**8 + 3
    assert counter(4095, Purpose.GENERATION) < counter(0, Purpose.CHOICE, 1)  # turns never run into candidates


def test_candidate_0_is_the_draw_of_play() -> None:
    luck = stream(1, "t")
    assert draw(luck, 3, Purpose.OUTCOME) == draw(luck, 3, Purpose.OUTCOME, 0)
    assert draw(luck, 3, Purpose.OUTCOME) != draw(luck, 3, Purpose.OUTCOME, 1)


@settings(deadline=None)
@given(st.lists(U64, min_size=1, max_size=5), TURNS, st.sampled_from(list(Purpose)), CANDIDATES)
def test_arrays_equal_scalars(lucks: list[int], turn: int, purpose: Purpose, candidate: int) -> None:
    array = np.array(lucks, dtype=np.uint64)
    expected = [draw(luck, turn, purpose, candidate) for luck in lucks]
    assert draws(array, turn, purpose, candidate).tolist() == expected
    assert draws(array, np.full(len(lucks), turn), purpose, candidate).tolist() == expected
    fractions = [uniform(luck, turn, purpose, candidate) for luck in lucks]
    assert uniforms(array, turn, purpose, candidate).tolist() == fractions
    assert all(0.0 <= fraction < 1.0 for fraction in fractions)


@settings(deadline=None)
@given(st.integers(0, 2**80), st.lists(st.tuples(st.text(), st.integers(0, 2**40)), min_size=1, max_size=5))
def test_streams_equal_stream(seed: int, episodes: list[tuple[str, int]]) -> None:
    expected = [stream(seed, task, world) for task, world in episodes]
    worlds = np.array([world for _, world in episodes])
    assert streams(seed, [task for task, _ in episodes], worlds).tolist() == expected


def test_every_part_of_the_address_matters() -> None:
    base = (1, "t", 0)
    others = [(2, "t", 0), (1, "u", 0), (1, "t", 1), (0, "t", 1)]
    assert len({stream(*address) for address in [base, *others]}) == 5
    luck = stream(*base)
    addresses = [(turn, purpose, candidate) for turn in range(40) for purpose in Purpose for candidate in range(5)]
    assert len({draw(luck, *address) for address in addresses}) == len(addresses)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_uniforms_are_uniform(purpose: Purpose) -> None:
    lucks = streams(7, [f"task-{i}" for i in range(200)], np.arange(200))
    drawn = np.concatenate([uniforms(lucks, turn, purpose) for turn in range(1, 51)])  # 10,000
    assert abs(drawn.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 10_000)
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    assert ((counts - 500) ** 2 / 500).sum() < 50.8  # chi-squared, 19 degrees of freedom, p = 0.0001


def test_neighbours_are_independent() -> None:
    lucks = streams(7, [f"task-{i}" for i in range(5000)], np.zeros(5000, dtype=int))
    columns = np.stack(
        [
            uniforms(lucks, 1, Purpose.OUTCOME),
            uniforms(lucks, 2, Purpose.OUTCOME),
            uniforms(lucks, 1, Purpose.CONTENT),
            uniforms(lucks, 1, Purpose.OUTCOME, 1),
            uniforms(streams(8, [f"task-{i}" for i in range(5000)], np.zeros(5000, dtype=int)), 1, Purpose.OUTCOME),
        ]
    )
    correlations = np.corrcoef(columns) - np.eye(5)
    assert np.abs(correlations).max() < 4 / np.sqrt(5000)
