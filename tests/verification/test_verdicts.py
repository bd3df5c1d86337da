import pytest

from tracer_env.types import Verdict
from tracer_env.verification.verdicts import read_verdict


@pytest.mark.parametrize(
    ("review", "verdict"),
    [
        ("RIGHT.", Verdict.RIGHT),
        ("Right, 9 * 2 is 18.", Verdict.RIGHT),
        ("correct", Verdict.RIGHT),
        ("\n  RIGHT", Verdict.RIGHT),
        ("**WRONG** the sum is 19", Verdict.WRONG),
        ("Incorrect, because 9 * 2 is 18", Verdict.WRONG),
        ('"WRONG"', Verdict.WRONG),
        ("not right", Verdict.NONE),
        ("The answer is right", Verdict.NONE),
        ("Hmm.\nRIGHT", Verdict.NONE),
        ("Rightly so", Verdict.NONE),
        ("WRONGLY", Verdict.NONE),
        ("RIGHT\nWRONG", Verdict.RIGHT),
        ("", Verdict.NONE),
        ("18", Verdict.NONE),
        ("\x00\ud800", Verdict.NONE),
    ],
)
def test_the_verdict_is_the_first_word_of_the_first_line(review: str, verdict: Verdict) -> None:
    assert read_verdict(review) is verdict


def test_a_megabyte_of_stars_is_read_quickly() -> None:
    assert read_verdict("*" * 10**6) is Verdict.NONE
