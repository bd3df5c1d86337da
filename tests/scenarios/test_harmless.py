"""Answers that a scorer would evaluate as Python: what may be evaluated, and that nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer_env.scenarios.harmless import evaluates, harmless
from tracer_env.scenarios.procedural import ReasoningGym
from tracer_env.types import Grade

GIVEN = (
    *("(7 + 1)*3", "24", "-4.5e3", "8/(3 - 8/3)", "x**3/3 + sin(x)*exp(-2*x) + C", "log(x + 1)**2", "x**(1/2)"),
    *("sqrt(x)/2", "10*x**99 - 4*x", "['A', 'B', 'C']", "[['_', 'Q'], ['Q', '_']]", "[1, 2, -3]", "ABCDE", "1 2 3"),
    *("_ Q _ _\n_ _ _ Q", "0 1\n1 0", "word", "3!", "", "x = 3"),
)
KEPT = (
    *("__import__('os').system('id')", "open('f')", "[open][0]('f')", "(open)('f')", "print ('x')", "print\\\n('x')"),
    *("f\"{open('f')}\"", "(lambda: 0)()", "[open('f') for x in [1]]", "().__class__.__base__", "x.y", "a[0]"),
    *("open('f') + 3!", "sin(x)(y)", "sin(open('f'))", "exp(x, evaluate=False)", "preview(x)", "sympify('x')"),
    *("9**9**9**9", "9**(9**9)", "((9**999)**999)**999", "9**99999999", "9**9**9!", "9**'9'", "'a'*99999999999"),
    *("1 << 99999999999", "(" * 9_000, "1+" * 9_000 + "1", "x if open else y", "ｏpen('f')", "factorial(x)"),
)


@pytest.mark.parametrize("answer", GIVEN)
def test_answers_that_only_say_something_are_given(answer: str) -> None:
    assert harmless(answer)


@pytest.mark.parametrize("answer", KEPT, ids=lambda answer: answer[:30])
def test_answers_that_do_something_are_not(answer: str) -> None:
    assert not harmless(answer)


def test_what_cannot_be_looked_into_counts_as_evaluating() -> None:
    assert evaluates(print)
    assert not evaluates(test_answers_that_do_something_are_not)


@pytest.mark.parametrize(
    "dataset",
    [
        *("countdown", "puzzle24", "polynomial_multiplication", "simple_integration", "intermediate_integration"),
        *("n_queens", "spiral_matrix", "binary_matrix", "string_insertion"),
    ],
)
def test_no_scorer_runs_what_a_model_wrote(dataset: str, tmp_path: Path) -> None:
    pytest.importorskip("reasoning_gym")
    (task,) = scenario = ReasoningGym(dataset, limit=1)
    mark = tmp_path / "mark"
    for answer in (
        f"__import__('pathlib').Path({str(mark)!r}).touch()",
        f"[open][0]({str(mark)!r}, 'w')",
        "9**9**9**9",
    ):
        assert scenario.grade(f"Final answer: {answer}", task) is Grade.WRONG
        assert not mark.exists()
    if dataset not in ("countdown", "puzzle24"):  # whose tasks have many answers, and give none or one as a sentence
        assert scenario.grade(f"Final answer: {task.answer}", task) is Grade.CORRECT
    if dataset == "countdown":
        assert (
            scenario.grade(f"Final answer: {task.metadata['entry']['metadata']['expression']}", task) is Grade.CORRECT
        )
