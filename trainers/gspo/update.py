"""The policy update: from the samples of a rollout to optimiser steps.

    1  advantages inside each group; groups without signal are dropped
    2  ``steps_per_generation`` minibatches, ``num_iterations`` times over; for each
         a  log-probabilities in micro-batches (`logprobs`), objective (`loss`), gradients summed up.
            The mean runs over the kept rows of the whole minibatch, in all micro-batches and processes
         b  gradients summed over the processes, clipped to a norm, one step of AdamW

With layers in pieces (`sharding`) a process that has fewer micro-batches than another goes through some of no weight.

A step whose loss or gradient is not finite is not taken; ``max_nonfinite`` of them in a row end the training with a
TrainingError. One policy (adapter) has one optimiser; the policies of one base model are trained in turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from tracer_env.errors import ConfigError, TrainingError
from tracer_env.trainers.gspo.advantages import group_advantages
from tracer_env.trainers.gspo.batch import Sample, minibatches
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.finetune import Policies
from tracer_env.trainers.gspo.logprobs import LogProbs, Portion, evaluating
from tracer_env.trainers.gspo.loss import LossStatistics, Objective, gspo_loss, kl_to_base
from tracer_env.trainers.gspo.sampling_mode import as_sampled
from tracer_env.trainers.gspo.sharding import Shards, clip_pieces, in_pieces, is_wanted
from tracer_env.trainers.support.lean_memory import lean_memory
from tracer_env.trainers.support.processes import Alone, Processes

__all__ = ["GSPOUpdate", "importance_weights"]

_NOTHING = Sample((1,), (1,), (0.0,), 0.0, 0)


@dataclass
class _Books:
    """What the optimiser steps of one update came to; updated in place."""

    loss: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    statistics: LossStatistics = field(default_factory=LossStatistics.empty)
    entropy: float = 0.0
    kl: float = 0.0
    rows: int = 0
    skipped: int = 0
    empty: int = 0
    drift: float = 0.0
    furthest: float = 0.0


class GSPOUpdate:
    """Updates the policies of one base model.

    ``model`` is the transformers model that holds them, ``objective`` the loss as an object.
    Raises ConfigError for a model that cannot be computed in portions, for ``beta`` without a base, and for weights
    that are not float32: what an optimiser adds to a bfloat16 weight is mostly rounded away.
    """

    def __init__(
        self,
        model: Any,
        policies: Policies,
        config: GSPOConfig,
        objective: Objective = gspo_loss,
        processes: Processes | None = None,
        shared_prompts: bool = True,
    ) -> None:
        self.model, self.policies, self.config, self.objective = model, policies, config, objective
        self.processes = processes or Alone()
        _check_weights(policies)
        self._sharded = is_wanted(config.shard, self.processes)
        if config.beta:
            with policies.base():  # told now where there is none, not in the first step
                pass
        self.logprobs = LogProbs(model, config.temperature, config.max_batch_tokens, config.bf16, shared_prompts)
        self.recomputes = config.old_logps == "recomputed" or (
            config.old_logps == "auto" and (config.bf16 or config.engine == "vllm" or model.dtype != torch.float32)
        )
        self.shards: Shards | None = None
        self.optimisers = {name: self._optimiser(name) for name in policies.names}
        self.steps = dict.fromkeys(policies.names, 0)
        self.nonfinite = dict.fromkeys(policies.names, 0)

    def shard(self) -> None:
        """Divide the decoder layers among the processes where the settings say so; called by all, before any step."""
        if self.shards is not None or not self._sharded:
            return
        policies = self.policies
        adapters = {one for name in policies.names for one in policies.parameters(name).values()}
        self.shards = Shards(self.model, adapters if getattr(policies, "inside", None) else (), self.processes)
        self.optimisers = {name: self._optimiser(name) for name in policies.names}

    def whole(self) -> AbstractContextManager[None]:
        """Have all layers whole for a while, where they lie in pieces; called by every process."""
        return self.shards.whole() if self.shards is not None else nullcontext()

    def update(self, name: str, samples: Sequence[Sample]) -> dict[str, float | int | None]:
        """Train the policy ``name`` on a rollout and return what happened.

        Every process calls it, even one without samples. Raises TrainingError after ``max_nonfinite`` steps in a
        row whose loss or gradient is not finite.
        """
        self.policies.activate(name)
        rewards = torch.tensor([sample.reward for sample in samples], dtype=torch.float64)
        groups = torch.tensor([sample.group for sample in samples], dtype=torch.int64)
        scale: Any = self.config.scale_rewards  # which GSPOConfig has checked
        advantages = group_advantages(rewards, groups, scale=scale)
        kept = [index for index, keep in enumerate(advantages.kept.tolist()) if keep]
        books = _Books()
        lean = lean_memory(self.model.device.type)
        try:
            with lean, as_sampled(self.model, self.config.gradient_checkpointing):
                old = self._old(samples, kept, books)
                values = advantages.values
                if self.config.importance_cap is not None and self.recomputes:
                    values = importance_weights(values, samples, old, self.config.importance_cap)
                parts = minibatches([samples[index] for index in kept], self.config.steps_per_generation)
                for _ in range(self.config.num_iterations):
                    for part in parts:
                        self._step(name, samples, [kept[at] for at in part], values, old, books)
        finally:
            self.policies.changed()
        return self._summary(name, books, advantages.groups, advantages.dropped)

    def _old(self, samples: Sequence[Sample], kept: Sequence[int], books: _Books) -> Mapping[int, Sequence[float]]:
        """Return the log-probabilities that ratios are taken against, by sample."""
        if not self.recomputes:
            return {index: samples[index].logprobs for index in kept}
        old: dict[int, list[float]] = {}
        with self.whole(), torch.no_grad():
            for batch in self.logprobs.plan(samples, kept):
                portion = self.logprobs(samples, batch)
                for index, row in zip(portion.samples, portion.logps.tolist(), strict=True):
                    old[index] = row[: len(samples[index].token_ids)]
        pairs = [(a, b) for index, row in old.items() for a, b in zip(row, samples[index].logprobs, strict=True)]
        books.drift = sum(abs(a - b) for a, b in pairs) / max(1, len(pairs))
        books.furthest = max((abs(a - b) for a, b in pairs), default=0.0)
        return old

    def _step(
        self,
        name: str,
        samples: Sequence[Sample],
        part: Sequence[int],
        advantages: torch.Tensor,
        old: Mapping[int, Sequence[float]],
        books: _Books,
    ) -> None:
        """Take one optimiser step on the samples ``part``."""
        parameters = list(self.policies.parameters(name).values())
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=False)
        count = torch.tensor([float(len(part))], dtype=torch.float64, device=self.model.device)
        self.processes.total([count])
        rows = round(count.item())
        self.steps[name] += 1
        if rows == 0:
            books.empty += 1
            return
        loss = torch.zeros(1, dtype=torch.float64, device=self.model.device)
        plan = self.logprobs.plan(samples, part)
        fewer = 0 if self.shards is None else max(self.processes.gathered([len(plan)])) - len(plan)
        for batch in plan:
            portion = self.logprobs(samples, batch)
            loss += self._backward(name, portion, advantages, old, rows, books, samples, batch)
        self._idle(name, fewer)
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters]
        whole = gradients if self.shards is None else [one for one in gradients if not in_pieces(one)]
        self.processes.total([loss, *whole])
        norm = self._clipped(parameters)
        if not (math.isfinite(norm) and math.isfinite(loss.item())):
            self._skip(name, loss.item(), norm, books)
            return
        self.nonfinite[name] = 0
        for group in optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.config.pace(self.steps[name] - 1)
        optimiser.step()
        books.loss.append(loss.item())
        books.norms.append(norm)

    def _clipped(self, parameters: Sequence[torch.nn.Parameter]) -> float:
        """Clip the gradients and return the norm that they had."""
        if self.shards is None:
            return float(torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm))
        return clip_pieces([one.grad for one in parameters], self.config.max_grad_norm, self.processes)

    def _idle(self, name: str, times: int) -> None:
        """Go through the layers with what weighs nothing, as often as other processes have more to do."""
        for _ in range(times):
            batch = self.logprobs.plan([_NOTHING], [0])[0]
            portion = self.logprobs([_NOTHING], batch)
            if self.config.beta:
                with torch.no_grad(), self.policies.base(), evaluating(self.model):
                    self.logprobs([_NOTHING], batch)
                self.policies.activate(name)
            (0.0 * portion.logps.sum()).backward()  # type: ignore[no-untyped-call]

    def _backward(
        self,
        name: str,
        portion: Portion,
        advantages: torch.Tensor,
        old: Mapping[int, Sequence[float]],
        rows: int,
        books: _Books,
        samples: Sequence[Sample],
        batch: Any,
    ) -> torch.Tensor:
        """Add the gradient of one micro-batch; return its share of the loss."""
        device, width = portion.logps.device, portion.logps.shape[1]
        low, high = self.config.clip
        before = torch.tensor(
            [list(old[i]) + [0.0] * (width - len(old[i])) for i in portion.samples], dtype=torch.float32, device=device
        )
        loss, statistics = self.objective(
            portion.logps,
            before,
            portion.mask,
            advantages[portion.samples].to(device),
            epsilon=low,
            epsilon_high=high,
            rows=rows,
        )
        if self.config.beta:
            with torch.no_grad(), self.policies.base(), evaluating(self.model):
                base = self.logprobs(samples, batch).logps
            self.policies.activate(name)
            kl = kl_to_base(portion.logps, base, portion.mask)
            loss = loss + self.config.beta * kl.sum() / rows
            books.kl += float(kl.detach().sum())
        loss.backward()  # type: ignore[no-untyped-call]  # torch tells no types for it
        books.statistics = books.statistics.merged(statistics)
        books.entropy += float(portion.entropy.sum())
        books.rows += len(portion.samples)
        return loss.detach().double()

    def _skip(self, name: str, loss: float, norm: float, books: _Books) -> None:
        self.optimisers[name].zero_grad(set_to_none=False)
        books.skipped += 1
        self.nonfinite[name] += 1
        if self.nonfinite[name] >= self.config.max_nonfinite:
            raise TrainingError(
                f"the last {self.nonfinite[name]} optimiser steps of {name!r} had a loss or gradient that is not "
                f"finite (loss {loss}, gradient norm {norm}); lower gspo.learning_rate, or train in float32"
            )

    def _summary(self, name: str, books: _Books, groups: int, dropped: int) -> dict[str, float | int | None]:
        """Return the books of all processes together."""
        sums = torch.tensor(
            [books.entropy, books.kl, books.rows, groups, dropped, books.drift / self.processes.count],
            dtype=torch.float64,
            device=self.model.device,
        )
        self.processes.total([sums])
        entropy, kl, rows, groups_all, dropped_all, drift = sums.tolist()
        statistics = books.statistics
        if self.processes.count > 1:
            statistics = LossStatistics.empty()
            for other in self.processes.gathered([books.statistics]):
                statistics = statistics.merged(other)
        return {
            "loss": sum(books.loss) / len(books.loss) if books.loss else None,
            "grad_norm": sum(books.norms) / len(books.norms) if books.norms else None,
            "learning_rate": self.config.learning_rate * self.config.pace(max(0, self.steps[name] - 1)),
            **statistics.to_data(),
            "entropy": entropy / rows if rows else None,
            "kl": kl / rows if rows and self.config.beta else None,
            "groups": round(groups_all),
            "dropped_groups": round(dropped_all),
            "skipped_steps": books.skipped,
            "empty_steps": books.empty,
            "old_logps_drift": drift if self.recomputes else None,
            **({"old_logps_drift_max": books.furthest} if self.config.engine == "vllm" else {}),
        }

    def _optimiser(self, name: str) -> torch.optim.AdamW:
        config = self.config
        return torch.optim.AdamW(
            list(self.policies.parameters(name).values()),
            lr=config.learning_rate,
            betas=(config.adam_beta1, config.adam_beta2),
            eps=config.adam_epsilon,
            weight_decay=config.weight_decay,
        )


def importance_weights(
    advantages: torch.Tensor, samples: Sequence[Sample], old: Mapping[int, Sequence[float]], cap: float
) -> torch.Tensor:
    """Return the advantages (B,) times each sample's truncated importance weight.

    The weight is exp(mean over tokens of old - sampled), at most ``cap``: truncated importance sampling (Ionides,
    2008) with the length-normalised ratio of GSPO. ``old`` has the trainer's log-probabilities by sample.
    """
    weighed = advantages.clone()
    for index, row in old.items():
        apart = sum(a - b for a, b in zip(row, samples[index].logprobs, strict=True)) / len(row)
        weighed[index] *= math.exp(min(apart, math.log(cap)))
    return weighed


def _check_weights(policies: Policies) -> None:
    for name in policies.names:
        for parameter in policies.parameters(name).values():
            if parameter.dtype != torch.float32:
                raise ConfigError(
                    f"the weights of {name!r} that are to learn are {parameter.dtype}, where small steps are lost; "
                    "give speaker.dtype float32 (gspo.bf16 still computes in bfloat16), or finetune 'lora'"
                )
