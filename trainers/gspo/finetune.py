"""What of a model learns: LoRA adapters, the whole model, or its last layers.

    policies = LoRA(r=16, alpha=32).prepare(speaker, ["proposer", "reviewer"], seed=0)
    policies.activate("proposer")             a forward pass of speaker.loaded.model is now this policy
    optimiser = AdamW(policies.parameters("proposer").values())
    ...
    policies.changed()                        after each step: forget what was computed with the old weights
    policies.save("proposer", folder)         LoRA: peft and vLLM load it; otherwise a model folder

Two policies cost one base model and two adapters. An adapter begins as the base itself (B is zero) and its A
hangs on the seed and the policy's name alone. LoRA weights are float32 whatever the base is; `Full` and `LastN` train
the weights in the number type they were loaded in, and in bfloat16 a small step is lost: load float32 for them (the
trainers insist on it).

`prepare` also tells the speaker, whose seats then sample with their policy. Trap: a `CachedSpeaker` in front of it
still answers with what older weights said; its owner calls `forget`.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import torch
from annotated_types import Gt

from tracer_env.agents.speakers.models.adapters import adapter_parameters, attach, require_peft, seat_key, tidy
from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.weights import withdraw
from tracer_env.annotations import FromOne, Words
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.settings import Settings, keys, read
from tracer_env.specs import name_and_settings
from tracer_env.trainers.gspo.policies import AdapterPolicies, Parameters, Policies, WeightPolicy
from tracer_env.trainers.gspo.sharding import decoder_layers

__all__ = ["Finetune", "Full", "LastN", "LoRA", "Policies", "finetune_named"]


class Finetune(Protocol):
    """A way to train: what of the model learns."""

    def prepare(self, speaker: HuggingFaceSpeaker, names: Sequence[str], seed: int) -> Policies:
        """Make one policy for each name: a role, agent_N, or agent_N-role."""


@dataclass(frozen=True)
class LoRA(Settings, at="lora"):
    """One low-rank adapter for each policy, on one base that is never changed.

    ``targets``: the last parts of module names, or ``all-linear``: every linear layer but that of the logits.
    Raises ConfigError for values that cannot work, and for a ``dropout``: texts are sampled without, and the policy
    that is updated has to be the one that sampled.
    """

    r: FromOne = 16
    alpha: Annotated[float, Gt(0), Words(kind="must be a number above 0")] = 32
    dropout: float = 0.0
    targets: str | tuple[str, ...] = "all-linear"

    def __post_init__(self) -> None:
        if self.dropout != 0:
            raise ConfigError(
                f"lora.dropout is {self.dropout!r}, but texts are sampled without dropout, and what is updated has to "
                "be the policy that sampled; leave it out"
            )
        super().__post_init__()
        if not self.targets:
            raise ConfigError(f'lora.targets must be "all-linear" or names of modules, got {self.targets!r}')

    @staticmethod
    def in_full(data: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with ``q_proj+v_proj`` taken apart."""
        named = str(data.get("targets", "all-linear"))
        return dict(data) if named == "all-linear" else {**data, "targets": named.split("+")}

    def prepare(self, speaker: HuggingFaceSpeaker, names: Sequence[str], seed: int) -> Policies:
        """Attach an adapter for each name. ConfigError when a seat of it speaks with another adapter already."""
        require_peft("finetune 'lora'")
        from peft import LoraConfig

        keys = _seat_keys(names)
        for key in keys:
            taken = [other for other in speaker.adapters if _overlap(key, other)]
            if taken:
                raise ConfigError(
                    f"the policy {key!r} would share seats with the adapter {taken[0]!r} that the speaker has; close "
                    "the policies that made it, or take a speaker without it and load() its folder"
                )
        tidy(speaker.loaded)
        targets, transposed = _targets(speaker.loaded.model, self.targets)
        inside = {}
        for name, key in zip(names, keys, strict=True):
            config = LoraConfig(
                r=self.r,
                lora_alpha=self.alpha,
                target_modules=targets,
                fan_in_fan_out=transposed,
                task_type="CAUSAL_LM",
                base_model_name_or_path=speaker.model,
            )
            inside[name] = attach(speaker.loaded, config, key.replace("/", "-"))
            _initialise(adapter_parameters(speaker.loaded, inside[name]), seed, key)
            speaker.adapters[key] = inside[name]
        return AdapterPolicies(speaker, inside)


@dataclass(frozen=True)
class Full(Settings, at="full"):
    """All weights learn, as one policy. The weights leave the shared table: nobody else gets them."""

    def prepare(self, speaker: HuggingFaceSpeaker, names: Sequence[str], seed: int) -> Policies:
        """Free all parameters. ConfigError for more than one name, or when another speaker has these weights."""
        name = _only("full", names)
        _take(speaker)
        speaker.loaded.model.requires_grad_(True)
        return WeightPolicy(speaker, name, dict(speaker.loaded.model.named_parameters()))


@dataclass(frozen=True)
class LastN(Settings, at="last_n"):
    """The last ``layers`` decoder layers and the final norm learn, as one policy; the rest is frozen."""

    layers: FromOne = 2

    def prepare(self, speaker: HuggingFaceSpeaker, names: Sequence[str], seed: int) -> Policies:
        """Free the last layers. ConfigError as for `Full`, and when the model has fewer layers."""
        name = _only("last_n", names)
        model = speaker.loaded.model
        chosen = _last_layers(model, self.layers)
        _take(speaker)
        model.requires_grad_(False)
        for module in chosen:
            module.requires_grad_(True)
        return WeightPolicy(speaker, name, {path: p for path, p in model.named_parameters() if p.requires_grad})


def finetune_named(text: str) -> Finetune:
    """Read ``lora``, ``lora:r=8,alpha=16,targets=q_proj+v_proj``, ``full`` or ``last_n:layers=2``."""
    name, said = name_and_settings(text)
    kinds: dict[str, Any] = {"lora": LoRA, "full": Full, "last_n": LastN}
    if name not in kinds:
        raise ConfigError(f"finetune is {name!r}{did_you_mean(name, kinds)}")
    for key, value in said.items():
        if key not in (known := keys(kinds[name])):
            raise ConfigError(f"finetune {name!r} has no setting {f'{key}={value}'!r}{did_you_mean(key, known)}")
    kind: Finetune = read(kinds[name], said)
    return kind


def _seat_keys(names: Sequence[str]) -> list[str]:
    keys = [seat_key(name) for name in names]
    if not keys or len(set(keys)) < len(keys):
        raise ConfigError(f"policies need different names, at least one, got {', '.join(names) or 'none'}")
    return keys


def _overlap(left: str, right: str) -> bool:
    """Return whether two seat keys cover a common seat."""
    agents = {part for key in (left, right) for part in key.split("/") if part.startswith("agent_")}
    roles = {part for key in (left, right) for part in key.split("/") if not part.startswith("agent_")}
    return len(agents) < 2 and len(roles) < 2


def _take(speaker: HuggingFaceSpeaker) -> None:
    """Make the speaker the only owner of its weights."""
    if len(speaker.loaded.users) > 1:
        gc.collect()  # a speaker that nobody holds may still wait for the collector
    tidy(speaker.loaded)
    withdraw(speaker.loaded)


def _only(kind: str, names: Sequence[str]) -> str:
    _seat_keys(names)
    if len(names) != 1:
        raise ConfigError(
            f"finetune {kind!r} trains one policy, got {', '.join(names)}; take finetune 'lora', or train one at a time"
        )
    return names[0]


def _targets(model: Any, wanted: str | tuple[str, ...]) -> tuple[list[str], bool]:
    """Return the last parts of the target modules' names, and whether their weights are stored transposed."""
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    found: dict[str, bool] = {}
    for path, module in model.named_modules():
        linear = isinstance(module, torch.nn.Linear | Conv1D) and ".lora_" not in path
        if linear and module is not getattr(head, "base_layer", head):
            found[path.removesuffix(".base_layer").rpartition(".")[2]] = isinstance(module, Conv1D)
    names = sorted(found) if wanted == "all-linear" else [wanted] if isinstance(wanted, str) else list(wanted)
    for name in names:
        if name not in found:
            raise ConfigError(f"lora.targets: the model has no linear module {name!r}{did_you_mean(name, found)}")
    if not names or len({found[name] for name in names}) > 1:
        raise ConfigError(f"lora.targets {wanted!r} are no linear modules of one kind; name modules of one kind")
    return names, found[names[0]]


def _initialise(parameters: Parameters, seed: int, key: str) -> None:
    """Fill A uniformly within 1 / sqrt(inputs), each matrix from its own seed, and B with zeros."""
    with torch.no_grad():
        for path, parameter in parameters.items():
            if ".lora_A." not in path:
                parameter.zero_()
                continue
            digest = hashlib.blake2b(f"{seed}/{key}/{path}".encode(), digest_size=8).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
            drawn = torch.rand(parameter.shape, generator=generator)
            parameter.copy_((2 * drawn - 1) * parameter.shape[1] ** -0.5)


def _last_layers(model: Any, count: int) -> list[Any]:
    """Return the last decoder layers and the norms behind them."""
    layers, behind = decoder_layers(model)
    if count > len(layers):
        raise ConfigError(f"last_n.layers is {count}, the model has {len(layers)} layers; lower it")
    return [*layers[-count:], *behind]
