"""Rollouts from vLLM while transformers trains: one process, adapters synced by name, nothing copied of the base.

    before each call   adapters that have changed are written and made known to vLLM under new names: nothing is stale
    before each step   a probe (`ServedRollouts.sync`): one reply a policy from vLLM, its log-probabilities by the
                       trainer's own model

    after each step's rollouts, under ``gspo.sleep``, vLLM is laid aside until the next ones (CUDA, ROCm)

The base stands in memory twice, once where it samples and once where it trains. vLLM serves adapters, so only LoRA can
be trained this way, by one process. Old log-probabilities are the trainer's own unless told otherwise
(`GSPOConfig.old_logps`), since the two compute the same network with other kernels. What is drawn hangs on vLLM's
version and device as well as on the seed: a training goes on from its checkpoint, but not bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tracer_env.agents.speakers.models.adapter_files import adapter_settings
from tracer_env.agents.speakers.models.adapters import adapter_parameters
from tracer_env.agents.speakers.models.engine import Ask, Completion, Engine, ModelFacts, Sampling
from tracer_env.errors import ConfigError, TrainingError

__all__ = ["ServedRollouts", "serve"]

_PROBED = 16  # tokens of a probe
_ON_GPU = 4.0  # GiB of a GPU for keys and values


class ServedRollouts:
    """The engine of a speaker whose adapters train: asks go to ``served``, adapters follow those in the model.

    ``own`` is the speaker's engine on transformers, ``names`` the adapters inside the model, by policy, ``bound`` how
    far the two may differ in the log-probability of a probe's token, in nats.
    """

    def __init__(self, own: Any, served: Any, names: Mapping[str, str], bound: float, sleeps: bool = False) -> None:
        self.own, self.served, self.names, self.bound, self.sleeps = own, served, dict(names), bound, sleeps
        self._known: dict[str, list[tuple[int, int]]] = {}

    @property
    def facts(self) -> ModelFacts:
        return self.served.facts  # type: ignore[no-any-return]  # vLLM's engine is only known where vLLM is

    def identity(self) -> str:
        return str(self.served.identity())

    def adapter_identity(self, name: str) -> str:
        return str(self.own.adapter_identity(name))

    def complete(self, asked: Sequence[Ask], sampling: Sampling) -> list[Completion]:
        self._follow()
        done: list[Completion] = self.served.complete(asked, sampling)
        return done

    def sync(self, prompt: tuple[int, ...]) -> dict[str, float]:
        """Bring vLLM up to the adapters of now; return a probe's largest difference for each policy, in nats.

        Raises TrainingError where a difference is above the bound.
        """
        return {policy: self._probed(policy, inside, prompt) for policy, inside in self.names.items()}

    def rest(self) -> None:
        """Let the model that trains have the memory, where that is asked for."""
        if self.sleeps:
            self.served.rest()

    def _follow(self) -> None:
        """Put every adapter that has changed since it was put; torch counts what is done to a tensor in place."""
        loaded = self.own.loaded
        for inside in loaded.adapters:
            tensors = {path: one.detach() for path, one in adapter_parameters(loaded, inside).items()}
            state = [(one.data_ptr(), one._version) for one in tensors.values()]
            if self._known.get(inside) != state:
                settings = {**adapter_settings(loaded.adapters[inside]), "inference_mode": True}
                self.served.put_adapter(inside, settings, tensors)
                self._known[inside] = state

    def _probed(self, policy: str, inside: str, prompt: tuple[int, ...]) -> float:
        (said,) = self.complete([Ask(prompt, 0, inside)], Sampling(_PROBED, 1.0, self.facts.ends))
        loaded = self.own.loaded
        before = loaded.active
        loaded.use(inside)
        ids = torch.tensor([[*prompt, *said.token_ids]], device=loaded.model.device)
        with torch.inference_mode():
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float()
        loaded.use(before)
        chosen = logits.log_softmax(-1).gather(-1, ids[0, len(prompt) :, None])[:, 0].tolist()
        found: float = max(abs(a - b) for a, b in zip(chosen, said.logprobs, strict=True))
        if not found <= self.bound:
            raise TrainingError(
                f"vLLM and the trainer differ by {found:.3g} nats in a probe of {policy!r}, gspo.probe_bound is "
                f"{self.bound:g}; give speaker.dtype=float32, or another bound if that is rounding"
            )
        return found


def serve(speaker: Any, policies: Any, bound: float, processes: int, sleeps: bool = False) -> ServedRollouts:
    """Start vLLM for a speaker whose policies train, put it in front of the speaker's engine, and return it.

    ``sleeps``: whether it is laid aside while the model trains.

    Raises ConfigError for policies that are no adapters and for several processes, MissingExtraError without vLLM.
    """
    from tracer_env.agents.speakers.models.smollm2 import cache_folder
    from tracer_env.agents.speakers.models.vllm_loading import VLLMSettings, start

    loaded = speaker.loaded
    if not getattr(policies, "inside", None):
        raise ConfigError("gspo.engine 'vllm' serves adapters; take finetune 'lora', or engine 'hf'")
    if processes > 1:
        raise ConfigError(f"gspo.engine 'vllm' samples in one process, and there are {processes}; start one")
    if loaded.folder is None:
        raise ConfigError(f"gspo.engine 'vllm' reads the model's files, and those of {speaker.path!r} are not here")
    settings = VLLMSettings(
        str(loaded.model.dtype).removeprefix("torch."),
        context=speaker.context,
        kv_memory=_ON_GPU if loaded.model.device.type == "cuda" else None,  # the trainer needs the rest
        slots=len(loaded.adapters),
        rank=max(config.r for config in loaded.adapters.values()),
        sleeps=sleeps,
    )
    served: Engine = start(str(loaded.folder), settings, cache_folder())
    speaker.engine = ServedRollouts(speaker.engine, served, policies.inside, bound, sleeps)
    made: ServedRollouts = speaker.engine
    return made
