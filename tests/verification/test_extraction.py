from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_env.verification import numbers
from tracer_env.verification.extraction import statements
from tracer_env.verification.letters import UNCLEAR, read_choice
from tracer_env.verification.numbers import read_number, render_number

ALL = frozenset({"final_answer", "boxed", "hashes", "a_colon", "answer_is"})


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("18", 18),
        ("1,000", 1000),
        ("1,00,000", 100000),
        ("$5.00", 5),
        ("\\$1{,}450.", 1450),
        ("50%", 50),
        ("50\\%", 50),
        ("18.0", 18),
        ("-3", -3),
        ("- 3", -3),
        ("-$5", -5),
        ("$-5$", -5),
        ("\u22127", -7),
        ("0.0004", Fraction(1, 2500)),
        (".5", Fraction(1, 2)),
        ("1/2", Fraction(1, 2)),
        ("3 1/2", Fraction(7, 2)),
        ("3\\frac{1}{2}", Fraction(7, 2)),
        ("-\\frac{3}{4}", Fraction(-3, 4)),
        ("\\dfrac12", Fraction(1, 2)),
        ("1e3", 1000),
        ("**18** eggs", 18),
        ("25 m^2", 25),
        ("x = 5", 5),
        ("9 * 2 = 18", 18),
        ("$18 (= 9 * 2)", 18),
        ("2x = 10 so x = 5", 5),
        ("15 gallons * 8 pints = 120 pints", 120),
        ("18 eggs for 2 dollars", 18),
    ],
)
def test_a_stated_number_is_read(content: str, value: Fraction) -> None:
    assert read_number(content) == value


@pytest.mark.parametrize(
    "content", ["", "none", "2 + 3", "10**10**10", "2^10", "3:1", "1,2,3", "1/0", "1e999", "9" * 401, "12 / 4"]
)
def test_what_is_no_single_number_is_none(content: str) -> None:
    assert read_number(content) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(18), "18"),
        (Fraction(-3), "-3"),
        (Fraction(1, 2), "0.5"),
        (Fraction(-1, 8), "-0.125"),
        (Fraction(1, 2500), "0.0004"),
        (Fraction(100), "100"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-22, 7), "-22/7"),
    ],
)
def test_the_canonical_form_is_the_shortest(value: Fraction, text: str) -> None:
    assert render_number(value) == text


@given(st.fractions(max_denominator=10**9))
def test_rendered_numbers_are_read_back(value: Fraction) -> None:
    assert read_number(render_number(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30))
def test_decimals_with_thousands_marks_are_read_exactly(value: object) -> None:
    assert read_number(f"${value:,}") == Fraction(str(value))


def test_statements_come_last_first_and_end_where_the_next_begins() -> None:
    text = "#### 4\nFinal answer: $\\boxed{18}$ eggs"
    assert list(statements(text, ALL)) == [("boxed", "18"), ("final_answer", "$"), ("hashes", "4")]


def test_only_the_rules_asked_for_are_seen() -> None:
    assert list(statements("A: 7\nThe answer is 8", frozenset({"a_colon"}))) == [("a_colon", "7")]


def test_an_empty_line_hands_over_to_the_next() -> None:
    assert list(statements("**Final Answer:**\n\n42 eggs\nbye", ALL)) == [("final_answer", "42 eggs")]


def test_headings_state_nothing() -> None:
    assert list(statements("#### Step 3: sum\n#### 3. Then\n##### 5", ALL)) == []


def test_braces_are_balanced_and_escapes_left_alone() -> None:
    assert list(statements(r"\boxed{\left\{ \frac{1}{2} \right.} and more}", ALL)) == [
        ("boxed", r"\left\{ \frac{1}{2} \right.")
    ]
    assert list(statements(r"\boxed{18", ALL)) == []
    assert list(statements(r"\boxed 8.", ALL)) == [("boxed", "8")]


def test_long_contents_are_not_read() -> None:
    assert list(statements("Final answer: " + "x" * 2001, ALL)) == []


@pytest.mark.parametrize(
    ("content", "letter"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("\\text{(D)}", "D"),
        ("option C.", "C"),
        ("(B) Vitamin C", "B"),
        ("A: because", "A"),
        ("A because of C2H4", "A"),
        ("**J**", "J"),
        ("A bare majority", None),
        ("I think so", None),
        ("B or C", UNCLEAR),
        ("A and B", UNCLEAR),
        ("not B", UNCLEAR),
        ("None of these", UNCLEAR),
        ("K", None),
        ("", None),
    ],
)
def test_option_letters(content: str, letter: str | None) -> None:
    assert read_choice(content) == letter


def test_powers_are_no_last_number() -> None:
    assert numbers.last_number("10**10**10") is None
    assert numbers.last_number("an area of 25 m^2") == 25
    assert numbers.last_number("16 - 3 = 13, or 5-3") is None
    assert numbers.last_number("16 - 3 = 13") == 13
