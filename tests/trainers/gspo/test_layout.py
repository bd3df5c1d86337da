"""Rows as trees of tokens: by hand, and against what each sample sees alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracer_env.trainers.gspo.batch import Row, Sample, rows
from tracer_env.trainers.gspo.layout import layout


def sample(prompt: tuple[int, ...], tokens: tuple[int, ...]) -> Sample:
    return Sample(prompt, tokens, (0.0,) * len(tokens), 0.0, 0)


def test_the_example_of_the_module() -> None:
    a, b, c, d, e, f, g, end = range(8)
    laid = layout([sample((a, b, c), (d, e, end)), sample((a, b, c), (f, g, end))], Row((0, 1), 7))
    assert laid.ids == [a, b, c, d, e, f, g]
    assert laid.parents == [-1, 0, 1, 2, 3, 2, 5]
    assert laid.positions == [0, 1, 2, 3, 4, 3, 4]
    assert laid.places == [2, 3, 4, 2, 5, 6]
    assert [[node for node in range(7) if sees[node]] for sees in laid.seen()] == [
        [0],
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 2, 3, 4],
        [0, 1, 2, 5],
        [0, 1, 2, 5, 6],
    ]


def test_a_single_sample_is_a_chain() -> None:
    laid = layout([sample((4, 4), (4, 4))], Row((0,), 3))
    assert (laid.ids, laid.parents, laid.positions, laid.places) == ([4, 4, 4], [-1, 0, 1], [0, 1, 2], [1, 2])


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 1), min_size=1, max_size=5), st.lists(st.integers(0, 1), min_size=1, max_size=4)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_each_token_is_predicted_from_its_own_sample_and_nothing_else(made: list[tuple[list[int], list[int]]]) -> None:
    samples = [sample(tuple(prompt), tuple(tokens)) for prompt, tokens in made]
    for row in rows(samples, range(len(samples)), width=100_000):
        laid, at = layout(samples, row), 0
        seen = laid.seen()
        assert len(laid.ids) == row.length
        for index in row.samples:
            for number in range(len(samples[index].token_ids)):
                place = laid.places[at]
                before = [node for node in range(row.length) if seen[place, node]]
                read = samples[index].read[: len(samples[index].prompt_ids) + number]
                assert tuple(laid.ids[node] for node in before) == read
                assert [laid.positions[node] for node in before] == list(range(len(read)))
                at += 1
        assert at == len(laid.places)
