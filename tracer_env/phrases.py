"""What a name stands for, in one sentence: the first of its docstring, read without importing its file."""

from __future__ import annotations

import ast
import inspect
import re
from importlib.util import find_spec
from pathlib import Path

from tracer_env.registry import KINDS

__all__ = ["phrase_of"]


def phrase_of(kind: str, name: str) -> str:
    """Return what the registered ``name`` is, an empty text where its docstring says nothing."""
    target = KINDS[kind][name]
    told = _read(target) if isinstance(target, str) else inspect.getdoc(target)
    first = re.split(r"(?<=[.]) (?=[A-Z`])|\n\n", (told or "").strip(), maxsplit=1)[0]
    return " ".join(first.replace("``", "`").split()).rstrip(".;:")


def _read(target: str) -> str | None:
    """Return the docstring of what an import path names, from the source."""
    module, _, attribute = target.partition(":")
    try:
        spec = find_spec(module)
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        body = ast.parse(source).body
    except (ImportError, OSError, SyntaxError, ValueError):  # a user's own, which says so itself when it is used
        return None
    kinds = (ast.ClassDef, ast.FunctionDef)
    return next((ast.get_docstring(node) for node in body if isinstance(node, kinds) and node.name == attribute), None)
