"""The trainable parts of one base model: adapters by name, or the weights themselves.

`finetune` makes them; see there for how they are used. Nothing here holds a copy of the base.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from tracer_env.agents.speakers.models.adapter_files import SCALING, read_folder, write_adapter
from tracer_env.agents.speakers.models.adapters import adapter_parameters, detach, fill, seat_key
from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.errors import ConfigError, DataError, did_you_mean
from tracer_env.intake.bounded import told
from tracer_env.storage.leftovers import temporary_folder

__all__ = ["AdapterPolicies", "Parameters", "Policies", "WeightPolicy"]

Parameters = dict[str, torch.nn.Parameter]


class Policies(Protocol):
    """The trainable parts of one base model, by name."""

    names: tuple[str, ...]

    def activate(self, name: str) -> None:
        """Make a forward pass of the model that of this policy, with gradients for its parameters alone."""

    def parameters(self, name: str) -> Parameters:
        """Return the parameters of a policy by name, always in the same order."""

    def base(self) -> AbstractContextManager[None]:
        """Make a forward pass that of the model before training, for a while. ConfigError where it is gone."""

    def changed(self) -> None:
        """Forget what was computed with older weights; to be called after every change of them."""

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """Return the weights of a policy by name; not copies."""

    def save(self, name: str, folder: Path) -> None:
        """Write a policy as a folder that others load. Files of the same names are replaced, others left."""

    def load(self, name: str, folder: Path) -> None:
        """Take the weights that `save` wrote, bit for bit."""

    def close(self) -> None:
        """Give up training: LoRA policies leave the model and the speaker, which is the base again."""


class AdapterPolicies:
    """Policies that are adapters of one base. ``inside``: what they are called in the model."""

    def __init__(self, speaker: HuggingFaceSpeaker, inside: Mapping[str, str]) -> None:
        self.names = tuple(inside)
        self._speaker, self._loaded, self._inside = speaker, speaker.loaded, dict(inside)
        self._loaded.users[self] = set(inside.values())

    @property
    def inside(self) -> dict[str, str]:
        """What each policy's adapter is called in the model."""
        return dict(self._inside)

    def activate(self, name: str) -> None:
        self._loaded.use(self._known(name))

    def parameters(self, name: str) -> Parameters:
        return adapter_parameters(self._loaded, self._known(name))

    @contextmanager
    def base(self) -> Iterator[None]:
        before = self._loaded.active
        self._loaded.use(None)
        try:
            yield
        finally:
            self._loaded.use(before)

    def changed(self) -> None:
        self._loaded.prefixes.clear()

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        return {path: parameter.detach() for path, parameter in self.parameters(name).items()}

    def save(self, name: str, folder: Path) -> None:
        write_adapter(folder, self._config(name), self.tensors(name))

    def load(self, name: str, folder: Path) -> None:
        config, tensors = read_folder(folder)
        for key in SCALING:
            mine, given = getattr(self._config(name), key), getattr(config, key)
            if mine != given:
                raise DataError(
                    f"the adapter {folder} has {key} {given}, the policy {name!r} has {mine}; make them equal"
                )
        fill(self.parameters(name), tensors, f"the adapter {folder}")
        self.changed()

    def close(self) -> None:
        for name, inside in self._inside.items():
            detach(self._loaded, inside)
            self._speaker.adapters.pop(seat_key(name), None)
        self._loaded.users.pop(self, None)
        self.names, self._inside = (), {}

    def _known(self, name: str) -> str:
        if name not in self._inside:
            raise ConfigError(f"there is no policy {name!r}{did_you_mean(name, self._inside)}")
        return self._inside[name]

    def _config(self, name: str) -> Any:
        return self._loaded.adapters[self._known(name)]


class WeightPolicy:
    """One policy that is the model itself, or a part of its weights."""

    def __init__(self, speaker: HuggingFaceSpeaker, name: str, parameters: Parameters) -> None:
        self.names: tuple[str, ...] = (name,)
        self._loaded, self._learning = speaker.loaded, frozenset(parameters)

    def activate(self, name: str) -> None:
        self.parameters(name)

    def parameters(self, name: str) -> Parameters:
        if name not in self.names:
            raise ConfigError(f"there is no policy {name!r}{did_you_mean(name, self.names)}")
        # Looked up each time: layers in pieces have other parameters than whole ones (`sharding`).
        return {path: one for path, one in self._loaded.model.named_parameters() if path in self._learning}

    def base(self) -> AbstractContextManager[None]:
        raise ConfigError(
            "beta needs the model as it was before training, which only LoRA keeps; set beta to 0 or finetune to 'lora'"
        )

    def changed(self) -> None:
        self._loaded.prefixes.clear()

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        return {path: parameter.detach() for path, parameter in self.parameters(name).items()}

    def save(self, name: str, folder: Path) -> None:
        self.parameters(name)
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder / "model") as work:
            self._loaded.model.save_pretrained(work, state_dict=_weights(self._loaded.model))
            self._loaded.tokenizer.save_pretrained(work)
            # What says that a model is here comes last.
            files = [path for path in sorted(work.rglob("*")) if path.is_file()]
            for path in sorted(files, key=lambda path: path.name == "config.json"):
                target = folder / path.relative_to(work)
                target.parent.mkdir(exist_ok=True)
                path.chmod(0o644)
                os.replace(path, target)

    def load(self, name: str, folder: Path) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM

        wanted = self.parameters(name)
        try:
            with torch.random.fork_rng(devices=[]):
                # The model's own configuration: what the folder's says is not believed, least of all its sizes.
                stored, found = AutoModelForCausalLM.from_pretrained(
                    folder,
                    config=self._loaded.model.config,
                    dtype=self._loaded.model.dtype,
                    use_safetensors=True,
                    output_loading_info=True,
                )
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
            raise DataError(f"cannot load the policy {name!r} from {folder}: {told(error)}") from error
        if lacking := sorted(found["missing_keys"]):
            raise DataError(
                f"{folder} does not fit this model: it lacks {lacking[0]}; take the weights of this very model"
            )
        given = dict(stored.named_parameters())
        for path, parameter in given.items():
            if not bool(torch.isfinite(parameter).all()):
                raise DataError(f"{folder}: the tensor {path} holds a number that is not finite; take other weights")
        # All of it, since a policy that is a part of the model stands on frozen weights that must be the same.
        for path, parameter in self._loaded.model.named_parameters():
            same = path in given and given[path].shape == parameter.shape
            if same and path not in wanted and not torch.equal(given[path].to(parameter.device), parameter):
                raise DataError(f"{folder} differs from this model in {path}, which does not learn; take the same base")
        fill({**wanted}, {path: given[path] for path in given if path in wanted}, str(folder))
        self.changed()

    def close(self) -> None:
        self._loaded.prefixes.clear()


def _weights(model: Any) -> dict[str, torch.Tensor]:
    """Return what `torch.nn.Module.state_dict` does, of a model whose layers are whole now.

    A state dict of layers that lie in pieces at other times (`sharding`) would take them apart.
    """
    found: dict[str, torch.Tensor] = {
        path: one.detach() for path, one in model.named_parameters(remove_duplicate=False)
    }
    for path, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                found[f"{path}.{name}" if path else name] = buffer
    return found
