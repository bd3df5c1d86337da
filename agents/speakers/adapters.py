"""LoRA adapters inside a loaded model: attached by name, switched without a copy, read and written as peft does.

    read_adapters(loaded, "runs/a/adapters")     folders of a run -> {"proposer": name inside the model, ...}
    attach(loaded, config, "proposer")           a new adapter, its weights still to be filled in
    adapter_parameters(loaded, name)             its parameters, by names that do not hang on ``name``
    write_adapter(folder, config, tensors)       adapter_config.json and adapter_model.safetensors

The layers are peft's, put into the model in place: the model stays the object it was, with its class, its
base weights and its cache. What is kept here is bookkeeping, so that

- an adapter's weights are float32 whatever the base is,
- no global random state is touched,
- a model without an active adapter computes what it did before, and after the last `detach` is as it was.

Only plain LoRA is taken. An adapter that trains biases, whole modules or magnitudes (DoRA) would change the
base for everybody or cost a copy; such a folder is a DataError.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from tracer_env.agents.speakers.cast import check_seat_key
from tracer_env.agents.speakers.weights import LoadedModel
from tracer_env.errors import ConfigError, DataError, MissingExtraError

__all__ = [
    "SCALING",
    "adapter_digest",
    "adapter_parameters",
    "attach",
    "detach",
    "fill",
    "read_adapters",
    "read_folder",
    "require_peft",
    "seat_key",
    "weights_digest",
    "write_adapter",
]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
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


def require_peft(part: str) -> None:
    """Raise MissingExtraError unless peft can be imported."""
    try:
        import peft  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(part, "peft", "train") from error


def seat_key(name: str) -> str:
    """Return the seat key of a name as folders carry it: ``agent_0-proposer`` is agent_0/proposer."""
    key = name.replace("-", "/", 1) if isinstance(name, str) else name
    check_seat_key(key, "an adapter")
    return key


def read_adapters(loaded: LoadedModel, adapters: Mapping[str, str] | str) -> dict[str, str]:
    """Put the adapters of these folders into the model; return their names there by seat key.

    A folder that another speaker of the same weights has read already is not read again. Raises DataError for
    a folder that holds no adapter for this model, ConfigError for a key that names no seat.
    """
    require_peft("the setting 'adapters' of a speaker")
    if isinstance(adapters, str | os.PathLike):
        folders = _subfolders(Path(adapters).expanduser())
    else:
        folders = {seat_key(key): Path(folder).expanduser() for key, folder in adapters.items()}
        if len(folders) < len(adapters):
            raise ConfigError(f"speaker.adapters names a seat twice: {', '.join(adapters)}")
    return {key: _attach_folder(loaded, folder) for key, folder in folders.items()}


def attach(loaded: LoadedModel, config: Any, wanted: str) -> str:
    """Put a new adapter into the model and return its name there: ``wanted``, or with a number where that is taken.

    Its weights are float32 and mean nothing until they are filled in. What was active stays active.
    """
    from peft import inject_adapter_in_model

    name = next(name for name in _numbered(wanted) if name not in loaded.adapters)
    model = loaded.model
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        inject_adapter_in_model(config, model, adapter_name=name)
    # peft keeps its configs on the model as well, and warns when it finds them again.
    del model.peft_config
    loaded.adapters[name] = config
    for parameter in adapter_parameters(loaded, name).values():
        parameter.data = parameter.data.float()
    model.train(model.training)
    loaded.apply_active()
    return name


def detach(loaded: LoadedModel, name: str) -> None:
    """Take an adapter out of the model; with the last one go peft's layers, and the base stands alone."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    if loaded.active == name:
        loaded.use(None)
    del loaded.adapters[name]
    layers = [(path, layer) for path, layer in loaded.model.named_modules() if isinstance(layer, BaseTunerLayer)]
    for path, layer in layers:
        if loaded.adapters:
            layer.set_adapter([])  # peft warns when it has to find a new active one
            layer.delete_adapter(name)
        else:
            parent, _, child = path.rpartition(".")
            setattr(loaded.model.get_submodule(parent), child, layer.get_base_layer())
    loaded.apply_active()


def adapter_parameters(loaded: LoadedModel, name: str) -> dict[str, torch.nn.Parameter]:
    """Return the parameters of an adapter in the order of the model, named by module and matrix alone."""
    found: dict[str, torch.nn.Parameter] = {}
    for path, parameter in loaded.model.named_parameters():
        parts = path.split(".")
        mark = next((i for i, part in enumerate(parts) if part.startswith("lora_")), None)
        if mark is not None and parts[mark + 1] == name:
            found[".".join(parts[: mark + 1] + parts[mark + 2 :])] = parameter
    return found


def fill(parameters: Mapping[str, torch.nn.Parameter], tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Copy tensors into the parameters of the same names. Raises DataError unless names and shapes agree."""
    for name in (*parameters, *tensors):
        if name not in tensors or name not in parameters:
            what = "lacks" if name not in tensors else "has, but not the model,"
            raise DataError(f"{where} does not fit this model: it {what} {name}; take the weights of this very model")
        mine, given = tuple(parameters[name].shape), tuple(tensors[name].shape)
        if mine != given:
            raise DataError(f"{where} does not fit this model: {name} has the shape {given}, the model needs {mine}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])


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
    work = folder / f".{WEIGHTS}.tmp"
    save_file(
        {_PREFIX + name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        work,
        metadata={"format": "pt"},
    )
    work.chmod(0o644)
    os.replace(work, folder / WEIGHTS)
    settings = {**config.to_dict(), "inference_mode": True}
    work = folder / f".{CONFIG}.tmp"
    work.write_text(json.dumps(settings, indent=2, sort_keys=True, default=_plain) + "\n", encoding="utf-8")
    os.replace(work, folder / CONFIG)


def adapter_digest(loaded: LoadedModel, name: str) -> str:
    """Return a digest of what an adapter does: its weights and its scaling, not its name."""
    settings = {key: getattr(loaded.adapters[name], key) for key in SCALING}
    return _digest(adapter_parameters(loaded, name).items(), json.dumps(settings, sort_keys=True))


def weights_digest(loaded: LoadedModel) -> str:
    """Return a digest of all parameters of a model."""
    return _digest(loaded.model.named_parameters(), str(loaded.model.dtype))


def _digest(tensors: Iterable[tuple[str, torch.Tensor]], head: str) -> str:
    made = hashlib.blake2b(head.encode(), digest_size=16)
    for name, tensor in tensors:
        made.update(f"\n{name} {tuple(tensor.shape)}\n".encode())
        made.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return made.hexdigest()


def _numbered(name: str) -> Iterable[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _subfolders(folder: Path) -> dict[str, Path]:
    """Return the adapters below a folder by seat key."""
    if not folder.is_dir():
        raise DataError(f"speaker.adapters: there is no folder {folder}; give one that a training run has written")
    if (folder / CONFIG).is_file():
        raise DataError(
            f"speaker.adapters: {folder} is one adapter; say whose it is, for example {{'proposer': '{folder}'}}"
        )
    found = {}
    for inner in sorted(folder.iterdir()):
        if (inner / CONFIG).is_file():
            try:
                found[seat_key(inner.name)] = inner
            except ConfigError as error:
                raise DataError(f"speaker.adapters: {inner}: {error}; rename the folder") from error
    if not found:
        raise DataError(
            f"speaker.adapters: {folder} holds no subfolder with an {CONFIG}, such as {folder / 'proposer'}"
        )
    return found


def _attach_folder(loaded: LoadedModel, folder: Path) -> str:
    config, tensors = read_folder(folder)
    settings = json.dumps(config.to_dict(), sort_keys=True, default=_plain)
    name = f"file-{_digest(sorted(tensors.items()), settings)}"
    if name in loaded.adapters:
        return name
    try:
        attach(loaded, config, name)
    except ValueError as error:
        first = str(error).split("\n", 1)[0].rstrip(".")
        raise DataError(f"the adapter {folder} does not fit this model: {first}") from error
    try:
        fill(adapter_parameters(loaded, name), tensors, f"the adapter {folder}")
    except DataError:
        detach(loaded, name)
        raise
    return name


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
        raise DataError(f"cannot read {path}: {str(error).splitlines()[0]}; save the adapter again") from error
    if config is None:
        raise DataError(f"the adapter {folder} is of type {kind!r}; only LORA adapters can be switched")
    plain = LoraConfig().to_dict()
    odd = [key for key, value in config.to_dict().items() if key not in _UNDERSTOOD and value != plain.get(key)]
    if config.init_lora_weights not in _HARMLESS_STARTS:
        odd.append("init_lora_weights")
    if odd:
        raise DataError(
            f"the adapter {folder} is more than a plain LoRA: {odd[0]} is {getattr(config, odd[0])!r}; train one without"
        )
    config.inference_mode, config.init_lora_weights = True, True
    return config


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(getattr(value, "value", value))
