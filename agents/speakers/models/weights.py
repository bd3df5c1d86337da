"""Loading a causal language model, one copy of its weights for everybody who asks.

Two speakers of the same path, revision, number type and device get the same `LoadedModel`. The table of
what is loaded holds weak references: when the last speaker goes, so do the weights.

LoRA adapters live inside the model, by name (`adapters`). One of them is active, or none, and then the model
computes bit for bit what it did before it had any. Whoever runs the model says first which: `LoadedModel.use`.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from tracer_env.agents.speakers.models.checks import check_config, check_folder, check_loaded
from tracer_env.agents.speakers.models.files import weight_files
from tracer_env.agents.speakers.models.hub import only_local
from tracer_env.agents.speakers.models.prefix import PrefixCache
from tracer_env.errors import ConfigError, DataError, UserError, did_you_mean
from tracer_env.intake.bounded import shown_path
from tracer_env.terminal.screen import complain

__all__ = [
    "DTYPES",
    "LoadedModel",
    "context_length",
    "end_tokens",
    "first_line",
    "load",
    "model_folder",
    "pick_device",
    "pick_dtype",
    "withdraw",
]

DTYPES = ("auto", "bfloat16", "float16", "float32")

_LOADED: WeakValueDictionary[tuple[str, str | None, torch.dtype, str, bool, bool], LoadedModel] = WeakValueDictionary()
_LOCK = threading.Lock()


@dataclass(eq=False)
class LoadedModel:
    """A model in evaluation mode with its tokenizer, kept prompt beginnings, end tokens and context length."""

    model: Any
    tokenizer: Any
    prefixes: PrefixCache
    ends: frozenset[int]
    context: int | None
    """How many tokens prompt and completion may have together; None when the model has no limit."""

    folder: Path | None = None
    """Where its files lie; None when that cannot be told."""
    adapters: dict[str, Any] = field(default_factory=dict)
    """The adapters inside the model: name and LoraConfig. One in inference mode is never given gradients."""
    active: str | None = None
    """The adapter that a forward pass goes through; None is the base. Change it by `use` alone."""
    withdrawn: bool = False
    """Whether the weights themselves may have changed since they were read; see `withdraw`."""
    users: WeakKeyDictionary[Any, set[str]] = field(default_factory=WeakKeyDictionary)
    """Who runs the model (speakers, policies that learn), and the adapters each of them holds."""

    @property
    def parameters(self) -> int:
        """How many parameters the model has, adapters not counted."""
        return sum(p.numel() for name, p in self.model.named_parameters() if ".lora_" not in name)

    def use(self, name: str | None) -> None:
        """Send forward passes through one adapter, or through the base alone.

        Only the parameters of a trainable active adapter ask for gradients then. Kept prompt beginnings are forgotten.
        """
        if name == self.active:
            return
        if name is not None and name not in self.adapters:
            raise ConfigError(f"the model has no adapter {name!r}{did_you_mean(name, self.adapters)}")
        self.active = name
        self.apply_active()

    def apply_active(self) -> None:
        """Set every layer to the active adapter, as needed after adapters were added or removed."""
        self.prefixes.clear()
        if not self.adapters:
            return
        from peft.tuners.tuners_utils import BaseTunerLayer

        for layer in self.model.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.enable_adapters(self.active is not None)
                if self.active is not None:
                    layer.set_adapter(self.active)
        if self.active is not None and self.adapters[self.active].inference_mode:
            for name, parameter in self.model.named_parameters():
                if ".lora_" in name:
                    parameter.requires_grad_(False)


def load(
    path: str,
    *,
    revision: str | None,
    dtype: str,
    device: str,
    trust_remote_code: bool = False,
    pickled_weights: bool = False,
) -> LoadedModel:
    """Return the model at a local path or hub name, loaded now or earlier.

    Code of the model's own is run with ``trust_remote_code`` alone, a pickle is opened with ``pickled_weights``
    alone. Raises DataError when it cannot be read, ConfigError for a device or number type that is not there.
    """
    place = pick_device(device)
    kind = pick_dtype(dtype, place)
    where = os.path.realpath(os.path.expanduser(path)) if os.path.isdir(os.path.expanduser(path)) else path
    trusted = trust_remote_code, pickled_weights
    key = (where, revision, kind, str(place), *trusted)
    with _LOCK:
        found = _LOADED.get(key)
        if found is None:
            found = _LOADED[key] = _read(where, revision, kind, place, *trusted)
        return found


def withdraw(loaded: LoadedModel) -> None:
    """Take a model out of the table because its weights will change; who asks next reads the path anew.

    Raises ConfigError when another speaker speaks with it, or when it holds adapters: both hang on these weights.
    """
    if loaded.adapters:
        raise ConfigError(
            f"the weights that are to change carry the adapters {', '.join(loaded.adapters)}, which were made for them "
            "as they are; take a speaker without adapters, and close other policies of its model"
        )
    if len(loaded.users) > 1:
        raise ConfigError(
            f"{len(loaded.users)} speakers share the weights that are to change; give the one that learns its own "
            "model folder, make the others afterwards, or train LoRA adapters"
        )
    with _LOCK:
        for key in [key for key, value in _LOADED.items() if value is loaded]:
            del _LOADED[key]
    loaded.withdrawn = True


def pick_device(name: str) -> torch.device:
    """Return the device; ``auto`` is the first CUDA device, else Apple's, else the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"speaker.device {name!r} is not available here: {first_line(error)}") from error
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the number type; ``auto`` is bfloat16 where the hardware multiplies it, else float32."""
    if name not in DTYPES:
        raise ConfigError(f"speaker.dtype is {name!r}{did_you_mean(name, DTYPES)}")
    if name != "auto":
        chosen: torch.dtype = getattr(torch, name)
        return chosen
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # Older torch cannot tell what the CPU has; float32 is then the safe choice.
        tell = getattr(torch.cpu, "get_capabilities", dict)
        able: dict[str, object] = tell() if device.type == "cpu" else {}
        fast = any(bool(able.get(unit)) for unit in ("amx_bf16", "avx512_bf16", "bf16"))
    return torch.bfloat16 if fast else torch.float32


def _read(
    path: str, revision: str | None, dtype: torch.dtype, device: torch.device, trust: bool, pickled: bool
) -> LoadedModel:
    if not sys.stderr.isatty():  # bars of a log file are noise
        transformers_logging.disable_progress_bar()
    if os.path.isdir(path):
        check_folder(Path(path))
    here = os.path.isdir(path) or only_local(path, revision)
    _announce(path)
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # what it tells of a model is the model's own words
    asked = {"revision": revision, "trust_remote_code": trust, "local_files_only": here}
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **asked)
        config = AutoConfig.from_pretrained(path, **asked)
        check_config(path, config, trust)
        model, told = AutoModelForCausalLM.from_pretrained(
            path,
            **asked,
            config=config,
            dtype=dtype,
            use_safetensors=None if pickled else True,
            output_loading_info=True,
        )
        check_loaded(path, model, told)
        model = model.to(device)
        ends = end_tokens(tokenizer, model.config, model.generation_config)
        context = context_length(model.config, tokenizer)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # the libraries raise whatever they meet in a file
        raise DataError(
            f"cannot load a causal language model from {path!r}: {first_line(error)}; give a folder written by "
            "save_pretrained or a model name of the Hugging Face hub" + _pickle_hint(path)
        ) from error
    finally:
        transformers_logging.set_verbosity(before)
    model.eval()
    try:
        prefixes = PrefixCache(model)
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the model {path!r} keeps no keys and values between tokens; take another one") from error
    return LoadedModel(model, tokenizer, prefixes, ends, context, model_folder(path, config))


def _announce(path: str) -> None:
    """Say that a large model is being loaded: it can be half a minute before anything else is heard."""
    size = sum(file.stat().st_size for file in weight_files(Path(path))) if os.path.isdir(path) else None
    if size is None:
        complain(f"loading {shown_path(path)} from the copy here, or from the hub")
    elif size > _LARGE:
        complain(f"loading {shown_path(path)}: {size / 1e9:.1f} GB of weights, then the tokenizer")


_LARGE = 2e8  # bytes


def _pickle_hint(path: str) -> str:
    found = weight_files(Path(path)) if os.path.isdir(path) else []
    if not found or found[0].suffix == ".safetensors":
        return ""
    return f"; {found[0].name} is a pickle: save it as safetensors, or set speaker.pickled_weights=true if you trust it"


def model_folder(path: str, config: Any) -> Path | None:
    """Return where the files of a model lie: its folder, or that of the snapshot in the hub's cache."""
    if os.path.isdir(path):
        return Path(path)
    try:
        revision = getattr(config, "_commit_hash", None)
        found = cached_file(path, "config.json", revision=revision, local_files_only=True)
    except OSError:
        return None
    return None if found is None else Path(found).parent


def end_tokens(tokenizer: Any, *owners: Any) -> frozenset[int]:
    """Collect every token that ends a reply: of the tokenizer, the model's configurations, and the chat format."""
    ends: set[int] = set()
    for owner in (tokenizer, *owners):
        value = getattr(owner, "eos_token_id", None)
        ends.update(value if isinstance(value, list | tuple) else [] if value is None else [value])
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    known = tokenizer.get_vocab()
    ends.update(known[mark] for mark in _CHAT_ENDS if mark in known and mark in template)
    return frozenset(ends)


_CHAT_ENDS = ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|eot|>")


def context_length(config: Any, tokenizer: Any) -> int | None:
    """Return the smaller of what the model's positions and the tokenizer allow; None if neither says."""
    limits = (getattr(config.get_text_config(), "max_position_embeddings", None), tokenizer.model_max_length)
    return min((limit for limit in limits if limit and limit < 10**9), default=None)


def first_line(error: BaseException) -> str:
    """Return what an error says, in its first line, which is enough of it."""
    if "ignore_mismatched_sizes" in str(error):
        return "its weights have other shapes than its config.json says"
    text = str(error).strip().split("\n", 1)[0].rstrip(".")
    plain = isinstance(error, OSError | ValueError | RuntimeError) and text
    return shorten(text if plain else f"{type(error).__name__}: {text}", 400, placeholder=" ...")
