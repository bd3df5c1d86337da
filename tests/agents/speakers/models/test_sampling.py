from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from tracer_env.agents.speakers.models.sampling import GumbelMax, gumbel


def seeds(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def test_temperature_zero_takes_the_most_likely_token() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0]])
    tokens, logprobs = GumbelMax(0.0)(logits, seeds(1, 2), 0)
    assert tokens.tolist() == [1, 0]
    assert logprobs[0].item() == pytest.approx(2.0 - math.log(1 + math.e**2 + math.e))


def test_logprobs_are_those_of_the_scaled_logits() -> None:
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(1)) * 5
    tokens, logprobs = GumbelMax(0.7)(logits, seeds(1, 2, 3, 4), 5)
    expected = (logits / 0.7).log_softmax(dim=-1).gather(-1, tokens[:, None]).squeeze(-1)
    torch.testing.assert_close(logprobs, expected)


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_tokens_are_drawn_from_the_softmax(temperature: float) -> None:
    logits = torch.tensor([0.0, 0.5, 1.0, -0.5, -2.0])
    count = 20_000
    tokens, _ = GumbelMax(temperature)(logits.repeat(count, 1), np.arange(count, dtype=np.uint64), 3)
    expected = (logits / temperature).softmax(-1).numpy() * count
    found = np.bincount(tokens.numpy(), minlength=5)
    common = expected > 5
    chi_square = float(((found - expected)[common] ** 2 / expected[common]).sum())
    assert chi_square < 20.5  # 4 degrees of freedom: exceeded once in 2,500 draws


def test_steps_of_one_seed_are_independent() -> None:
    logits = torch.zeros(1, 2)
    drawn = [GumbelMax(1.0)(logits, seeds(9), step)[0].item() for step in range(4000)]
    pairs = np.bincount([2 * a + b for a, b in itertools.pairwise(drawn)], minlength=4)
    assert abs(np.mean(drawn) - 0.5) < 0.04
    assert (abs(pairs - 1000) < 140).all()


def test_noise_has_the_mean_and_variance_of_gumbel() -> None:
    noise = gumbel(torch.tensor(123456789), torch.arange(200_000)).double()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.01)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.03)


def test_a_row_does_not_see_its_batch() -> None:
    logits = torch.randn(16, 3000, generator=torch.Generator().manual_seed(2)) * 3
    keys = np.arange(16, dtype=np.uint64)
    together, together_logprobs = GumbelMax(1.0)(logits, keys, 7)
    for row in range(16):
        alone, logprob = GumbelMax(1.0)(logits[row : row + 1], keys[row : row + 1], 7)
        assert alone.item() == together[row].item()
        assert logprob.item() == pytest.approx(together_logprobs[row].item(), abs=1e-6)


def test_leaving_out_hopeless_tokens_changes_no_choice() -> None:
    logits = torch.randn(64, 500, generator=torch.Generator().manual_seed(3)) * 20
    keys = np.arange(64, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    tokens, _ = GumbelMax(1.0)(logits, keys, 0)
    shifted, _ = GumbelMax(1.0)(torch.cat([logits, logits.new_full((64, 1), -1e6)], dim=1), keys, 0)
    assert tokens.tolist() == shifted.tolist()
    assert (tokens != logits.argmax(dim=-1)).any()


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"seeds \(B,\)"):
        GumbelMax(1.0)(torch.zeros(2, 3), seeds(1), 0)
