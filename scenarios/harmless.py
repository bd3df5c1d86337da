"""Which answers may be handed to a scorer that runs them.

Some scorers of other libraries read an answer by evaluating it as Python, and answers are written by models. So a
scorer that does (`evaluates`) is given what holds no call but of elementary functions, no attribute and no power
that would take for ever (`harmless`):

    "(7 + 1)*3", "x**3/3 + sin(x) + C", "['A', 'B']", "1 2 3"     given
    "__import__('os').system('id')", "[open][0]('f')", "9**9**9"  not given

Of a text that is no Python, that is one in which nothing can be called, having neither a bracket nor a power.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable
from typing import Any

__all__ = ["evaluates", "harmless"]

_EVALUATES = re.compile(r"\b(?:eval|exec|compile|parse_expr|sympify|S)\(")
_ALLOWED = (
    *(ast.Expression, ast.List, ast.Tuple, ast.Load, ast.Constant, ast.Name, ast.Call, ast.BinOp, ast.UnaryOp),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.UAdd, ast.USub),
)
_FUNCTIONS = frozenset(
    (
        *("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
        *("asinh", "acosh", "atanh", "exp", "log", "ln", "sqrt", "Abs", "Rational"),
    )
)
_LONGEST, _HIGHEST = 10_000, 10_000


def evaluates(scorer: Callable[..., Any]) -> bool:
    """Return whether a scorer evaluates what it is given, as far as its source tells; one without source does."""
    try:
        return _EVALUATES.search(inspect.getsource(scorer)) is not None
    except (OSError, TypeError):
        return True


def harmless(answer: str) -> bool:
    """Return whether an answer can be evaluated: nothing of it runs code, nor takes for ever."""
    text = answer.strip()
    if len(text) > _LONGEST:
        return False
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return not set("(*") & set(text)
    if not all(isinstance(node, _ALLOWED) for node in nodes):
        return False
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(not isinstance(call.func, ast.Name) or call.func.id not in _FUNCTIONS or call.keywords for call in calls):
        return False
    numbers = all(isinstance(node.value, int | float) for node in nodes if isinstance(node, ast.Constant))
    reckons = any(isinstance(node, ast.BinOp) for node in nodes)
    return (numbers or not reckons) and _highest(nodes) <= _HIGHEST


def _highest(nodes: list[ast.AST]) -> float:
    """Return a bound on the power to which a number is raised: infinite where a power stands in an exponent."""
    bound = 1.0
    for node in nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = list(ast.walk(node.right))
            if any(isinstance(inner, ast.Pow) for inner in exponent):
                return math.inf
            for inner in exponent:
                if isinstance(inner, ast.Constant):
                    value = abs(inner.value) if isinstance(inner.value, int | float) else math.inf
                    bound *= max(1.0, float(min(value, 1e9)))
    return bound
