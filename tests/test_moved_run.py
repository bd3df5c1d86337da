"""A run of a language model goes on in another environment, in another folder, bit for bit; it names no place."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tracer_env.trainers.support.log import comparable, read_metrics

ROOT = Path(__file__).parents[1]
SMALL = (
    *("--method", "tracer", "--speaker", "nano", "--scenario", "arithmetic", "--set", "scenario.level=1"),
    *(
        "--set",
        "gspo.tasks_per_step=1",
        "--set",
        "gspo.steps_per_generation=1",
        "--set",
        "gspo.num_generations=2",
        "--set",
        "gspo.max_completion_length=24",
    ),
    *("--set", "gspo.save_steps=1", "--set", "gspo.learning_rate=1e-3", "--set", 'gspo.report_to=["tensorboard"]'),
)


def _environment(folder: Path) -> Path:
    """Make a virtual environment that holds the package as an installation does, and sees the libraries of this one."""
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"), folder / "Lib" / "site-packages")
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tracer_env", site / "tracer_env", ignore=unwanted)
    for room in ("agents", "trainers", "scenarios"):
        shutil.copytree(ROOT / room, site / "tracer_env" / room, ignore=unwanted)
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (site / "libraries.pth").write_text("\n".join(libraries) + "\n")
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def _train(python: Path, folder: Path, *words: str) -> None:
    folder.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-m", "tracer_env.cli", "train", *words, "--json"],
        cwd=folder,
        env={**kept, "HOME": str(folder), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _bytes(run: Path) -> dict[str, bytes]:
    """Everything that a run has learned and was asked for, by the names of its files."""
    kept = [path for path in sorted(run.rglob("*")) if path.is_file() and "tensorboard" not in path.parts]
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in kept if path.name != "metrics.jsonl"}


@pytest.mark.slow
def test_a_run_goes_on_elsewhere_bit_for_bit(tmp_path: Path) -> None:
    first, second = _environment(tmp_path / "one" / "venv"), _environment(tmp_path / "two" / "deep" / "other")
    _train(second, tmp_path / "two", *SMALL, "--steps", "2", "--out", "whole")
    _train(first, tmp_path / "one", *SMALL, "--steps", "1", "--out", "runs/begun")
    moved = tmp_path / "two" / "archive" / "moved"
    moved.parent.mkdir()
    shutil.move(tmp_path / "one" / "runs" / "begun", moved)
    shutil.rmtree(tmp_path / "one")
    _train(second, tmp_path / "two", "--resume", str(moved), "--steps", "2")
    whole = tmp_path / "two" / "whole"
    assert _bytes(moved) == _bytes(whole)
    assert {"adapters/proposer/adapter_config.json", "checkpoints/step_000002/trainer.json"} < _bytes(moved).keys()
    lines = [list(map(comparable, read_metrics(folder))) for folder in (moved, whole)]
    assert lines[0] == lines[1]
    assert [line["step"] for line in lines[0]] == [1, 2]
    places = [str(tmp_path), str(Path.home()), str(ROOT), sys.prefix]
    named = re.compile("|".join([*map(re.escape, places), rf"(?<!\w){re.escape(socket.gethostname())}(?!\w)"]).encode())
    for path in sorted(moved.rglob("*")):
        assert not named.search(path.relative_to(moved).as_posix().encode())
        if path.is_file() and path.suffix != ".safetensors":  # numbers, in which a short name may stand by chance
            assert not named.search(path.read_bytes()), path
