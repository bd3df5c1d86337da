"""LoRA adapters inside a loaded model: attached by name, switched without a copy of the base.

    read_adapters(loaded, "runs/a/adapters")     folders of a run -> {"proposer": name inside the model, ...}
    attach(loaded, config, "proposer")           a new adapter, its weights still to be filled in
    adapter_parameters(loaded, name)             its parameters, by names that do not hang on ``name``
    detach(loaded, name), tidy(loaded)           out again: one, or all that nobody holds

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
from tracer_env.agents.speakers.models.adapter_config import AdapterConfig
from tracer_env.agents.speakers.models.adapter_files import CONFIG, SCALING, adapter_settings, matrices, read_folder
from tracer_env.agents.speakers.models.weights import LoadedModel
from tracer_env.errors import ConfigError, DataError, MissingExtraError
from tracer_env.intake.bounded import shown, told

__all__ = [
    "adapter_digest",
    "adapter_folders",
    "adapter_parameters",
    "attach",
    "detach",
    "fill",
    "read_adapters",
    "require_peft",
    "seat_key",
    "tensors_digest",
    "tidy",
    "weights_digest",
]


def require_peft(part: str) -> None:
    """Raise MissingExtraError unless peft can be imported."""
    try:
        import peft  # noqa: F401 (whether it can be imported is all that is asked)
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
    tidy(loaded)
    return {key: _attach_folder(loaded, folder) for key, folder in adapter_folders(adapters).items()}


def adapter_folders(adapters: Mapping[str, str] | str) -> dict[str, Path]:
    """Return the folder of each seat's adapter: as given by seat, or the subfolders of one folder.

    Raises DataError for a folder that holds no adapters, ConfigError for a key that names no seat.
    """
    if isinstance(adapters, str | os.PathLike):
        return _subfolders(Path(adapters).expanduser())
    folders = {seat_key(key): Path(folder).expanduser() for key, folder in adapters.items()}
    if len(folders) < len(adapters):
        raise ConfigError(f"speaker.adapters names a seat twice: {', '.join(adapters)}")
    return folders


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
    if not loaded.adapters:
        loaded.model.requires_grad_(True)  # which peft took away
    loaded.apply_active()


def tidy(loaded: LoadedModel) -> None:
    """Detach the adapters that nobody holds any more."""
    held = set().union(*loaded.users.values())
    for name in [name for name in loaded.adapters if name not in held]:
        detach(loaded, name)


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
    """Copy tensors into the parameters of the same names. Raises DataError unless they fit exactly."""
    for name in (*parameters, *tensors):
        if name not in tensors or name not in parameters:
            what = "lacks" if name not in tensors else "has, but not the model,"
            raise DataError(f"{where} does not fit this model: it {what} {name}; take the weights of this very model")
        mine, given = tuple(parameters[name].shape), tuple(tensors[name].shape)
        if mine != given:
            raise DataError(f"{where} does not fit this model: {name} has the shape {given}, the model needs {mine}")
        kind, held = tensors[name].dtype, parameters[name].dtype
        if torch.promote_types(kind, held) != held:
            raise DataError(
                f"{where} holds {name} in {kind}, which {held} cannot hold exactly; load the model in {kind}"
            )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])


def adapter_digest(loaded: LoadedModel, name: str) -> str:
    """Return a digest of what an adapter does: its weights and its scaling, not its name."""
    settings = {key: getattr(loaded.adapters[name], key) for key in SCALING}
    return _digest(adapter_parameters(loaded, name).items(), json.dumps(settings, sort_keys=True))


def tensors_digest(tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any]) -> str:
    """Return a digest of what an adapter does that is in no model: its matrices, and its scaling in ``settings``."""
    scaling = {key: settings.get(key) for key in SCALING}
    return _digest(sorted(tensors.items()), json.dumps(scaling, sort_keys=True))


def weights_digest(loaded: LoadedModel) -> str:
    """Return a digest of all parameters of a model."""
    return _digest(loaded.model.named_parameters(), str(loaded.model.dtype))


def _digest(tensors: Iterable[tuple[str, torch.Tensor]], head: str) -> str:
    made = hashlib.blake2b(head.encode(), digest_size=16)
    for name, tensor in tensors:
        made.update(f"\n{name} {tuple(tensor.shape)}\n".encode())
        made.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
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
    from peft import LoraConfig

    read, tensors = read_folder(folder)
    _check_places(loaded.model, read, tensors, f"the adapter {folder} does not fit this model")
    config = LoraConfig(**read.for_peft(sorted(matrices(tensors))))
    settings = json.dumps(adapter_settings(config), sort_keys=True)
    name = f"file-{_digest(sorted(tensors.items()), settings)}"
    if name in loaded.adapters:
        return name
    try:
        attach(loaded, config, name)
    except ValueError as error:
        raise DataError(f"the adapter {folder} does not fit this model: {told(error)}") from error
    try:
        fill(adapter_parameters(loaded, name), tensors, f"the adapter {folder}")
    except DataError:
        detach(loaded, name)
        raise
    return name


def _check_places(model: Any, config: AdapterConfig, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Raise DataError unless the matrices are those of exactly the modules that the adapter names, size by size.

    Comes before anything is put into the model: what peft then makes room for stands in the file already.
    """
    modules = dict(model.named_modules())
    pairs = matrices(tensors)
    for path, pair in pairs.items():
        if path not in modules:
            raise DataError(
                f"{what}: it has, but not the model, {shown(path, 200)}; take the weights of this very model"
            )
        if config.targets is not None and not config.sits_at(path):
            raise DataError(f"{what}: it has matrices for {shown(path, 200)}, which its target_modules do not name")
        base = getattr(modules[path], "base_layer", modules[path])
        given = (pair["B"].shape[0], pair["A"].shape[1])
        weight = getattr(base, "weight", None)
        needed = None if weight is None else tuple(weight.shape)
        if needed is None or sorted(given) != sorted(needed):
            raise DataError(
                f"{what}: its matrices for {path} make a weight of the shape {given}, the model has {needed}"
            )
    if config.targets is not None:
        for path in modules:
            if config.sits_at(path) and path not in pairs:
                raise DataError(f"{what}: it lacks matrices for {path}; take the weights of this very model")
