"""The package's sources, read and not imported: which files there are, and what each imports where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("tracer_env", "agents", "trainers", "scenarios")


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts if parts[0] == "tracer_env" else ["tracer_env", *parts])


FILES = {module_name(path): path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}
every_module = pytest.mark.parametrize("name", list(FILES))


def is_face(name: str) -> bool:
    return FILES[name].name == "__init__.py"


every_file = pytest.mark.parametrize("name", [name for name in FILES if not is_face(name)])


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def _imports(name: str, node: ast.AST) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{name} uses a relative import"
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield (whole, None) if whole in FILES else (str(node.module), alias.name)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@cache
def imports(name: str, top_only: bool = False) -> tuple[tuple[str, str | None], ...]:
    """Return (module, name or None) of all imports, those for type checkers left out."""
    found: list[tuple[str, str | None]] = []

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if _for_types_only(child):
                continue
            found.extend(_imports(name, child))
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if not (top_only and function):
                walk(child)

    walk(tree(name))
    return tuple(found)


def ours(name: str, top_only: bool = False) -> set[str]:
    return {module for module, _ in imports(name, top_only) if module.split(".")[0] == "tracer_env"}


@cache
def typed(name: str) -> frozenset[str]:
    """Return our modules that a file imports for type checkers alone."""
    if is_face(name):
        return frozenset()  # a face tells type checkers what it hands out late
    found = [node for top in ast.walk(tree(name)) if _for_types_only(top) for node in ast.walk(top)]
    return frozenset(
        module for node in found for module, _ in _imports(name, node) if module.split(".")[0] == "tracer_env"
    )
