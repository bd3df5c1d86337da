"""Naming: sentences that name an option without a marker, and those that only mention one."""

from __future__ import annotations

import pytest

from tracer_env.verification.letters import listed_choice
from tracer_env.verification.naming import named_choices


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Option B is correct.", "B"),
        ("Therefore, **option (B)** is the best answer.", "B"),
        ("A is wrong.\nSo B is right, since DNA is there.", "B"),
        ("I'd go with B.", "B"),
        ("We choose option C.", "C"),
        ("The correct option is D", "D"),
        ("So it's C", "C"),
        ("I believe that (C) is the correct answer.", "C"),
        ("This matches option D.", "D"),
        ("It is not C.", ""),
        ("It is C that melts.", ""),
        ("C is the capacitance.", ""),
        ("So 25 C.", ""),
        ("Option C is tempting.", ""),
        ("Eliminate C.", ""),
        ("Option B is correct. Option C is correct.", "BC"),
        ("option b", "B"),
        ("Thus, B.", "B"),
        ("B, because it melts first.", "B"),
        ("Option B is correct. However, C also fits.", ""),
        ("If option B is correct, A is wrong.", ""),
        ("Some say option B is correct.", ""),
        ("Option B is correct only if x > 0.", ""),
        ("Option B is not correct.", ""),
        ("B is the correct answer to another question.", ""),
        ("I choose B? Hard to say.", ""),
        ("I choose A different way.", ""),
        ("Vitamin C is correct.", ""),
        ("A correct answer is hard to find.", ""),
    ],
)
def test_a_sentence_names_an_option_or_only_mentions_it(text: str, letters: str) -> None:
    assert named_choices(text) == set(letters)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("tin", "B"),
        ("So it is\n**Tin.**", "B"),
        ("B. tin", "B"),
        ("B. lead", None),
        ("tin or lead", None),
        ("B) is wrong.", None),
        ("B: wrong, it melts.", None),
        ("B) tin\nC) lead", None),
        ("A) iron\nB) tin\nOption B is correct.", "B"),
        ("Option E is correct.", None),
    ],
)
def test_a_text_without_a_marker_settles_on_one_option(text: str, letter: str | None) -> None:
    assert listed_choice(text, ("iron", "tin", "lead", "zinc oxide")) == letter
