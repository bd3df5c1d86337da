"""A model from elsewhere, checked around the library that loads it.

    check_folder(folder)        before: what its files may ask for
    check_config(path, config)  once its config is read: no code from a hub, no more layers than there are tensors
    check_loaded(path, ...)     after: nothing is missing that chance would fill in, every number is finite

A folder is a model, not an adapter: transformers would load what an ``adapter_config.json`` in it names, past our own
rules for adapters. Each mistake is a DataError in one line. What the records say is otherwise for the library to
read: they hold what strict JSON does not, such as Infinity.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tracer_env.agents.speakers.models.files import weight_files
from tracer_env.agents.speakers.models.tensor_reading import finite
from tracer_env.errors import DataError, MissingExtraError
from tracer_env.intake.bounded import MEBIBYTE, read_bytes, shown, shown_path, told

__all__ = ["check_config", "check_folder", "check_loaded", "require_packages"]

_RECORDS = ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
_ADAPTER = "adapter_config.json"
_INDEX = "model.safetensors.index.json"


def check_folder(folder: Path) -> None:
    """Check the small files of a model's folder: mappings, of which the index names files of this folder."""
    if (folder / _ADAPTER).exists():
        raise DataError(
            f"{shown_path(folder)} holds {_ADAPTER}, so it is an adapter: name its base model, and give the folder as "
            "speaker.adapters"
        )
    for name in _RECORDS:
        if (folder / name).exists():
            _mapping(folder / name)
    if not (folder / "model.safetensors").exists() and (folder / _INDEX).exists():
        _check_index(folder / _INDEX)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_bytes(path, 64 * MEBIBYTE))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown_path(path)} is no JSON: {told(error)}") from error
    if not isinstance(found, dict):
        raise DataError(f"{shown_path(path)} holds {shown(found)}; it must be an object of names and values")
    return found


def _check_index(path: Path) -> None:
    files = _mapping(path).get("weight_map")
    if not isinstance(files, dict):
        raise DataError(f"{shown_path(path)}: weight_map is {shown(files)}; it must be an object of names and files")
    for name, file in files.items():
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(".safetensors"):
            raise DataError(
                f"{shown_path(path)}: weight_map.{shown(name)} is {shown(file)}; it must be a safetensors file of this "
                "folder"
            )


def check_config(path: str, config: Any, trust: bool) -> None:
    """Check what a model's config asks for, in itself or in a part of it."""
    inner = [getattr(config, name, None) for name in getattr(config, "sub_configs", ())]
    for each in (config, *filter(None, inner)):
        wanted = [value for name, value in vars(each).items() if name.endswith(("_implementation", "_internal"))]
        wanted.append(getattr(each, "_attn_implementation", None))
        for name in wanted:
            if not trust and isinstance(name, str) and "/" in name:
                raise DataError(
                    f"the config of the model {path!r} asks for the attention {name!r}, which is code from a hub; take "
                    "that line out, or set speaker.trust_remote_code=true if you trust it"
                )
    layers = getattr(config.get_text_config(), "num_hidden_layers", None)
    files = weight_files(Path(path)) if Path(path).is_dir() else []
    if isinstance(layers, int) and files and all(file.suffix == ".safetensors" for file in files):
        tensors = sum(map(_tensors, files))
        if layers > tensors:
            raise DataError(
                f"the config of the model {path!r} asks for {layers} layers, and its weights hold {tensors} tensors"
            )


def _tensors(file: Path) -> int:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as held:
        return len(held.keys())


def check_loaded(path: str, model: Any, found: Mapping[str, Collection[Any]]) -> None:
    """Check what was loaded; ``found`` is what the library says of it."""
    missing = sorted(map(str, found.get("missing_keys", ())))
    if missing:
        raise DataError(
            f"the weights of the model {path!r} lack {len(missing)} tensors that its config asks for, among them "
            f"{shown(missing[0])}; give a folder written by save_pretrained"
        )
    for name, tensor in model.named_parameters():
        if problem := finite(tensor.detach()):
            raise DataError(f"the model {path!r}: the tensor {shown(name, 200)} {problem}; take sound weights")


def require_packages() -> None:
    """Raise MissingExtraError where torch or transformers is not installed."""
    for package in ("torch", "transformers"):
        try:
            __import__(package)
        except ModuleNotFoundError as error:
            raise MissingExtraError("a Hugging Face speaker", package, "hf") from error
