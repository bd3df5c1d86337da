"""Log-probabilities of sampled completions under the current policy, with gradients and little memory.

    rows        samples in one sequence, what they have in common once (`layout`); a mask lets each token see
                its own sample alone, and positions are those of that sample
    hidden      one forward pass of the decoder; padding is on the right and seen by nobody
    head        the vocabulary's logits are computed only where a completion token is predicted, ``chunk`` positions
                at a time, and again in the backward pass: the matrix (tokens x vocabulary) never exists whole

The values are those of one plain sequence a completion, up to rounding. Whether a model can be computed this way is
tried once (`LogProbs`): where sliding windows or an unusual attention forbid sharing, each completion gets a row.
A model that changes its logits after the output layer (soft-capping, scaling) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from tracer_env.errors import ConfigError
from tracer_env.trainers.gspo.batch import Row, Sample, microbatches, rows
from tracer_env.trainers.gspo.layout import layout

__all__ = ["LogProbs", "Portion", "evaluating"]

_CELLS = 1 << 23
"""Logits (positions times vocabulary) that exist at one time."""
_BENT = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier")
"""Settings by which models of transformers change their logits."""


@dataclass(frozen=True)
class Portion:
    """The log-probabilities of a micro-batch. ``samples`` (B,) says which samples the rows of the tensors are."""

    samples: list[int]
    logps: torch.Tensor  # (B, T), 0 where masked
    mask: torch.Tensor  # (B, T), 1 for a sampled token
    entropy: torch.Tensor  # (B,), nats a token, no gradient


class LogProbs:
    """Computes log-probabilities with one causal language model of transformers.

    ``temperature``: what the tokens were sampled at; logits are divided by it (0 counts as 1).
    ``max_tokens``: budget of a micro-batch. ``bf16``: autocast to bfloat16. ``shared``: prompts of a group once.

    Raises ConfigError for a model whose logits are not plainly those of its output layer.
    """

    def __init__(
        self, model: Any, temperature: float = 1.0, max_tokens: int = 1_024, bf16: bool = False, shared: bool = True
    ) -> None:
        self.model, self.temperature, self.max_tokens, self.bf16 = model, temperature or 1.0, max_tokens, bf16
        self.width = int(model.config.get_text_config().hidden_size)
        self.shared = shared and not _slides(model)
        self._chunk = max(1, _CELLS // int(model.get_output_embeddings().weight.shape[0]))
        self._probe()

    def plan(self, samples: Sequence[Sample], indices: Sequence[int]) -> list[list[Row]]:
        """Return the micro-batches that together hold the samples ``indices``."""
        return microbatches(rows(samples, indices, self.width, self.shared, self.max_tokens), self.max_tokens)

    def __call__(self, samples: Sequence[Sample], batch: Sequence[Row]) -> Portion:
        """Return the log-probabilities of one micro-batch, with gradients where the parameters ask for them."""
        device = self.model.device
        ids, positions, attention, places = _laid_out(samples, batch, device, self._kind())
        members = [index for row in batch for index in row.samples]
        longest = max(len(samples[index].token_ids) for index in members)
        with self._autocast():
            hidden = self._decoder()(
                input_ids=ids, position_ids=positions, attention_mask=attention, use_cache=False
            ).last_hidden_state  # (R, S, H)
        targets = torch.tensor([t for index in members for t in samples[index].token_ids], device=device)  # (N,)
        flat, entropy = self._predicted(hidden.flatten(0, 1)[places], targets)  # (N,), (N,)
        lengths = torch.tensor([len(samples[index].token_ids) for index in members], device=device)
        mask = (torch.arange(longest, device=device)[None, :] < lengths[:, None]).float()  # (B, T)
        logps = torch.zeros_like(mask).masked_scatter(mask.bool(), flat)
        spread = torch.zeros_like(mask).masked_scatter(mask.bool(), entropy)
        return Portion(members, logps, mask, spread.sum(dim=1) / lengths)

    def _predicted(self, hidden: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log-probabilities and entropies (N,) of ``targets`` (N,) after ``hidden`` (N, H), in chunks."""
        parts = []
        for some, wanted in zip(torch.split(hidden, self._chunk), torch.split(targets, self._chunk), strict=True):
            if torch.is_grad_enabled() and some.requires_grad:
                parts.append(checkpoint(self._headed, some, wanted, use_reentrant=False, preserve_rng_state=False))
            else:
                parts.append(self._headed(some, wanted))
        logps, entropies = zip(*parts, strict=True)
        return torch.cat(logps), torch.cat(entropies)

    def _headed(self, hidden: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with self._autocast():
            logits = self.model.get_output_embeddings()(hidden)
        logits = logits.float() / self.temperature  # (n, V)
        mass = logits.logsumexp(dim=-1)
        with torch.no_grad():
            entropy = mass - ((logits - mass[:, None]).exp() * logits).sum(dim=-1)
        return logits.gather(-1, targets[:, None]).squeeze(-1) - mass, entropy

    def _decoder(self) -> Any:
        return self.model.base_model

    def _kind(self) -> torch.dtype:
        kind: torch.dtype = torch.bfloat16 if self.bf16 else self.model.dtype
        return kind

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.model.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _probe(self) -> None:
        """Compare with the model's own logits on a few tokens, plainly and with a shared prompt."""
        # Small logits hide it from the comparison.
        config = self.model.config.get_text_config()
        if any(getattr(config, name, None) not in (None, 1) for name in _BENT):
            raise self._refusal()
        made = [Sample((2, 3, 1), tokens, (0.0,) * len(tokens), 0.0, 0) for tokens in ((1, 3), (2, 1, 3))]
        with torch.no_grad(), evaluating(self.model):
            wanted = [self._plain(sample) for sample in made]
            for shared in (False, True):
                batch = rows(made, (0, 1), self.width, shared)
                portion = self(made, batch)
                found = {
                    index: row[: len(made[index].token_ids)]
                    for index, row in zip(portion.samples, portion.logps, strict=True)
                }
                near = all(torch.allclose(found[i], wanted[i], atol=self._tolerance()) for i in (0, 1))
                if not near and not shared:
                    raise self._refusal()
                self.shared = self.shared and near

    def _refusal(self) -> ConfigError:
        return ConfigError(
            f"{type(self.model).__name__} changes its logits after the output layer, so its "
            "log-probabilities cannot be computed in portions; train another model"
        )

    def _plain(self, sample: Sample) -> torch.Tensor:
        ids = torch.tensor([sample.prompt_ids + sample.token_ids], device=self.model.device)
        with self._autocast():
            logits = self.model(input_ids=ids, use_cache=False).logits
        logps = (logits[0].float() / self.temperature).log_softmax(dim=-1)
        start, targets = len(sample.prompt_ids), torch.tensor(sample.token_ids, device=ids.device)
        found: torch.Tensor = logps[start - 1 : -1].gather(-1, targets[:, None]).squeeze(-1)
        return found

    def _tolerance(self) -> float:
        return 1e-3 if self._kind() == torch.float32 else 0.25


def _laid_out(
    samples: Sequence[Sample], batch: Sequence[Row], device: torch.device, kind: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """Return ids and positions (R, S), the mask to add (R, 1, S, S) or None, and where each token is predicted (N,).

    Where every row is one sample the ordinary causal mask does: what is padded stands behind all that is read.
    """
    size = batch[0].length
    ids = torch.zeros(len(batch), size, dtype=torch.long)
    # Padding counts on: positions that fall back would make transformers look for packed sequences.
    positions = torch.arange(size).repeat(len(batch), 1)
    seen = torch.eye(size, dtype=torch.bool).repeat(len(batch), 1, 1)
    places: list[int] = []
    for number, row in enumerate(batch):
        laid = layout(samples, row)
        used = len(laid.ids)
        ids[number, :used] = torch.tensor(laid.ids)
        positions[number, :used] = torch.tensor(laid.positions)
        seen[number, :used, :used] = torch.from_numpy(laid.seen())
        places += [number * size + place for place in laid.places]
    mask = None if all(len(row.samples) == 1 for row in batch) else _added(seen.to(device), kind)
    return ids.to(device), positions.to(device), mask, torch.tensor(places, device=device)


def _added(seen: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    """Return 0 where a token may look (R, S, S) and the lowest number elsewhere, shape (R, 1, S, S)."""
    mask = torch.zeros(seen.shape, dtype=kind, device=seen.device).masked_fill_(~seen, torch.finfo(kind).min)
    return mask[:, None]


def _slides(model: Any) -> bool:
    """Return whether layers look back through a window only, or attend in a way that takes no mask of ours."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    windowed = kinds != {"full_attention"} or (
        getattr(config, "sliding_window", None) is not None and getattr(config, "use_sliding_window", True)
    )
    return windowed or getattr(config, "_attn_implementation", "") not in ("sdpa", "eager")


class evaluating(AbstractContextManager[None]):  # noqa: N801 (read as a statement: `with evaluating(model)`)
    """The model in evaluation mode, and back."""

    def __init__(self, model: Any) -> None:
        self._model, self._training = model, model.training

    def __enter__(self) -> None:
        self._model.eval()

    def __exit__(self, *_: object) -> None:
        self._model.train(self._training)
