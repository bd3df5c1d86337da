"""How much better each candidate did than the others of its context: what GSPO and GRPO weigh an utterance by.

    A_i = (r_i - mean) / (std + eps)     over the candidates of one context, its group

Source: GRPO, arXiv 2402.03300; GSPO, arXiv 2507.18071, takes it over. A team reward, as MAGRPO pays, changes only the
rewards that go in.

Promised: a group never sees the others, and one that has nothing to teach is dropped and counted, not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Advantages", "group_advantages"]


@dataclass(frozen=True, slots=True)
class Advantages:
    """How much better each candidate did than the others of its context, and which have something to teach."""

    values: Tensor  # (B,) float32, 0 in dropped groups
    kept: Tensor  # (B,) bool
    groups: int  # distinct groups seen
    dropped: int  # of these, the ones of one candidate or of equal rewards

    @property
    def rows(self) -> int:
        """Return how many rows are kept: what the loss divides by, once summed over processes."""
        return int(self.kept.sum())


def group_advantages(
    rewards: Tensor, groups: Tensor, *, scale: Literal["std", "none"] = "std", eps: float = 1e-4
) -> Advantages:
    """Compare each of ``rewards`` (B,) with the mean of its group; ``groups`` (B,) int64 names the context.

    ``scale="std"`` divides by the unbiased standard deviation plus ``eps``, ``"none"`` leaves the difference as it
    is. A group of one, or whose rewards are exactly equal, carries no signal and is dropped: value 0, not kept.
    """
    _check_groups(rewards, groups, scale, eps)
    exact = rewards.detach().double()
    names, inverse, counts = torch.unique(groups, return_inverse=True, return_counts=True)
    zeros = exact.new_zeros(len(names))
    centred = exact - (zeros.index_add(0, inverse, exact) / counts)[inverse]
    low = zeros.scatter_reduce(0, inverse, exact, "amin", include_self=False)
    high = zeros.scatter_reduce(0, inverse, exact, "amax", include_self=False)
    kept = (low < high)[inverse]
    if scale == "std":
        variance = zeros.index_add(0, inverse, centred.square()) / (counts - 1).clamp(min=1)
        centred = centred / (variance.sqrt() + eps)[inverse]
    values = torch.where(kept, centred, 0.0).float()
    return Advantages(values, kept, groups=len(names), dropped=int((low == high).sum()))


def _check_groups(rewards: Tensor, groups: Tensor, scale: str, eps: float) -> None:
    if rewards.ndim != 1 or groups.shape != rewards.shape or groups.dtype != torch.int64:
        raise ValueError(
            f"rewards must be (B,) and groups (B,) int64, got {tuple(rewards.shape)} and "
            f"{tuple(groups.shape)} {groups.dtype}"
        )
    if scale not in ("std", "none") or not eps >= 0:
        raise ValueError(f"scale must be 'std' or 'none' and eps at least 0, got {scale!r} and {eps}")
    if not bool(torch.isfinite(rewards).all()):
        raise ValueError("rewards must be finite; leave rows without a reward (a timeout, say) out of the batch")
