"""The command `init`: a folder to start a study from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracer_env.cli.options import JsonOption
from tracer_env.terminal.screen import say, say_json

__all__ = ["init_command"]


def init_command(
    folder: Annotated[Path, typer.Argument(help="Folder to make, such as my_study.")], as_json: JsonOption = False
) -> None:
    """Write a folder to start from: every setting with its comment, questions, a controller, a speaker, a reward."""
    from tracer_env.runs.starting import start_study

    files = start_study(folder)
    if as_json:
        return say_json({"study": str(folder), "files": [each.name for each in files]})
    say("\n".join(map(str, files)))
    say(f"its README.md says how to go on; first:  cd {folder} && tracer-env compare --config study.toml --out first")
    return None
