"""Inspect is tried by the script of clients; here is what is said where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tracer_env.errors import MissingExtraError
from tracer_env.neighbours.inspect_logs import export_run, inspect_task


def test_without_inspect_the_line_says_how_to_get_it(tmp_path: Path) -> None:
    if find_spec("inspect_ai") is not None:
        pytest.skip("inspect_ai is installed")
    with pytest.raises(MissingExtraError, match=r'pip install "tracer-env\[inspect\]"'):
        export_run(tmp_path, tmp_path / "logs")
    with pytest.raises(MissingExtraError, match="what stands in Inspect needs the package 'inspect_ai'"):
        inspect_task("arithmetic")
    assert not (tmp_path / "logs").exists()
