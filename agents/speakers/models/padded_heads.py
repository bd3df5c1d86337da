"""A model's attention heads made larger without changing what it computes, for engines that know few head sizes.

    rows of q, k   each rotary half of a head gets zeros behind it: (14 + 14) -> (14 + 2, 14 + 2)
    q              times sqrt(new / old), since scores are divided by the square root of the head's size
    rope_theta     to the power new / old, so that the angles of the old places stay what they were
    v, o           zeros behind each head, in the rows of v and the columns of o

Holds for models of the Llama layout with default rotary embeddings. A LoRA adapter made for the old model fits the new
one after the same moves (`Padding.adapter`). Source: attention over zeros adds nothing; checked against transformers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_env.agents.speakers.models.files import digest, weight_files
from tracer_env.errors import DataError
from tracer_env.storage.leftovers import put_folder, temporary_folder

if TYPE_CHECKING:
    import torch

__all__ = ["Padding", "padded"]

_KINDS = ("llama", "qwen2", "mistral")
_CONFIG = "config.json"


@dataclass(frozen=True)
class Padding:
    """Heads of size ``old`` that become ``new``; both even."""

    old: int
    new: int

    def tensor(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Return a weight (or bias) of the model, padded if it belongs to attention; its number type stays."""
        module = name.split(".")[-2] if "." in name else ""
        if module in ("q_proj", "k_proj", "v_proj"):
            return self._rows(tensor, module)
        if module == "o_proj" and tensor.dim() == 2:
            return self._rows(tensor.T.contiguous(), "v_proj").T.contiguous()
        return tensor

    def adapter(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the matrices of a LoRA adapter as the padded model needs them: B of q, k, v and A of o change."""
        made = {}
        for name, tensor in tensors.items():
            module, lora = name.split(".lora_")[0].rpartition(".")[2], name.split(".lora_")[-1][:1]
            if lora == "B" and module in ("q_proj", "k_proj", "v_proj"):
                tensor = self._rows(tensor, module)
            elif lora == "A" and module == "o_proj":
                tensor = self._rows(tensor.T.contiguous(), "v_proj").T.contiguous()
            made[name] = tensor
        return made

    def config(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the model's settings with larger heads and slower rotation."""
        made = {**settings, "head_dim": self.new}
        share = self.new / self.old
        if isinstance(rope := settings.get("rope_parameters"), dict):
            made["rope_parameters"] = {**rope, "rope_theta": float(rope["rope_theta"]) ** share}
        else:
            made["rope_theta"] = float(settings.get("rope_theta", 10_000.0)) ** share
        return made

    def _rows(self, tensor: torch.Tensor, module: str) -> torch.Tensor:
        """Pad the heads that lie along the first side: (H * old, ...) -> (H * new, ...)."""
        import torch

        rest = tensor.shape[1:]
        halves = 1 if module == "v_proj" else 2
        parts = tensor.reshape(-1, halves, self.old // halves, *rest)
        made = torch.zeros(parts.shape[0], halves, self.new // halves, *rest, dtype=tensor.dtype, device=tensor.device)
        made[:, :, : self.old // halves] = parts * (self.new / self.old) ** 0.5 if module == "q_proj" else parts
        return made.reshape(-1, *rest)


def padded(folder: Path, new: int, cache: Path) -> tuple[Path, Padding]:
    """Return a folder with the model whose heads are ``new`` large, made now if ``cache`` does not hold it yet.

    Weights are written in float32, in which the factor of q is exact to rounding. Raises DataError for a model that is
    not of the Llama layout, or whose heads are larger already.
    """
    settings = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    padding = Padding(_head_size(folder, settings), new)
    name = digest(folder) or hashlib.sha256(str(folder).encode()).hexdigest()
    target = cache / f"{folder.name}-heads-{new}-{name[:16]}"
    if target.is_dir():
        return target, padding
    cache.mkdir(parents=True, exist_ok=True)
    with temporary_folder(target) as work:
        _write(folder, work, padding, settings)
        put_folder(work, target)
    return target, padding


def _head_size(folder: Path, settings: Mapping[str, Any]) -> int:
    """Return the size of the heads. Raises DataError for a model whose heads cannot be made larger this way."""
    kind = settings.get("model_type")
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    rotation = rope.get("rope_type", "default") if isinstance(rope, dict) else rope
    if kind not in _KINDS or rotation != "default":
        raise DataError(
            f"the attention heads of {folder.name} cannot be made larger: it is a {kind!r} with rotary embeddings "
            f"{rotation!r}, and only {', '.join(_KINDS)} with 'default' ones can be; take heads of 64 or 128"
        )
    return int(settings.get("head_dim") or settings["hidden_size"] // settings["num_attention_heads"])


def _write(folder: Path, work: Path, padding: Padding, settings: Mapping[str, Any]) -> None:
    from safetensors.torch import load_file, save_file

    tensors: dict[str, torch.Tensor] = {}
    for file in weight_files(folder):
        if file.suffix != ".safetensors":
            raise DataError(f"{folder.name} holds weights as a pickle ({file.name}); save it as safetensors")
        tensors |= load_file(file)
    made = {name: padding.tensor(name, tensor.float()).contiguous() for name, tensor in tensors.items()}
    save_file(made, work / "model.safetensors", metadata={"format": "pt"})
    for file in folder.iterdir():
        if file.is_file() and file.suffix != ".safetensors" and not file.name.endswith(".index.json"):
            shutil.copyfile(file, work / file.name)
    config = {**padding.config(settings), "dtype": "float32"}
    (work / _CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
