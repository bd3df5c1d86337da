"""How much there is to read: lines of code, docstrings and comments, file by file and function by function.

    python benchmarks/sizes.py                        this checkout
    python benchmarks/sizes.py --against CHECKOUT     beside another one, with the ratios

A line of code holds something that is neither docstring nor comment nor blank; strings under an assignment that tell
what it is count as docstrings. Counted are the package's four folders, without tests, benchmarks and data.
"""

from __future__ import annotations

import argparse
import ast
import io
import statistics
import tokenize
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("tracer_env", "agents", "trainers", "scenarios")
LONG_FILE, LONG_FUNCTION = 330, 60


@dataclass
class Sizes:
    """What was counted in a checkout."""

    code: int = 0
    docstrings: int = 0
    files: dict[str, int] = field(default_factory=dict)  # whole lines
    functions: dict[str, int] = field(default_factory=dict)  # from def to its last line


def told_lines(module: ast.Module) -> set[int]:
    """Return the lines of docstrings: of the module, of classes and functions, and of names."""
    bodies = [
        node.body
        for node in ast.walk(module)
        if isinstance(node, ast.Module | ast.ClassDef | ast.stmt) and hasattr(node, "body")
    ]
    alone = [statement.value for body in bodies for statement in body if isinstance(statement, ast.Expr)]
    texts = [value for value in alone if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return {line for text in texts for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)}


def code_lines(text: str) -> set[int]:
    """Return the lines on which a token stands that is neither comment nor line end."""
    beside = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in beside:
            found |= set(range(token.start[0], token.end[0] + 1))
    return found


def counted(root: Path) -> Sizes:
    """Count the package of a checkout."""
    sizes = Sizes()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            text, name = path.read_text(encoding="utf-8"), str(path.relative_to(root))
            module = ast.parse(text)
            told = told_lines(module)
            sizes.code += len(code_lines(text) - told)
            sizes.docstrings += len(told)
            sizes.files[name] = len(text.splitlines())
            for node in ast.walk(module):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    sizes.functions[f"{name}:{node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout")
    given = parser.parse_args()
    here = counted(ROOT)
    print(f"code        {here.code:7,}\ndocstrings  {here.docstrings:7,}")
    print(f"files       {len(here.files):7,}   median {statistics.median(here.files.values()):.0f} lines")
    print(f"functions   {len(here.functions):7,}   median {statistics.median(here.functions.values()):.0f} lines")
    for what, sizes, most in (("file", here.files, LONG_FILE), ("function", here.functions, LONG_FUNCTION)):
        long = {name: lines for name, lines in sizes.items() if lines > most}
        print(f"{len(long)} {what}s beyond {most} lines" + "".join(f"\n  {n:4} {name}" for name, n in long.items()))
    if given.against:
        there = counted(given.against)
        print(f"against {there.code:,} lines of code: {here.code / there.code:.3f}")
        print(f"against {there.docstrings:,} lines of docstrings: {here.docstrings / there.docstrings:.3f}")


if __name__ == "__main__":
    main()
