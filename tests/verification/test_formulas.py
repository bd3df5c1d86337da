"""Formulas: what stands beside them, numbers that are compared here, and gold answers."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tracer_env.errors import DataError
from tracer_env.types import Task
from tracer_env.verification.formulas import read
from tracer_env.verification.plain_math import rational, to_latex
from tracer_env.verification.units import canonical, unit_length
from tracer_env.verification.verifiers import verifier_for


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("4.5e33", "4.5\\times 10^{33}"),
        ("4.5 x 10^33", "4.5\\times 10^{33}"),
        ("4.5*10**33", "4.5\\times 10^{33}"),
        ("3 1/2", "3\\frac{1}{2}"),
        ("3\u00bd", "3\\frac{1}{2}"),
        ("10,\\!080", "10080"),
        ("1\u202f000", "1000"),
        ("x^10", "x^{10}"),
        ("x\u00b2", "x^{2}"),
        ("2516\u2088", "2516_{8}"),
        ("\u221a2", "\\sqrt{2}"),
        ("sqrt(2)", "\\sqrt{2}"),
        ("2 * 3", "2\\cdot 3"),
        ("(1,234)", "(1,234)"),
        ("\\frac{1}{2}", "\\frac{1}{2}"),
    ],
)
def test_plain_text_becomes_latex(text: str, latex: str) -> None:
    assert to_latex(text) == latex


@pytest.mark.parametrize(
    ("latex", "value", "decimal"),
    [
        ("18", Fraction(18), False),
        ("18.0", Fraction(18), False),
        (".5", Fraction(1, 2), True),
        ("-\\frac12", Fraction(-1, 2), False),
        ("\\frac{-3}{-4}", Fraction(3, 4), False),
        ("3\\frac{1}{2}", Fraction(7, 2), False),
        ("4.5\\times 10^{3}", Fraction(4500), False),
    ],
)
def test_a_number_keeps_its_exact_value(latex: str, value: Fraction, decimal: bool) -> None:
    assert rational(latex) == (value, decimal)


@pytest.mark.parametrize("latex", ["1/0", "\\frac{1}{0}", "x", "1,2", "10^{3}", "2\\pi", "", "1.2.3", "5!"])
def test_what_is_no_number_has_no_value(latex: str) -> None:
    assert rational(latex) is None


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (("km/h", "kilometres per hour", "kph", "km / h"), "h^-1\u00b7km"),
        (("m^2", "m\u00b2", "sq m", "square meters", "meters squared", "m^{2}"), "m^2"),
        (("kg\u00b7m\u00b2", "kg*m^2"), "kg\u00b7m^2"),
        (("\u00b0C", "celsius"), "degC"),
        (("$", "dollars", "USD"), "usd"),
        (("%", "percent"), "%"),
    ],
)
def test_units_have_one_name(spellings: tuple[str, ...], name: str) -> None:
    assert {canonical(spelling) for spelling in spellings} == {name}


@pytest.mark.parametrize("text", ["x", "n", "apples", "pi", "k", "", "m/x", "5"])
def test_what_is_no_unit_has_no_name(text: str) -> None:
    assert canonical(text) is None


def test_a_unit_ends_where_words_begin() -> None:
    assert unit_length("km/h on average") == len("km/h")
    assert unit_length("apples") == 0


def test_what_stands_beside_a_formula_is_kept_apart() -> None:
    metres = read("12\\text{ m}^2")
    assert metres is not None
    assert (metres.latex, metres.unit, metres.noun) == ("12", "m^2", None)
    apples = read("12 apples (in all)")
    assert apples is not None
    assert (apples.latex, apples.unit, apples.noun) == ("12", None, "apple")
    variable = read("12 x")
    assert variable is not None
    assert (variable.latex, variable.unit, variable.noun) == ("12 x", None, None)


@pytest.mark.parametrize(
    ("gold", "read_as"),
    [
        ("\\frac{1}{2}", "\\frac{1}{2}"),
        ("12\\text{ m}", "12\\text{ m}"),
        ("We get $\\boxed{5}$.", "5"),
        ("\\text{no solution}", "\\text{no solution}"),
        ("x=5", "x=5"),
    ],
)
def test_gold_answers_of_mathematics(gold: str, read_as: str) -> None:
    assert verifier_for("math").gold(gold) == read_as


@pytest.mark.parametrize("gold", ["", "???", "\\frac{1}{2", "She pays $18", "The answer is 5", "not 5"])
def test_what_is_no_formula_as_a_whole_is_refused(gold: str) -> None:
    with pytest.raises(DataError, match="cannot be read as an answer of kind 'math'"):
        verifier_for("math").gold(gold)


@pytest.mark.parametrize(
    ("answer", "options", "why"),
    [
        ("B", ("iron", "tin"), None),
        ("B) tin", ("iron", "tin"), None),
        ("D", ("iron", "tin"), "the field 'answer' is D, but there are 2 options, A to B"),
        ("tin", ("iron", "zinc"), "the field 'answer' holds 'tin', which is no answer of kind 'choice'"),
    ],
)
def test_a_choice_names_an_option_of_its_own(answer: str, options: tuple[str, ...], why: str | None) -> None:
    assert verifier_for("choice").refusal(Task("t", "q", answer, "choice", options=options)) == why
