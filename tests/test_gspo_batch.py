from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.trainers.gspo_batch import Row, Sample, microbatches, minibatches, rows

WIDTH = 10


def sample(prompt: tuple[int, ...] = (1, 2), tokens: int = 1, place: int = 0) -> Sample:
    return Sample(prompt, (5,) * tokens, (-1.0,) * tokens, 1.0, 0, place)


def some(*sizes: tuple[int, int]) -> list[Sample]:
    """Samples of (prompt tokens, completion tokens); prompts of one length are one prompt."""
    return [sample((1,) * prompt, tokens) for prompt, tokens in sizes]


samples_of_all_sizes = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 60)), max_size=25).map(
    lambda sizes: some(*sizes)
)


# -- samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "tokens", "logprobs"), [((), (1,), (0.0,)), ((1,), (), ()), ((1,), (1, 2), (0.0,)), ((1,), (1,), ())]
)
def test_a_sample_needs_a_prompt_and_a_log_probability_for_each_token(
    prompt: tuple[int, ...], tokens: tuple[int, ...], logprobs: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=r"a sample needs|sampled tokens but"):
        Sample(prompt, tokens, logprobs, 0.0, 0)


# -- minibatches ---------------------------------------------------------------------------------


def test_minibatches_deal_out_tasks_in_turn() -> None:
    samples = [sample(place=place) for place in (0, 0, 1, 1, 2, 3, 4)]
    assert minibatches(samples, 2) == [[0, 1, 4, 6], [2, 3, 5]]
    assert minibatches(samples, 3) == [[0, 1, 5], [2, 3, 6], [4]]
    assert minibatches(samples, 1) == [[0, 1, 2, 3, 4, 5, 6]]
    assert minibatches([], 2) == [[], []]
    with pytest.raises(ValueError, match="at least one minibatch, got 0"):
        minibatches(samples, 0)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 6), st.integers(0, 2**30))
def test_processes_agree_on_minibatches(places: list[int], count: int, split: int) -> None:
    """What one process finds in a minibatch is what two find together, however tasks are dealt out."""
    whole = [sample(place=place) for place in places]
    parts = [[one for one in whole if split >> one.place & 1 == rank] for rank in (0, 1)]
    halves = [minibatches(part, count) for part in parts]
    for number, alone in enumerate(minibatches(whole, count)):
        found = [part[i].place for part, half in zip(parts, halves, strict=True) for i in half[number]]
        assert sorted(found) == sorted(whole[i].place for i in alone)


# -- rows ----------------------------------------------------------------------------------------


def test_rows_by_hand() -> None:
    """Two prompts; the completions of each follow it, short ones first, the longest row first."""
    samples = some((2, 3), (4, 1), (2, 1), (4, 5), (2, 2))
    assert rows(samples, range(5), WIDTH) == [Row((1,) * 4, (1, 3), 10), Row((1,) * 2, (2, 4, 0), 8)]
    assert rows(samples, (0, 2), WIDTH) == [Row((1,) * 2, (2, 0), 6)]
    assert rows(samples, (), WIDTH) == []


def test_rows_that_share_nothing() -> None:
    samples = some((2, 3), (4, 1), (2, 1))
    assert rows(samples, range(3), WIDTH, shared=False) == [
        Row((1,) * 2, (0,), 5),
        Row((1,) * 4, (1,), 5),
        Row((1,) * 2, (2,), 3),
    ]


def test_a_completion_joins_when_that_is_cheaper() -> None:
    """Width 1, n tokens cost 6n + n^2. Prompt 2, completions 4, 4, 4.

    The second joins a row of 6: from 72 to 160, 88 more; a row of its own costs 72. So nobody joins.
    Prompt 8, completions 4: the second joins a row of 12 for 352 - 216 = 136, alone 216: it joins. The third joins
    a row of 16 for 520 - 352 = 168: it joins; the fourth one of 20 for 200; the fifth one of 24 for 232: a new row.
    """
    assert [row.samples for row in rows(some(*[(2, 4)] * 3), range(3), 1)] == [(0,), (1,), (2,)]
    assert [row.samples for row in rows(some(*[(8, 4)] * 5), range(5), 1)] == [(0, 1, 2, 3), (4,)]


@given(samples_of_all_sizes, st.sampled_from([1, 3, 32, 576]))
def test_every_choice_of_joining_is_the_cheaper_one(samples: list[Sample], width: int) -> None:
    def cost(tokens: int) -> int:
        return 12 * width * width * tokens + 2 * width * tokens * tokens

    made = rows(samples, range(len(samples)), width)
    for row in made:
        length = len(row.prompt_ids)
        for number, index in enumerate(row.samples):
            more = len(samples[index].token_ids)
            if number:
                assert cost(length + more) - cost(length) <= cost(len(row.prompt_ids) + more)
            length += more
    by_first = sorted(made, key=lambda row: (row.prompt_ids, len(samples[row.samples[0]].token_ids), row.samples[0]))
    for row, after in pairwise(by_first):
        if row.prompt_ids == after.prompt_ids:
            more = len(samples[after.samples[0]].token_ids)
            assert cost(row.length + more) - cost(row.length) > cost(len(row.prompt_ids) + more)
    together = sum(cost(row.length) for row in made)
    assert together <= sum(cost(row.length) for row in rows(samples, range(len(samples)), width, shared=False))


def test_a_shared_row_keeps_the_budget() -> None:
    """Prompt 10, completions 4, 4, 4, 4 at a width where joining always pays: at most two fit into 20 tokens."""
    samples = some(*[(10, 4)] * 4)
    assert [row.length for row in rows(samples, range(4), 4096)] == [26]
    assert [row.length for row in rows(samples, range(4), 4096, max_tokens=20)] == [18, 18]
    assert [row.length for row in rows(samples, range(4), 4096, max_tokens=5)] == [14, 14, 14, 14]


# -- micro-batches -------------------------------------------------------------------------------


def test_microbatches_by_hand() -> None:
    """Padded to the first row's length: 10 + 10 fit into 20, 8 and 3 would be 16 and fit, a row of 30 stands alone."""
    lengths = (30, 10, 9, 8, 3, 1)
    made = [Row((1,) * length, (number,), length) for number, length in enumerate(lengths)]
    assert [[row.length for row in batch] for batch in microbatches(made, 20)] == [[30], [10, 9], [8, 3], [1]]
    assert [[row.length for row in batch] for batch in microbatches(made, 180)] == [[30, 10, 9, 8, 3, 1]]
    assert [len(batch) for batch in microbatches(made, 1)] == [1] * 6
    assert microbatches([], 20) == []


@given(samples_of_all_sizes, st.integers(1, 200), st.sampled_from([1, 32, 576]), st.booleans(), st.data())
def test_every_sample_once_and_the_budget_kept(
    samples: list[Sample], budget: int, width: int, shared: bool, data: st.DataObject
) -> None:
    wanted = data.draw(st.lists(st.sampled_from(range(len(samples))), unique=True)) if samples else []
    batches = microbatches(rows(samples, wanted, width, shared, budget), budget)
    held = [index for batch in batches for row in batch for index in row.samples]
    assert sorted(held) == sorted(wanted)
    for batch in batches:
        longest = max(row.length for row in batch)
        assert longest == batch[0].length
        assert len(batch) * longest <= budget or (len(batch) == 1 and len(batch[0].samples) == 1)
        for row in batch:
            assert row.length == len(row.prompt_ids) + sum(len(samples[i].token_ids) for i in row.samples)
            assert all(samples[i].prompt_ids == row.prompt_ids for i in row.samples)
            assert shared or len(row.samples) == 1
    lengths = [row.length for batch in batches for row in batch]
    assert lengths == sorted(lengths, reverse=True)
