"""Gumbel-max sampling: a token is the argmax of its scaled logit plus noise that the request brought along.

    score[v] = logit[v] / T + g(seed, step, v),   g = -log(-log u),   token = argmax score

is a draw from softmax(logit / T) (Gumbel 1954; Maddison, Tarlow, Minka 2014). The noise u is the
splitmix64 hash of (seed, step, v), as in `tracer_env.randomness`, so it hangs on nothing else: not on the
batch, not on other rows, not on any generator. Two prompts with one seed meet the same noise.

On a CPU noise is hashed only where it can decide: g lies between `_LOWEST` and `_HIGHEST`, so a token whose
scaled logit is further below the best one than that allows cannot win, whatever its noise.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from tracer_env.randomness import GOLDEN, MIX_1, MIX_2

__all__ = ["GumbelMax", "gumbel", "own_logprobs"]

_HIGHEST = 33 * math.log(2)  # 1 - u is at least 2**-33
_LOWEST = -math.log(24 * math.log(2))  # and at most 1 - 2**-24, what float32 can tell from 1


class GumbelMax:
    """Draws one token a row. ``temperature`` 0 takes the most likely token and uses no noise."""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    @property
    def plain(self) -> bool:
        """Whether the log-probabilities are the model's own, at temperature 1."""
        return self.temperature in (0, 1)

    def __call__(self, logits: torch.Tensor, seeds: np.ndarray, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return tokens (B,) and their log-probabilities (B,) for logits (B, V) and seeds (B,) uint64.

        The log-probability is log_softmax(logits / T) in float32; of logits alone when T is 0. Raises
        FloatingPointError where the largest logit of a row is no finite number.
        """
        if logits.ndim != 2 or seeds.shape != logits.shape[:1]:
            raise ValueError(f"logits must be (B, V) and seeds (B,), got {tuple(logits.shape)} and {seeds.shape}")
        scaled = logits.float()
        if self.temperature > 0:
            scaled = scaled / self.temperature
        best, token = scaled.max(dim=-1)
        if not torch.isfinite(best).all():  # one number a row: NaN and infinity anywhere in it come out here
            odd = best[~torch.isfinite(best)]
            raise FloatingPointError(f"{len(odd)} of {len(best)} rows hold {odd[0].item()}")
        if self.temperature > 0:
            token = _perturbed_argmax(scaled, best, _keys(seeds, step))
        chosen = scaled.gather(-1, token[:, None]).squeeze(-1)
        # exp of less than -87 is a denormal, which is slow and adds nothing a float32 sum could hold.
        mass = (scaled - best[:, None]).clamp_(min=-80.0).exp_().sum(dim=-1)
        return token, chosen - best - mass.log()


def own_logprobs(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return the model's own log-probabilities of tokens (B, W), at temperature 1 and nothing cut off, float32.

    ``logits`` are (B, V), ``tokens`` (B, W) or, the same for all rows, (W,).
    """
    plain = logits.float()
    best = plain.amax(dim=-1, keepdim=True)
    mass = (plain - best).clamp_(min=-80.0).exp_().sum(dim=-1, keepdim=True).log_()
    chosen = plain[:, tokens] if tokens.ndim == 1 else plain.gather(-1, tokens)
    return chosen - best - mass


def gumbel(keys: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Return float32 Gumbel noise for int64 ``keys`` (a seed and step folded together) and token ids."""
    bits = _mix(tokens * _signed(GOLDEN) + keys)
    # 1 - u, not u: float32 is finest near 0, and the large noise that decides comes from u near 1.
    rest = ((bits >> 32) & 0xFFFFFFFF).float().add_(0.5).mul_(2.0**-32).clamp_(max=1 - 2.0**-24)
    return rest.neg_().log1p_().neg_().log_().neg_()


def _perturbed_argmax(scaled: torch.Tensor, best: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    if scaled.device.type != "cpu":
        tokens = torch.arange(scaled.shape[-1], device=scaled.device)
        return (scaled + gumbel(keys.to(scaled.device)[:, None], tokens)).argmax(dim=-1)
    floor = best - (_HIGHEST - _LOWEST)
    near = [(row >= least).nonzero().squeeze(-1) for row, least in zip(scaled, floor, strict=True)]
    picks = [n[(row[n] + gumbel(key, n)).argmax()] for row, key, n in zip(scaled, keys, near, strict=True)]
    return torch.stack(picks)


def _keys(seeds: np.ndarray, step: int) -> torch.Tensor:
    """Fold the step into the seeds: (B,) uint64 -> (B,) int64."""
    folded = torch.from_numpy(seeds.view(np.int64)) + _signed((step + 1) * MIX_1)
    return _mix(folded)


def _mix(x: torch.Tensor) -> torch.Tensor:
    """The finaliser of splitmix64 on int64 tensors: products wrap, and shifts are made logical by a mask."""
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * _signed(MIX_1)
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * _signed(MIX_2)
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


def _signed(x: int) -> int:
    """Return the int64 with the same 64 bits."""
    x &= 0xFFFFFFFFFFFFFFFF
    return x - (1 << 64) if x >> 63 else x
