"""Keys: equal for what is equal, other for whatever an answer hangs on, the same on every machine."""

from __future__ import annotations

from array import array

import pytest

from tracer_env.store.keys import key_of, prompt_of_data, prompt_of_ids, source_of

SOURCE = source_of(engine="e", temperature=0.3, ends=[2])
PROMPT = prompt_of_ids([1, 2, 3])


def test_a_key_is_what_it_was_yesterday() -> None:
    assert key_of(SOURCE, PROMPT, 7, 1).hex() == "1fc456cc972fa81f068777d6a796fa7590a29fe72e4561b0e76884625bcadc3d"


@pytest.mark.parametrize(
    ("source", "prompt", "seed", "candidate"),
    [
        (source_of(engine="f", temperature=0.3, ends=[2]), PROMPT, 7, 1),
        (source_of(engine="e", temperature=0.31, ends=[2]), PROMPT, 7, 1),
        (SOURCE, prompt_of_ids([1, 2]), 7, 1),
        (SOURCE, prompt_of_ids([1, 2, 3, 0]), 7, 1),
        (SOURCE, prompt_of_data([1, 2, 3]), 7, 1),
        (SOURCE, PROMPT, 8, 1),
        (SOURCE, PROMPT, 7, 0),
        (SOURCE, PROMPT, 1, 7),
    ],
)
def test_whatever_an_answer_hangs_on_makes_another_key(source: str, prompt: object, seed: int, candidate: int) -> None:
    assert key_of(source, prompt, seed, candidate) != key_of(SOURCE, PROMPT, 7, 1)  # type: ignore[arg-type]


def test_what_is_equal_has_one_key() -> None:
    assert source_of(ends=[2], temperature=0.3, engine="e") == SOURCE
    messages = [{"role": "user", "content": "\ud800 é"}]
    turned = [dict(reversed(messages[0].items()))]
    assert prompt_of_data(messages) == prompt_of_data(turned)
    assert key_of(SOURCE, prompt_of_ids((1, 2, 3)), 7, 1) == key_of(SOURCE, PROMPT, 7, 1)


def test_the_form_of_a_prompt_counts() -> None:
    text = prompt_of_data("abcd")
    assert prompt_of_ids(array("I", text.data + b"  ")).digest != text.digest


def test_numbers_that_are_out_of_bounds_are_refused() -> None:
    assert array("I").itemsize == 4
    for ids in ([-1], [1 << 32]):
        with pytest.raises(OverflowError):
            prompt_of_ids(ids)
    with pytest.raises(OverflowError):
        key_of(SOURCE, PROMPT, 1 << 64)
    with pytest.raises(ValueError, match="not JSON compliant"):
        source_of(temperature=float("nan"))
