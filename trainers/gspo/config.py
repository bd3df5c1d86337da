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
from typing import Any

from tracer_env.errors import ConfigError, did_you_mean

__all__ = ["CLIPS", "GSPOConfig"]

CLIPS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"gspo_paper": (3e-4, 4e-4), "tracer_reference": (0.1, 0.1), "grpo": (0.2, 0.2)},
)
"""Named (epsilon, epsilon_high): of the GSPO paper, section 5.1, of the published TRACER code, and what is usual for
the ratio of a single token."""
SCHEDULES = ("constant", "linear", "cosine")
OLD_LOGPS = ("auto", "sampled", "recomputed")


@dataclass(frozen=True)
class GSPOConfig:
    """How utterances are learned.

    A step draws ``num_generations`` candidates for each of ``tasks_per_step`` contexts, splits them into
    ``steps_per_generation`` minibatches (task by task) and takes one optimiser step for each, ``num_iterations`` times
    over, so that the ratio moves. ``epsilon`` and ``epsilon_high`` clip it; without ``epsilon_high`` it is clipped
    alike on both sides, but at the GSPO paper's pair (3e-4 and 4e-4) where ``epsilon`` is left alone as well. They suit
    sequence ratios; a token's ratio wants the pair ``grpo`` of `CLIPS`. ``beta``: weight of the divergence from
    the model without adapter. ``warmup_steps`` counts optimiser steps, ``max_steps`` rollouts. ``old_logps``:
    ``sampled`` takes the log-probabilities of sampling, ``recomputed`` those of the training code before the first
    step (bfloat16 is that uneven), ``auto`` the former in float32 and the latter elsewhere.

    ``max_batch_tokens``: padded tokens of one forward and backward pass; it changes memory and speed, and the step by
    rounding alone. SmolLM2 in float32 keeps about 1.3 MB a token for the backward pass, so the default holds 1.3 GB;
    on a GPU with memory to spare give 16,384 or more.
    """

    num_generations: int = 8
    tasks_per_step: int = 4
    max_steps: int = 40
    steps_per_generation: int = 4
    num_iterations: int = 1
    epsilon: float = CLIPS["gspo_paper"][0]
    epsilon_high: float | None = None
    beta: float = 0.0
    scale_rewards: str = "std"
    old_logps: str = "auto"
    learning_rate: float = 1e-4
    lr_scheduler_type: str = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    temperature: float = 1.0
    max_completion_length: int = 256
    max_batch_tokens: int = 1_024
    bf16: bool = False
    gradient_checkpointing: bool = False
    max_nonfinite: int = 3
    save_steps: int = 10
    save_total_limit: int = 2
    resume_from_checkpoint: str | None = None
    report_to: tuple[str, ...] = ("jsonl",)
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            _checked(field.name, str(field.type), getattr(self, field.name))
        for name in ("num_generations", "tasks_per_step", "max_steps", "steps_per_generation", "num_iterations"):
            self._least(name, 2 if name == "num_generations" else 1)
        for name in ("max_completion_length", "max_batch_tokens", "max_nonfinite", "save_steps", "save_total_limit"):
            self._least(name, 1)
        for name in ("warmup_steps", "seed", "beta", "weight_decay", "temperature"):
            self._least(name, 0)
        for name in ("epsilon", "learning_rate", "max_grad_norm", "adam_epsilon"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"gspo.{name} must be a number above 0, got {getattr(self, name)!r}")
        if self.epsilon_high is not None and not 0 < self.epsilon_high < math.inf:
            raise ConfigError(f"gspo.epsilon_high must be a number above 0, got {self.epsilon_high!r}")
        for name in ("adam_beta1", "adam_beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"gspo.{name} must lie in [0, 1), got {getattr(self, name)!r}")
        choices = {"scale_rewards": ("std", "none"), "lr_scheduler_type": SCHEDULES, "old_logps": OLD_LOGPS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"gspo.{name} is {getattr(self, name)!r}{did_you_mean(str(getattr(self, name)), known)}"
                )
        if self.temperature == 0:
            raise ConfigError("gspo.temperature must be above 0: greedy candidates are all the same")
        if self.steps_per_generation > self.tasks_per_step:
            raise ConfigError(
                f"gspo.steps_per_generation {self.steps_per_generation} needs as many tasks a step, "
                f"gspo.tasks_per_step is {self.tasks_per_step}"
            )

    def _least(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
            raise ConfigError(f"gspo.{name} must be at least {least}, got {value!r}")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> GSPOConfig:
        """Build from plain data; an unknown key or a value of the wrong kind is a ConfigError.

        ``epsilon`` may name a pair of `CLIPS`; an ``epsilon_high`` beside it stays.
        """
        kinds = {field.name: str(field.type) for field in fields(cls)}
        if isinstance(named := data.get("epsilon"), str):
            if named not in CLIPS:
                raise ConfigError(
                    f"gspo.epsilon must be a number or a known pair, got {named!r}{did_you_mean(named, CLIPS)}"
                )
            data = {"epsilon_high": CLIPS[named][1], **data, "epsilon": CLIPS[named][0]}
        values: dict[str, Any] = {}
        for key, value in data.items():
            if key not in kinds:
                raise ConfigError(f"unknown key gspo.{key}{did_you_mean(str(key), kinds)}")
            values[key] = _checked(key, kinds[key], value)
        return cls(**values)

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


def _checked(key: str, kind: str, value: Any) -> Any:
    if kind.startswith("tuple"):
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"gspo.{key} must be a name or a list of names, got {value!r}")
        return tuple(names)
    allowed = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}[kind.split(" |")[0]]
    if value is None and "None" in kind:
        return None
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind != "bool"):
        words = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
        raise ConfigError(f"gspo.{key} must be {words[kind.split(' |')[0]]}, got {value!r}")
    return value
