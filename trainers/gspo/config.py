"""The settings of GSPO training, under the names that users of TRL know.

    [gspo]                       in a config file, or --set gspo.learning_rate=1e-4
    num_generations = 8
    learning_rate = 1e-4
    epsilon = "tracer_reference"   # a number, or the name of a pair (`CLIPS`)

A value that cannot work and a key that does not exist are a ConfigError, before anything is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from tracer_env.annotations import Also, Count, Elsewhere, Words
from tracer_env.errors import ConfigError, did_you_mean
from tracer_env.settings import Settings, read

__all__ = ["CLIPS", "FINETUNES", "GSPOConfig", "GSPOSettings"]

CLIPS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"gspo_paper": (3e-4, 4e-4), "tracer_reference": (0.1, 0.1), "grpo": (0.2, 0.2)},
)
"""Named (epsilon, epsilon_high): of the GSPO paper, section 5.1, of the published TRACER code, and what is usual for
the ratio of a single token."""
FINETUNES = ("lora", "full", "last_n")
"""What of the model can learn (`trainers.gspo.finetune`)."""
_Positive = Annotated[float, Gt(0)]


@dataclass(frozen=True)
class GSPOConfig(Settings, at="gspo"):
    """How utterances are learned.

    A step draws ``num_generations`` candidates for each of ``tasks_per_step`` contexts, splits them into
    ``steps_per_generation`` minibatches (task by task) and takes one optimiser step for each, ``num_iterations`` times
    over, so that the ratio moves. ``epsilon`` and ``epsilon_high`` clip it; without ``epsilon_high`` it is clipped
    alike on both sides, but at the GSPO paper's pair (3e-4 and 4e-4) where ``epsilon`` is left alone as well. They suit
    sequence ratios; a token's ratio wants the pair ``grpo`` of `CLIPS`. ``beta``: weight of the divergence from
    the model without adapter. ``warmup_steps`` counts optimiser steps, ``max_steps`` rollouts. ``old_logps``:
    ``sampled`` takes the log-probabilities of sampling, ``recomputed`` those of the training code before the first
    step (bfloat16 is that uneven), ``auto`` the former in float32 and the latter elsewhere.

    ``engine``: what candidates are drawn with, ``hf`` (the model that trains) or ``vllm`` (`vllm_rollouts`), where
    ``auto`` recomputes; ``probe_bound``: how far the two may differ after a sync, in nats; ``sleep``: whether vLLM lays
    its weights aside while the model trains (CUDA, ROCm). ``importance_cap``: where
    old log-probabilities are recomputed, a sample weighs by how much likelier the trainer finds it than what drew it
    (the mean over its tokens, as a ratio), at most so much; not at all when left out.

    ``shard``: of several processes each keeps a piece of every decoder layer (`sharding`), which changes memory, and
    numbers by rounding; as ``accelerate launch`` says with FSDP when left out.

    ``max_batch_tokens``: padded tokens of one forward and backward pass; it changes memory and speed, and the step by
    rounding alone. SmolLM2 in float32 keeps about 1.3 MB a token for the backward pass, so the default holds 1.3 GB;
    on a GPU with memory to spare give 16,384 or more.
    """

    num_generations: Annotated[int, Ge(2)] = 8
    tasks_per_step: Count = 4
    max_steps: Count = 40
    steps_per_generation: Count = 4
    num_iterations: Count = 1
    epsilon: Annotated[float, Gt(0), Also(tuple(CLIPS))] = CLIPS["gspo_paper"][0]
    epsilon_high: _Positive | None = None
    beta: Annotated[float, Ge(0)] = 0.0
    scale_rewards: Literal["std", "none"] = "std"
    old_logps: Literal["auto", "sampled", "recomputed"] = "auto"
    engine: Literal["hf", "vllm"] = "hf"
    probe_bound: _Positive = 0.5
    sleep: bool = False
    importance_cap: _Positive | None = None
    learning_rate: _Positive = 1e-4
    lr_scheduler_type: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: Annotated[int, Ge(0)] = 0
    weight_decay: Annotated[float, Ge(0)] = 0.0
    adam_beta1: Annotated[float, Ge(0), Lt(1)] = 0.9
    adam_beta2: Annotated[float, Ge(0), Lt(1)] = 0.999
    adam_epsilon: _Positive = 1e-8
    max_grad_norm: _Positive = 1.0
    temperature: Annotated[float, Gt(0), Words("must be above 0: greedy candidates are all the same")] = 1.0
    max_completion_length: Count = 256
    max_batch_tokens: Count = 1_024
    bf16: bool = False
    gradient_checkpointing: bool = False
    shard: bool | None = None
    max_nonfinite: Count = 3
    save_steps: Count = 10
    save_total_limit: Count = 2
    resume_from_checkpoint: Annotated[str | None, Elsewhere("continue a run with --resume DIR")] = None
    report_to: Annotated[tuple[str, ...], Also(), Words(kind="must be a name or a list of names")] = ("jsonl",)
    seed: Annotated[int, Ge(0), Elsewhere("give the run's seed, --seed N")] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps_per_generation > self.tasks_per_step:
            raise ConfigError(
                f"gspo.steps_per_generation {self.steps_per_generation} needs as many tasks a step, "
                f"gspo.tasks_per_step is {self.tasks_per_step}"
            )
        if self.importance_cap is not None and self.old_logps == "sampled":
            raise ConfigError(
                "gspo.importance_cap weighs what was sampled against log-probabilities that are recomputed, and "
                "gspo.old_logps is 'sampled'; leave out one of them"
            )
        if self.sleep and self.engine != "vllm":
            raise ConfigError("gspo.sleep lays vLLM aside, and gspo.engine is 'hf'; leave it out")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> GSPOConfig:
        """Build from plain data, as `to_data` returns it; what does not fit is a ConfigError."""
        elsewhere = {key: data[key] for key in ("resume_from_checkpoint", "seed") if key in data}
        return read(cls, {key: value for key, value in data.items() if key not in elsewhere}, elsewhere)

    @staticmethod
    def in_full(data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the section with a name of `CLIPS` for ``epsilon``, and one name to report to, written out.

        An ``epsilon_high`` beside the name stays. A loss on tokens has the clip that suits it unless told otherwise.
        """
        full = {"epsilon": "grpo", **data} if data.get("objective") == "grpo" else dict(data)
        if isinstance(named := full.get("epsilon"), str):
            if named not in CLIPS:
                raise ConfigError(
                    f"gspo.epsilon must be a number or a known pair, got {named!r}{did_you_mean(named, CLIPS)}"
                )
            full = {"epsilon_high": CLIPS[named][1], **full, "epsilon": CLIPS[named][0]}
        if isinstance(full.get("report_to"), str):
            full["report_to"] = (full["report_to"],)
        return full

    def to_data(self) -> dict[str, Any]:
        """Return all settings as plain data."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @property
    def clip(self) -> tuple[float, float]:
        """How far the ratio may fall below 1, and how far it may rise above."""
        if self.epsilon_high is not None:
            return self.epsilon, self.epsilon_high
        low, high = CLIPS["gspo_paper"]
        return self.epsilon, high if self.epsilon == low else self.epsilon

    @property
    def optimiser_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.max_steps * self.steps_per_generation * self.num_iterations

    def pace(self, step: int) -> float:
        """Return the factor of the learning rate at optimiser step ``step`` (from 0): warm-up, then the schedule."""
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        rest = max(1, self.optimiser_steps - self.warmup_steps)
        done = min(1.0, (step - self.warmup_steps) / rest)
        if self.lr_scheduler_type == "linear":
            return 1.0 - done
        return 0.5 * (1 + math.cos(math.pi * done)) if self.lr_scheduler_type == "cosine" else 1.0


@dataclass(frozen=True)
class _Parts:
    """What learns, for what, by which loss; the keys that stand first in the section."""

    finetune: str = "lora"
    reward: Literal["role", "paper", "team"] = "role"
    objective: Literal["gspo", "grpo"] = "gspo"
    role: Literal["proposer", "reviewer"] | None = None


@dataclass(frozen=True)
class GSPOSettings(GSPOConfig, _Parts):
    """The section ``[gspo]``: the names of parts that a trainer is given as objects, and its `GSPOConfig`.

    Raises ConfigError for a name that does not exist. ``role`` None is the proposer where one role is trained.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        name = self.finetune.partition(":")[0]
        if name not in FINETUNES:
            raise ConfigError(f"gspo.finetune is {self.finetune!r}{did_you_mean(name, FINETUNES)}")
        if self.role is not None and self.reward == "team":
            raise ConfigError("gspo.role does not go with gspo.reward 'team', which trains both roles; leave it out")

    @property
    def training(self) -> GSPOConfig:
        """What the trainer is configured by."""
        return GSPOConfig(**{each.name: getattr(self, each.name) for each in fields(GSPOConfig)})
