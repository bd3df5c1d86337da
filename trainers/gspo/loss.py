"""What GSPO minimises, as pure functions on tensors: no model, no optimiser, no state.

Of B sampled utterances of at most T tokens, row i has n_i tokens where ``mask`` is nonzero, the log-probability
of each under the weights that train (``logps``) and under those that sampled it (``old_logps``), and an advantage A_i
(`advantages`).

    sequence   r_i = exp(1/n_i sum_t (logps_it - old_logps_it)), one ratio a row         `loss`
    token      r_it = exp(logps_it - old_logps_it), averaged inside the row              `grpo_loss`
    loss       -1/rows sum_i min(r_i A_i, clip(r_i, 1 - epsilon, 1 + epsilon_high) A_i)
    KL         1/n_i sum_t (e^d - d - 1), d = base_logps_it - logps_it                   `kl_to_base`

Sources: GSPO, arXiv 2507.18071, equations 5-7; GRPO, arXiv 2402.03300; the KL estimator is "k3" of J. Schulman,
"Approximating KL divergence" (2020). A trainer takes the loss as an object (`Objective`).

Promised: every row weighs the same, however long it is; neither padding nor the other rows change what a row adds;
micro-batches that name the same ``rows`` sum to the loss and the gradient of the whole batch. Only ``logps`` gets a
gradient. What stands where the mask is zero is never read, be it NaN.

Traps: log-probabilities must be float32 or wider, since bfloat16 cannot tell 1 from 1 + 4e-4. A wrapper that averages
gradients over processes divides by their number although ``rows`` counts them all: multiply the loss by that number.
Ratios that overflow give a loss or a gradient that is not finite; to look for it is the trainer's part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = [
    "LossStatistics",
    "Objective",
    "grpo_loss",
    "gspo_loss",
    "kl_to_base",
    "sequence_log_ratio",
]


# -- statistics ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LossStatistics:
    """What the ratios of some rows did, as sums, so that micro-batches and processes add up by `merged`.

    Under `grpo_loss` a row counts with the mean of its tokens, its ``clipped`` with the share of them; the range
    is that of single tokens.
    """

    rows: int
    ratio_sum: float
    ratio_min: float  # inf when there are no rows
    ratio_max: float  # -inf when there are no rows
    clipped: float  # rows whose gradient the clip took away, on either side
    log_ratio_sum: float

    @classmethod
    def empty(cls) -> LossStatistics:
        """Return the statistics of no rows, which change nothing when merged."""
        return cls(0, 0.0, math.inf, -math.inf, 0.0, 0.0)

    def merged(self, other: LossStatistics) -> LossStatistics:
        """Return the statistics of both sets of rows together."""
        return LossStatistics(
            self.rows + other.rows,
            self.ratio_sum + other.ratio_sum,
            min(self.ratio_min, other.ratio_min),
            max(self.ratio_max, other.ratio_max),
            self.clipped + other.clipped,
            self.log_ratio_sum + other.log_ratio_sum,
        )

    def to_data(self) -> dict[str, float | int | None]:
        """Return means and range, ready for a log; None where there are no rows to speak of."""
        rows, some = max(self.rows, 1), self.rows > 0
        return {
            "rows": self.rows,
            "ratio_mean": self.ratio_sum / rows if some else None,
            "ratio_min": self.ratio_min if some else None,
            "ratio_max": self.ratio_max if some else None,
            "clip_fraction": self.clipped / rows if some else None,
            "log_ratio_mean": self.log_ratio_sum / rows if some else None,
        }


# -- losses --------------------------------------------------------------------------------------


class Objective(Protocol):
    """A clipped policy loss: `loss`, `grpo_loss`, or one of your own with the same promises."""

    def __call__(
        self,
        logps: Tensor,
        old_logps: Tensor,
        mask: Tensor,
        advantages: Tensor,
        *,
        epsilon: float,
        epsilon_high: float,
        rows: int | None = None,
    ) -> tuple[Tensor, LossStatistics]:
        """Return the scalar loss and the statistics of (B, T), (B, T), (B, T), (B,).

        ``rows`` is what the sum is divided by, B by default. For micro-batches give the kept rows of the whole
        optimiser batch, over all micro-batches and processes; then B may also be 0.
        """


def sequence_log_ratio(logps: Tensor, old_logps: Tensor, mask: Tensor) -> Tensor:
    """Return (B,): the mean of ``logps`` - ``old_logps`` over each row's own tokens."""
    _check_tokens(mask, logps=logps, old_logps=old_logps)
    return _row_mean(_difference(logps, old_logps, mask), mask)


def gspo_loss(
    logps: Tensor,
    old_logps: Tensor,
    mask: Tensor,
    advantages: Tensor,
    *,
    epsilon: float,
    epsilon_high: float,
    rows: int | None = None,
) -> tuple[Tensor, LossStatistics]:
    """One length-normalised ratio a row, clipped as a whole. See `Objective` for shapes and ``rows``."""
    divisor = _divisor(logps, advantages, epsilon, epsilon_high, rows)
    log_ratio = sequence_log_ratio(logps, old_logps, mask)
    ratio = log_ratio.exp()
    gain, clipped = _clipped_gain(ratio, advantages, epsilon, epsilon_high)
    return -gain.sum() / divisor, _statistics(ratio, ratio, clipped, log_ratio)


def grpo_loss(
    logps: Tensor,
    old_logps: Tensor,
    mask: Tensor,
    advantages: Tensor,
    *,
    epsilon: float,
    epsilon_high: float,
    rows: int | None = None,
) -> tuple[Tensor, LossStatistics]:
    """One ratio a token, each clipped alone; mean over the row's tokens, then over rows. See `Objective`."""
    divisor = _divisor(logps, advantages, epsilon, epsilon_high, rows)
    _check_tokens(mask, logps=logps, old_logps=old_logps)
    log_ratio = _difference(logps, old_logps, mask)
    ratio = log_ratio.exp()
    gain, clipped = _clipped_gain(ratio, advantages[:, None], epsilon, epsilon_high)
    means = (_row_mean(values, mask) for values in (ratio, clipped.to(ratio.dtype), log_ratio))
    return -_row_mean(gain, mask).sum() / divisor, _statistics(ratio[mask.bool()], *means)


def kl_to_base(logps: Tensor, base_logps: Tensor, mask: Tensor) -> Tensor:
    """Return (B,): an estimate of KL(policy || base), never negative, as the mean over each row's tokens.

    For tokens drawn from the policy the value is unbiased, but the gradient is that of KL(base || policy), as in
    GRPO's own formula; both pull to the base. TRL, unless ``use_bias_correction_kl=False``, weighs it by the ratio.
    """
    _check_tokens(mask, logps=logps, base_logps=base_logps)
    # p - b, the negative of d above: the helper detaches its second argument.
    difference = _difference(logps, base_logps, mask)
    return _row_mean(torch.expm1(-difference) + difference, mask)


def _difference(logps: Tensor, constant: Tensor, mask: Tensor) -> Tensor:
    """Return (B, T), 0 outside the mask: taken out before exp, where an infinity would turn gradients to NaN."""
    return torch.where(mask.bool(), logps - constant.detach(), 0.0)


def _row_mean(values: Tensor, mask: Tensor) -> Tensor:
    tokens = mask.bool()
    return torch.where(tokens, values, 0.0).sum(dim=-1) / tokens.sum(dim=-1)


def _clipped_gain(ratio: Tensor, advantages: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Return min(r A, clip(r) A), and where the clip is the one that counts."""
    fixed = advantages.detach().to(ratio.dtype)
    free, bounded = ratio * fixed, ratio.clamp(1 - low, 1 + high) * fixed
    return torch.minimum(free, bounded), bounded < free


def _statistics(every: Tensor, ratio: Tensor, clipped: Tensor, log_ratio: Tensor) -> LossStatistics:
    """Sum rows; ``every`` holds the single ratios whose range is told. One transfer from the device."""
    if len(ratio) == 0:
        return LossStatistics.empty()
    parts = (ratio.sum(), every.min(), every.max(), clipped.sum().to(ratio.dtype), log_ratio.sum())
    return LossStatistics(len(ratio), *(float(part) for part in torch.stack(parts).tolist()))


def _check_tokens(mask: Tensor, **logps: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in logps.items()} | {"mask": tuple(mask.shape)}
    if mask.ndim != 2 or len(set(shapes.values())) > 1:
        raise ValueError(f"log-probabilities and mask must have one shape (B, T), got {shapes}")
    for name, tensor in logps.items():
        if tensor.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"{name} must be float32 or float64, got {tensor.dtype}; cast the logits, not the result")
    if not bool(mask.bool().any(dim=-1).all()):
        raise ValueError("every row needs a token, and the mask of at least one row is zero; leave such rows out")


def _divisor(logps: Tensor, advantages: Tensor, low: float, high: float, rows: int | None) -> int:
    if logps.ndim != 2 or advantages.shape != logps.shape[:1]:
        shapes = f"{tuple(logps.shape)} and {tuple(advantages.shape)}"
        raise ValueError(f"log-probabilities must be (B, T) and advantages (B,), got {shapes}")
    if not (low >= 0 and high >= 0):
        raise ValueError(f"epsilon and epsilon_high must be at least 0, got {low} and {high}")
    divisor = len(logps) if rows is None else rows
    if divisor < 1:
        raise ValueError(f"rows must be at least 1, got {divisor}; skip a batch that keeps no row")
    return divisor
