r"""Whether two mathematical answers are equal: what a mathematics worker computes with math-verify.

Both come as LaTeX without delimiters, units, words and remarks (`formulas` sees to that). Each is parsed as a whole
or not at all: what the grammar does not take in is compared as a string, never by a part that it does take in. The
library's notion of equality is kept but for numbers, which it rounds to six places behind the point: here two exact
numbers are equal when they are the same, and two decimals when they differ by no more than 1e-6 of the larger.

Loaded by `math_worker` from this file alone, so nothing else of tracer-env is imported here. There is no clock in
it and no bound on memory: both are the worker's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["compare", "parsed"]

RELATIVE = 1e-6
"""How far decimals may be apart, relative to the larger."""
_EXACT = 1e-25
"""What is left of the difference of two equal exact numbers when it is computed with forty digits."""


@lru_cache(maxsize=4096)
def parsed(answer: str) -> list[Any]:
    """Return the expression that ``answer`` is and its tidied LaTeX; the LaTeX alone when it is none."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig, latex2sympy, normalize_latex
    from math_verify.grader import should_treat_as_complex

    config = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
    )
    latex = normalize_latex(answer, config=config)
    for candidate in _readings(latex):
        try:
            real = not should_treat_as_complex(candidate)
            return [latex2sympy(candidate, is_real=real, convert_degrees=False, normalization_config=None), latex]
        except Exception:  # the grammar's errors are of any class
            continue
    return [latex] if latex else []


def compare(gold: str, answer: str) -> dict[str, bool]:
    """Return the reply to one job; an answer that math-verify cannot take in is not equal."""
    from math_verify import verify

    _mend()
    try:
        return {"equal": bool(verify(parsed(gold), parsed(answer), timeout_seconds=None))}
    except (MemoryError, RecursionError):
        return {"exhausted": True}
    except Exception:  # whatever sympy makes of a strange input: it is not the gold answer
        return {"equal": False}


def _readings(latex: str) -> list[str]:
    """Return what may be parsed: all of it, else the last part of a chain of equations."""
    parts = latex.split("=")
    chain = len(parts) > 2 and not any(mark in latex for mark in (",", ";", "<", ">", "!"))
    return [latex, parts[-1]] if chain else [latex]


@lru_cache(maxsize=1)
def _mend() -> None:
    """Put `_same_number` in the place of the library's comparison of numbers, once in this process."""
    from math_verify import grader

    grader.sympy_numeric_eq = _same_number


def _same_number(left: Any, right: Any, float_rounding: int, numeric_precision: int) -> bool:
    """Return whether two expressions without variables are the same number, or matrices of the same numbers."""
    from sympy import MatrixBase
    from sympy.matrices.expressions import MatrixExpr

    if isinstance(left, MatrixBase | MatrixExpr) and isinstance(right, MatrixBase | MatrixExpr):
        left, right = left.doit(), right.doit()
        if not isinstance(left, MatrixBase) or not isinstance(right, MatrixBase) or left.shape != right.shape:
            return False
        pairs = zip(left.flat(), right.flat(), strict=True)
        return all(_same_number(a, b, float_rounding, numeric_precision) for a, b in pairs)
    try:
        return _near(left.doit(), right.doit())
    except (TypeError, ValueError, AttributeError, ZeroDivisionError):
        return False


def _near(left: Any, right: Any) -> bool:
    from sympy import Float, Rational

    if not (left.is_finite is not False and right.is_finite is not False):
        return False
    if left == right:
        return True
    if left.free_symbols or right.free_symbols:
        return False
    if isinstance(left, Rational) and isinstance(right, Rational):
        return False
    decimal = left.has(Float) or right.has(Float)
    first, second = left.evalf(40), right.evalf(40)
    if not (first.is_number and second.is_number):
        return False
    largest = max(abs(first), abs(second))
    return bool(abs((first - second).evalf(40)) <= (RELATIVE if decimal else _EXACT) * largest)
