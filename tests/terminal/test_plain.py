"""Characters that act are spelled out; characters that show are kept."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.terminal.plain import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\x00b\x7f\x9b31m", "a\\x00b\\x7f\\x9b31m"),
        ("one\r\ntwo\rthree", "one\ntwo\\x0dthree"),
        ("\tx", "    x"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("[red]9 × 12 = 108 ✓ é 漢字 שלום", "[red]9 × 12 = 108 ✓ é 漢字 שלום"),
        ("family: 👩\u200d👧", "family: 👩\u200d👧"),
    ],
)
def test_by_example(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_left_can_be_printed(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert all(c in "\n\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Zl", "Zp", "Cs") for c in shown)
