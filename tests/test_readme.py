"""The README's snippets run: each Python block by itself, each tracer-env line of the bash blocks."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tracer_env.cli.app import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.S)
SESSIONS = [
    commands
    for block in re.findall(r"```bash\n(.*?)```", README, re.S)
    if (commands := [line.split("  #")[0].strip() for line in block.splitlines() if line.startswith("tracer-env")])
]


def test_the_readme_has_snippets_and_commands() -> None:
    assert len(SNIPPETS) >= 3
    assert sum(map(len, SESSIONS)) >= 9


def test_the_first_block_is_what_the_demo_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["compare"]) == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    shown = README.split("```text\n")[1].split("```")[0].splitlines()
    assert printed[: len(shown)] == shown


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_python_snippets_run(number: int) -> None:
    exec(compile(SNIPPETS[number], f"README snippet {number}", "exec"), {})


@pytest.mark.parametrize("session", SESSIONS, ids=lambda commands: commands[0])
def test_commands_run_one_after_the_other(session: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", "examples")
    for command in session:
        assert main(shlex.split(command)[1:]) == 0, command


def test_the_picture_exists() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / picture).is_file()


def test_every_registered_controller_is_in_the_table() -> None:
    from tracer_env import registered

    assert [name for name in registered("controller") if f"`{name}`" not in README] == []
