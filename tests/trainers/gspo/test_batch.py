from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.trainers.gspo.batch import Row, Sample, microbatches, minibatches, rows

WIDTH = 10


def sample(prompt: tuple[int, ...] = (1, 2), tokens: int = 1, place: int = 0, end: int = 5) -> Sample:
    return Sample(prompt, (end,) * tokens, (-1.0,) * tokens, 1.0, 0, place)


def some(*sizes: tuple[int, int]) -> list[Sample]:
    """Samples of (prompt tokens, completion tokens); prompts of one length are one prompt, no completions are alike."""
    return [sample((prompt,) * prompt, tokens, end=100 + at) for at, (prompt, tokens) in enumerate(sizes)]


samples_of_all_sizes = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 60)), max_size=25).map(
    lambda sizes: some(*sizes)
)
samples_that_begin_alike = st.lists(
    st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=8), st.integers(1, 4)), max_size=12
).map(lambda made: [sample(tuple(prompt), tokens, end=1) for prompt, tokens in made])


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
    """Two prompts of 20 and 30; the last token of a completion is not read: 20 + 2 + 0 + 1, 30 + 0 + 4."""
    samples = some((20, 3), (30, 1), (20, 1), (30, 5), (20, 2))
    assert rows(samples, range(5), WIDTH) == [Row((1, 3), 34), Row((2, 0, 4), 23)]
    assert rows(samples, (0, 2), WIDTH) == [Row((2, 0), 22)]
    assert rows(samples, (), WIDTH) == []


def test_prompts_share_what_they_begin_with() -> None:
    """50 tokens alike, then 3 of its own for each of two tasks, then the completions: 50 + 3 + 1 + 1 + 3 + 2."""
    samples = [
        Sample((1,) * 50 + (task,) * 3, (9 + at, *(0,) * more), (0.0,) * (1 + more), 0.0, task)
        for at, (task, more) in enumerate([(2, 1), (2, 1), (3, 2)])
    ]
    assert rows(samples, range(3), WIDTH) == [Row((0, 1, 2), 60)]


def test_completions_share_what_they_begin_with() -> None:
    samples = [Sample((1,) * 9, tokens, (0.0,) * len(tokens), 0.0, 0) for tokens in ((5, 6, 7), (5, 6, 8), (5, 6, 7))]
    assert rows(samples, range(3), WIDTH) == [Row((0, 1, 2), 11)]


def test_rows_that_share_nothing() -> None:
    samples = some((2, 3), (4, 1), (2, 1))
    assert rows(samples, range(3), WIDTH, shared=False) == [Row((0,), 4), Row((1,), 4), Row((2,), 2)]


def test_a_sample_joins_when_that_is_cheaper() -> None:
    """Width 1, n tokens cost 6n + n^2. Prompt 2, of the completions 4, 4, 4 are read.

    The second would join a row of 6: from 72 to 160, 88 more; a row of its own costs 72. So nobody joins.
    Prompt 8, completions 4: the second joins a row of 12 for 352 - 216 = 136, alone 216: it joins. The third joins
    a row of 16 for 520 - 352 = 168: it joins; the fourth one of 20 for 200; the fifth one of 24 for 232: a new row.
    """
    assert [row.samples for row in rows(some(*[(2, 5)] * 3), range(3), 1)] == [(0,), (1,), (2,)]
    assert [row.samples for row in rows(some(*[(8, 5)] * 5), range(5), 1)] == [(0, 1, 2, 3), (4,)]


@given(st.one_of(samples_of_all_sizes, samples_that_begin_alike), st.sampled_from([1, 3, 32, 576]))
def test_together_never_costs_more_than_alone(samples: list[Sample], width: int) -> None:
    def cost(tokens: int) -> int:
        return 12 * width * width * tokens + 2 * width * tokens * tokens

    together = sum(cost(row.length) for row in rows(samples, range(len(samples)), width))
    assert together <= sum(cost(row.length) for row in rows(samples, range(len(samples)), width, shared=False))


def test_a_shared_row_keeps_the_budget() -> None:
    """Prompt 10, four times 4 are read, at a width where joining always pays: at most two fit into 20 tokens."""
    samples = some(*[(10, 5)] * 4)
    assert [row.length for row in rows(samples, range(4), 4096)] == [26]
    assert [row.length for row in rows(samples, range(4), 4096, max_tokens=20)] == [18, 18]
    assert [row.length for row in rows(samples, range(4), 4096, max_tokens=5)] == [14, 14, 14, 14]


# -- micro-batches -------------------------------------------------------------------------------


def test_microbatches_by_hand() -> None:
    """Padded to the first row's length: 10 + 10 fit into 20, 8 and 3 would be 16 and fit, a row of 30 stands alone."""
    lengths = (30, 10, 9, 8, 3, 1)
    made = [Row((number,), length) for number, length in enumerate(lengths)]
    assert [[row.length for row in batch] for batch in microbatches(made, 20)] == [[30], [10, 9], [8, 3], [1]]
    assert [[row.length for row in batch] for batch in microbatches(made, 180)] == [[30, 10, 9, 8, 3, 1]]
    assert [len(batch) for batch in microbatches(made, 1)] == [1] * 6
    assert microbatches([], 20) == []


@given(
    st.one_of(samples_of_all_sizes, samples_that_begin_alike),
    st.integers(1, 200),
    st.sampled_from([1, 32, 576]),
    st.booleans(),
    st.data(),
)
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
            assert row.length == len(
                {samples[i].read[: n + 1] for i in row.samples for n in range(len(samples[i].read))}
            )
            assert shared or len(row.samples) == 1
    lengths = [row.length for batch in batches for row in batch]
    assert lengths == sorted(lengths, reverse=True)
