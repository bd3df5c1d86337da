"""Writes the pages that are made from the sources: the command line as it answers, and a page of each room's names.

    python docs/make_pages.py        writes docs/_made/*.md; `make docs` calls it

Names come from reading the files, not from importing them, so no extra is needed. Docstrings are shown as they
stand: paragraphs as such, columns as columns.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT, MADE = HERE.parent, HERE / "_made"
ROOMS = ("tracer_env", "agents", "trainers", "scenarios")
COMMANDS = (
    "compare",
    "train",
    "play",
    "replay",
    "report",
    "verify",
    "config",
    "list",
    "doctor",
    "expand",
    "calibrate",
    "frontier",
    "see",
)


def fenced(text: str, kind: str = "text") -> str:
    """Return a text as a block that nothing in it can end."""
    marks = "`" * (3 if "```" not in text else 8)
    return f"{marks}{kind}\n{text.rstrip()}\n{marks}\n"


def prose(docstring: str | None) -> str:
    """Return a docstring as paragraphs, its indented ones as blocks that keep their columns."""
    told = []
    for paragraph in (docstring or "").split("\n\n"):
        if any(line.startswith("  ") for line in paragraph.splitlines()):
            told.append(fenced(paragraph))
        else:
            told.append(paragraph.replace("<", "\\<").replace("*", "\\*").replace("``", "`") + "\n")
    return "\n".join(told)


def asked(*words: str) -> str:
    """Return what the command line answers."""
    plain = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tracer_env.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=plain, check=True, cwd=ROOT)
    return done.stdout


def command_line() -> str:
    """Return the page of the commands, each as its ``--help`` says."""
    parts = [
        "# Command line\n",
        "Each command as it answers `--help`; `tracer-env --help` lists them.\n",
        fenced(asked("--help")),
    ]
    for name in COMMANDS:
        parts += [f"## {name}\n", fenced(asked(name, "--help"))]
    parts += ["## The names\n", "What `tracer-env list` prints.\n", fenced(asked("list"))]
    return "\n".join(parts)


def signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    """Return how a name is called: a function's own signature, or that of a class's constructor or fields."""
    if isinstance(node, ast.ClassDef):
        made = next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
        if made is not None:
            inside = ast.unparse(made.args).removeprefix("self").lstrip(", ")
            return f"class {node.name}({inside})"
        fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign) and not _private(each)]
        return f"class {node.name}({', '.join(fields)})" if fields else f"class {node.name}"
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returned}"


def _private(field: ast.AnnAssign) -> bool:
    return isinstance(field.target, ast.Name) and field.target.id.startswith("_")


def wrapped(text: str, width: int = 100) -> str:
    """Return a signature with an argument a line where it is long."""
    if len(text) <= width or "(" not in text:
        return text
    head, _, rest = text.partition("(")
    depth, start, pieces = 0, 0, []
    for place, letter in enumerate(rest):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            return (
                head
                + "(\n"
                + "".join(f"    {p.strip()},\n" for p in [*pieces, rest[start:place]])
                + ")"
                + rest[place + 1 :]
            )
        if letter == "," and depth == 0:
            pieces.append(rest[start:place])
            start = place + 1
    return text


def described(path: Path) -> str | None:
    """Return the part of a page that tells of one file, None where it offers nothing."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    offered = next(
        (ast.literal_eval(n.value) for n in module.body if isinstance(n, ast.Assign) and _names(n) == ["__all__"]), []
    )
    relative = path.relative_to(ROOT).with_suffix("")
    parts = relative.parts if relative.parts[0] == "tracer_env" else ("tracer_env", *relative.parts)
    told = [f"## `{'.'.join(parts)}`\n", prose(ast.get_docstring(module))]
    known = {n.name: n for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for name in offered:
        if name not in known:
            continue
        node = known[name]
        told += [f"### `{name}`\n", fenced(wrapped(signature(node)), "python"), prose(ast.get_docstring(node))]
        for each in node.body if isinstance(node, ast.ClassDef) else []:
            if (
                isinstance(each, ast.FunctionDef)
                and not each.name.startswith("_")
                and (text := ast.get_docstring(each))
            ):
                told += [
                    f"**`{wrapped(signature(each))}`**\n"
                    if len(signature(each)) < 90
                    else fenced(wrapped(signature(each)), "python"),
                    prose(text),
                ]
    return "\n".join(told) if len(told) > 2 else None


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def rooms() -> dict[str, str]:
    """Return a page for each folder that has something to offer, by the page's name."""
    pages = {}
    for room in ROOMS:
        for folder in [
            ROOT / room,
            *sorted(each for each in (ROOT / room).rglob("*") if (each / "__init__.py").is_file()),
        ]:
            files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
            told = [text for path in files if (text := described(path)) is not None]
            if told:
                name = "/".join(folder.relative_to(ROOT).parts)
                face = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
                pages[name] = "\n".join([f"# {name}\n", prose(face), *told])
    return pages


def write(path: Path, text: str) -> None:
    """Write a page if it says something else than before, so that what is built already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Write all of them."""
    write(MADE / "command_line.md", command_line())
    pages = rooms()
    names = [name.replace("/", "-") for name in pages]
    for name, text in pages.items():
        write(MADE / f"api-{name.replace('/', '-')}.md", text)
    head = "# Names, room by room\n\nMade from the sources: what files say of themselves, and every name they offer.\n"
    listed = "\n".join(f"api-{name}" for name in names)
    write(MADE / "api.md", f"{head}\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


if __name__ == "__main__":
    main()
