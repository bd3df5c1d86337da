"""The two files of a LoRA adapter on disk, as peft and vLLM read and write them.

    adapter_config.json          rank, scaling, the target modules by name
    adapter_model.safetensors    the matrices, named base_model.model.<module>.lora_A.weight and so on

Read strictly: what would not be a plain low-rank addition to an unchanged base is refused by name, and pickles
are never opened. Written so that the same adapter gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_env.errors import DataError
from tracer_env.files import write_text, write_with

if TYPE_CHECKING:
    import torch

__all__ = ["CONFIG", "SCALING", "adapter_settings", "read_folder", "write_adapter"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""What peft calls the two files of an adapter."""
_PREFIX = "base_model.model."  # what peft puts before the path of a module
SCALING = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")
"""The settings of an adapter that its weights do not show."""
_UNDERSTOOD = {
    *SCALING,
    *("lora_dropout", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out"),
    *("task_type", "base_model_name_or_path", "revision", "inference_mode", "peft_version", "auto_mapping"),
    *("init_lora_weights", "eva_config"),
}
"""What a configuration may set to anything; elsewhere it must hold peft's default, or the layer is no plain LoRA."""
_HARMLESS_STARTS = (True, False, "gaussian", "orthogonal", "eva")
"""Starts that leave the base as it is; the others (PiSSA and the like) subtract from it."""


def read_folder(folder: Path) -> tuple[Any, dict[str, torch.Tensor]]:
    """Return the LoraConfig and the tensors of a folder that peft saved. Raises DataError when it cannot be used."""
    config = _read_config(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        old = (folder / "adapter_model.bin").is_file()
        hint = "it holds a pickle (adapter_model.bin), which is never loaded; save it as safetensors" if old else ""
        raise DataError(f"the adapter {folder} has no {WEIGHTS}; {hint or 'save it again'}")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"cannot read the adapter {path}: {error}; save it again") from error
    return config, {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}


def write_adapter(folder: Path, config: Any, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write an adapter as peft does; the same weights give the same bytes. The configuration comes last."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    plain = {_PREFIX + name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_with(folder / WEIGHTS, lambda path: save_file(plain, path, metadata={"format": "pt"}))
    settings = {**adapter_settings(config), "inference_mode": True}
    write_text(folder / CONFIG, json.dumps(settings, indent=2, sort_keys=True) + "\n")


def adapter_settings(config: Any) -> dict[str, Any]:
    """Return a LoraConfig as plain data, sets sorted."""
    found: dict[str, Any] = json.loads(json.dumps(config.to_dict(), default=_plain))
    return found


def _read_config(folder: Path) -> Any:
    from peft import LoraConfig

    path = folder / CONFIG
    if not path.is_file():
        raise DataError(f"{folder} is no adapter: it has no {CONFIG}; give a folder that save_pretrained of peft wrote")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        kind = settings["peft_type"]
        config = LoraConfig.from_pretrained(str(folder)) if kind == "LORA" else None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"cannot read {path}: {(str(error) or type(error).__name__).splitlines()[0]}; save the adapter again"
        ) from error
    if config is None:
        raise DataError(f"the adapter {folder} is of type {kind!r}; only LORA adapters can be switched")
    plain = adapter_settings(LoraConfig())
    odd = [key for key, value in adapter_settings(config).items() if key not in _UNDERSTOOD and value != plain.get(key)]
    if config.init_lora_weights not in _HARMLESS_STARTS:
        odd.append("init_lora_weights")
    if odd:
        what = f"{odd[0]} is {getattr(config, odd[0])!r}"
        raise DataError(f"the adapter {folder} is more than a plain LoRA ({what}); train one without")
    config.inference_mode, config.init_lora_weights = True, True
    return config


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(getattr(value, "value", value))
