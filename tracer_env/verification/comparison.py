"""Whether two mathematical answers are equal: what a mathematics worker computes with math-verify.

Loaded by `math_worker` from this file alone, so nothing else of tracer-env is imported here. There is no clock
in it and no bound on memory: both are the worker's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

__all__ = ["compare", "parsed"]

_MATH = re.compile(r"\\[(\[]|(?<!\\)\$")
_PROSE = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}+ [A-Za-z]{2,}+ ")


@lru_cache(maxsize=4096)
def parsed(answer: str) -> list[Any]:
    """Return what math-verify makes of a bare answer: expressions and strings, maybe nothing."""
    from math_verify import parse

    bare = not _MATH.search(answer) and not _PROSE.search(answer)
    found: list[Any] = parse(f"\\boxed{{{answer}}}" if bare else answer, parsing_timeout=None)
    return found


def compare(gold: str, answer: str) -> dict[str, bool]:
    """Return the reply to one job; an answer that math-verify cannot take in is not equal."""
    from math_verify import verify

    try:
        return {"equal": bool(verify(parsed(gold), parsed(answer), timeout_seconds=None))}
    except (MemoryError, RecursionError):
        return {"exhausted": True}
    except Exception:  # whatever sympy makes of a strange input: it is not the gold answer
        return {"equal": False}
