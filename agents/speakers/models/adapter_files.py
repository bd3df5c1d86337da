"""The two files of a LoRA adapter on disk, as peft and vLLM read and write them.

    adapter_config.json          rank, scaling, the target modules by name
    adapter_model.safetensors    the matrices, named base_model.model.<module>.lora_A.weight and so on

Read strictly: the configuration by our own rules (`adapter_config`), the tensors by kind and value, and one against
the other, so that a rank is believed when the matrices have it. Pickles are never opened, and no other model or
module that a file names. Written so that the same adapter gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_env.agents.speakers.models.adapter_config import AdapterConfig, read_config
from tracer_env.agents.speakers.models.tensor_reading import read_tensors, weights
from tracer_env.errors import DataError
from tracer_env.intake.bounded import MEBIBYTE, shown
from tracer_env.intake.checked import load
from tracer_env.storage.files import write_text, write_with

if TYPE_CHECKING:
    import torch

__all__ = ["CONFIG", "SCALING", "adapter_settings", "matrices", "read_folder", "write_adapter", "write_settings"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""What peft calls the two files of an adapter."""
_PREFIX = "base_model.model."  # what peft puts before the path of a module
SCALING = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")
"""The settings of an adapter that its weights do not show."""
_MATRIX = re.compile(r"(.+)\.lora_(?:(A|B)\.weight|embedding_(A|B))")


def read_folder(folder: Path) -> tuple[AdapterConfig, dict[str, torch.Tensor]]:
    """Return the configuration and the tensors of a folder that peft saved. Raises DataError when it cannot be used."""
    path = folder / CONFIG
    if not path.is_file():
        raise DataError(f"{folder} is no adapter: it has no {CONFIG}; give a folder that save_pretrained of peft wrote")
    config = load(path, read_config, most=4 * MEBIBYTE)
    path = folder / WEIGHTS
    if not path.is_file():
        old = (folder / "adapter_model.bin").is_file()
        hint = "it holds a pickle (adapter_model.bin), which is never loaded; save it as safetensors" if old else ""
        raise DataError(f"the adapter {folder} has no {WEIGHTS}; {hint or 'save it again'}")
    found = read_tensors(path, "the adapter", weights, remedy="save it again")
    tensors = {name.removeprefix(_PREFIX): tensor for name, tensor in found.items()}
    _check_ranks(folder, config, tensors)
    return config, tensors


def matrices(tensors: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Return the matrices A and B of each module; tensors of other names are left out."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if match := _MATRIX.fullmatch(name):
            found.setdefault(match[1], {})[match[2] or match[3]] = tensor
    return found


def _check_ranks(folder: Path, config: AdapterConfig, tensors: Mapping[str, torch.Tensor]) -> None:
    """Believe a rank when the matrices have it; raise DataError for a tensor that is no matrix of a plain LoRA."""
    for name, tensor in tensors.items():
        if not _MATRIX.fullmatch(name) or tensor.dim() < 2:
            raise DataError(f"the adapter {folder}: the tensor {shown(name, 200)} is no matrix of a plain LoRA")
    pairs = matrices(tensors)
    if not pairs:
        raise DataError(f"the adapter {folder} holds no matrix; save it again")
    for module, pair in pairs.items():
        if len(pair) < 2:
            raise DataError(f"the adapter {folder} lacks one of the two matrices of {shown(module, 200)}")
        rank, stands = config.rank(module), (pair["A"].shape[0], pair["B"].shape[1])
        if stands != (rank, rank):
            raise DataError(
                f"the adapter {folder}: {CONFIG} says rank {rank} for {shown(module, 200)}, "
                f"but its matrices have {stands[0]} and {stands[1]}; save it again"
            )


def write_adapter(folder: Path, config: Any, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write an adapter as peft does; the same weights give the same bytes. The configuration comes last."""
    write_settings(folder, {**adapter_settings(config), "inference_mode": True}, tensors)


def write_settings(folder: Path, settings: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    """Write an adapter whose configuration is plain data already, as `write_adapter` does."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    plain = {_PREFIX + name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_with(folder / WEIGHTS, lambda path: save_file(plain, path, metadata={"format": "pt"}))
    write_text(folder / CONFIG, json.dumps(dict(settings), indent=2, sort_keys=True) + "\n")


def adapter_settings(config: Any) -> dict[str, Any]:
    """Return a LoraConfig as plain data, sets sorted."""
    found: dict[str, Any] = json.loads(json.dumps(config.to_dict(), default=_plain))
    return found


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(getattr(value, "value", value))
