"""Letters: what names the option B of four, and what only mentions it."""

from __future__ import annotations

import pytest

from tracer_env.types import Grade
from tracer_env.verification.verifiers import verifier_for

OPTIONS = ("iron", "tin", "lead", "zinc oxide")


@pytest.mark.parametrize("marker", ["Final answer: {}", "The answer is {}", "\\boxed{{{}}}"])
@pytest.mark.parametrize(
    "content",
    [
        "A or B",
        "A, B",
        "B, C",
        "B and C",
        "either B or C",
        "between B and C",
        "not B",
        "isn't B",
        "B is wrong",
        "B is incorrect",
        "B is not correct",
        "anything but B",
        "all but B",
        "A (not B)",
        "A rather than B",
        "A; B is wrong",
        "C because B is wrong",
        "vitamin B",
        "plan B",
        "group B",
        "5 B",
        "B cells",
        "C, since B fails",
        "neither B",
        "B?? or C",
        "B/C",
        "B&C",
        "(B)(C)",
        "B) C)",
        "A) tin",
        "B) lead",
        "(B) lead",
        "B: lead",
        "Option A, not option B",
        "none, not even B",
        "It could be B or D",
        "B maybe, or C",
        "the letter after B",
        "E",
        "B or none",
        "tin or lead",
        "not tin",
        "tin and lead",
        "neither tin nor lead",
        "iron (tin)",
        "B = C",
        "B+C",
        "BC",
        "b c",
        "I choose A over B",
        "A instead of B",
        "A but not B",
        "Both B and A",
        "B, A",
        "B A",
        "A B",
    ],
)
def test_what_does_not_settle_on_the_option(content: str, marker: str) -> None:
    assert verifier_for("choice").grade(marker.format(content), "B", OPTIONS) is not Grade.CORRECT


@pytest.mark.parametrize("marker", ["Final answer: {}", "The answer is {}", "Answer: {}"])
@pytest.mark.parametrize(
    "content",
    [
        "B, tin",
        "B tin",
        "(B) tin",
        "B - tin",
        "tin (B)",
        "Tin",
        "the tin",
        "tin, of course",
        "It is tin.",
        "B, because tin melts",
        "option (B)",
        "choice b",
        "The correct option is B: tin",
        "B.) tin",
        "[B] tin",
        "B \u2014 tin",
        "B\\) tin",
        "**B) tin**",
        "\\text{B}",
        "\\text{tin}",
        "B. tin is correct",
        "Option B: tin",
    ],
)
def test_what_settles_on_the_option(content: str, marker: str) -> None:
    assert verifier_for("choice").grade(marker.format(content), "B", OPTIONS) is Grade.CORRECT
