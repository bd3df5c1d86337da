"""The documentation's snippets run: each Python block by itself, the shell blocks of a page one after the other."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
PYTHON = [(name, code) for name, text in PAGES.items() for code in re.findall(r"```python\n(.*?)```", text, re.S)]
SHELL = {name: blocks for name, text in PAGES.items() if (blocks := re.findall(r"```bash\n(.*?)```", text, re.S))}


def test_there_is_something_to_run() -> None:
    assert len(PYTHON) >= 5
    assert "tutorial" in SHELL


@pytest.mark.parametrize("number", range(len(PYTHON)), ids=lambda n: f"{PYTHON[n][0]}-{n}")
def test_python_blocks_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a script in an empty folder: what a block leaves is left there."""
    name, code = PYTHON[number]
    monkeypatch.chdir(tmp_path)
    script = tmp_path / f"{name}.py"
    script.write_text(code, encoding="utf-8")
    runpy.run_path(str(script), run_name="docs")


@pytest.mark.parametrize("page", SHELL)
def test_shell_blocks_run(page: str, tmp_path: Path) -> None:
    calls = f'python() {{ "{sys.executable}" "$@"; }}\ntracer-env() {{ python -m tracer_env.cli "$@"; }}\n'
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent), "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-euc", calls + "\n".join(SHELL[page])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_page_is_in_the_contents() -> None:
    listed = re.findall(r"^(?:_made/)?\w+$", PAGES["index"], re.M)
    assert {*PAGES} - {"index"} <= {*listed}
