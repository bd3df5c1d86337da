"""The books of work: in order, each once, whatever is lost."""

from __future__ import annotations

import random

import pytest

from tracer_env.errors import ExecutorError
from tracer_env.executors.ledger import Ledger


def test_results_come_in_the_order_of_the_chunks() -> None:
    ledger = Ledger("abc", ahead=3, lives=2)
    assert [ledger.give(), ledger.give(), ledger.give(), ledger.give()] == [(0, "a"), (1, "b"), (2, "c"), None]
    ledger.enter(2, "C")
    ledger.enter(1, "B")
    assert ledger.take() == ()
    ledger.enter(0, "A")
    assert [*ledger.take(), *ledger.take(), *ledger.take()] == ["A", "B", "C"]
    assert ledger.give() is None
    assert ledger.finished


def test_no_more_than_so_many_are_open() -> None:
    """What is done and not handed on counts, so a slow first chunk stops the others in time."""
    ledger = Ledger(range(9), ahead=2, lives=2)
    assert [ledger.give(), ledger.give(), ledger.give()] == [(0, 0), (1, 1), None]
    ledger.enter(1, "one")
    assert ledger.give() is None
    ledger.enter(0, "zero")
    assert ledger.take() == ("zero",)
    assert ledger.give() == (2, 2)


def test_a_lost_chunk_comes_first_and_not_for_ever() -> None:
    ledger = Ledger("ab", ahead=9, lives=3)
    ledger.give()
    for _ in range(2):
        ledger.lose(0, "a", "its node has gone")
        assert ledger.give() == (0, "a")
    with pytest.raises(ExecutorError, match=r"chunk 0 has cost 3 workers, the last because its node has gone;"):
        ledger.lose(0, "a", "its node has gone")


def test_an_error_waits_for_its_turn_and_nothing_new_is_begun() -> None:
    ledger = Ledger("abcd", ahead=9, lives=2)
    ledger.give(), ledger.give()
    ledger.enter(1, ValueError("b"))
    assert ledger.give() is None
    assert ledger.take() == ()
    ledger.enter(0, "A")
    assert ledger.take() == ("A",)
    with pytest.raises(ValueError, match="b"):
        ledger.take()
    assert not ledger.finished


def test_none_is_a_result() -> None:
    ledger = Ledger([None], ahead=1, lives=1)
    assert ledger.give() == (0, None)
    ledger.enter(0, None)
    assert ledger.take() == (None,)


def test_no_work_is_finished_when_it_is_looked_at() -> None:
    ledger = Ledger([], ahead=1, lives=1)
    assert ledger.give() is None
    assert ledger.finished


@pytest.mark.parametrize("seed", range(30))
def test_any_order_of_ends_and_losses_comes_to_the_same(seed: int) -> None:
    luck = random.Random(seed)
    ledger, out, found = Ledger(range(40), ahead=luck.randint(1, 9), lives=100), dict[int, int](), list[int]()
    while not ledger.finished:
        while len(out) < 4 and (item := ledger.give()) is not None:
            out[item[0]] = item[1]
        if out:
            number = luck.choice(list(out))
            chunk = out.pop(number)
            ledger.lose(number, chunk, "luck") if luck.random() < 0.3 else ledger.enter(number, chunk * chunk)
        while taken := ledger.take():
            found += taken
    assert found == [n * n for n in range(40)]
