from __future__ import annotations

import pytest

from tracer_env.trainers.tracer.reviews import REVIEWS, AllReviews, BalancedReviews


def test_all_reviews_teach() -> None:
    choice = AllReviews()
    choice.seen(100, 0)
    assert choice.keeps(True, 0.999)
    assert choice.state_dict() == {}
    choice.load_state_dict({})


def test_nothing_is_left_out_before_anything_was_seen() -> None:
    assert BalancedReviews().keeps(True, 0.999)
    assert BalancedReviews().keeps(False, 0.999)


def test_the_frequent_kind_is_kept_as_often_as_the_other_comes() -> None:
    choice = BalancedReviews(fading=0.5)
    choice.seen(right=39, wrong=9)
    assert choice.keeps(False, 0.999)
    assert choice.keeps(True, 0.249)  # (9 + 1) / (39 + 1)
    assert not choice.keeps(True, 0.25)
    choice.seen(right=0, wrong=20)
    assert (choice.right, choice.wrong) == (19.5, 24.5)
    assert choice.keeps(True, 0.999)
    assert not choice.keeps(False, 0.81)


def test_it_goes_on_from_what_it_remembered() -> None:
    choice, other = BalancedReviews(), BalancedReviews()
    choice.seen(7, 2)
    other.load_state_dict(choice.state_dict())
    assert (other.right, other.wrong) == (7.0, 2.0)


@pytest.mark.parametrize("name", list(REVIEWS))
def test_choices_have_names(name: str) -> None:
    assert REVIEWS[name]().keeps(True, 0.0)
