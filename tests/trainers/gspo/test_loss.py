from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tracer_env.trainers.gspo import loss as module
from tracer_env.trainers.gspo.advantages import group_advantages
from tracer_env.trainers.gspo.config import CLIPS
from tracer_env.trainers.gspo.loss import (
    LossStatistics,
    Objective,
    grpo_loss,
    gspo_loss,
    kl_to_base,
    sequence_log_ratio,
)

LOSSES: tuple[Objective, ...] = (gspo_loss, grpo_loss)
both = pytest.mark.parametrize("loss_of", LOSSES)
CLIP = {"epsilon": 0.1, "epsilon_high": 0.1}
Rows = list[tuple[list[float], float]]


def padded(rows: Rows, extra: int = 0, filling: float = 0.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return logps (a leaf, so that log ratios are as given), old_logps, mask, advantages, in float64."""
    width = max(len(tokens) for tokens, _ in rows) + extra
    old = torch.full((len(rows), width), filling, dtype=torch.float64)
    mask = torch.zeros(len(rows), width, dtype=torch.int64)
    logps = old.clone()
    for row, (tokens, _) in enumerate(rows):
        old[row, : len(tokens)] = -2.0
        logps[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.float64) - 2.0
        mask[row, : len(tokens)] = 1
    advantages = torch.tensor([advantage for _, advantage in rows], dtype=torch.float64)
    return logps.requires_grad_(), old, mask, advantages


def solved(loss_of: Objective, rows: Rows, extra: int = 0, filling: float = 0.0, count: int | None = None) -> Any:
    """Return loss, gradient of each row's own tokens, statistics."""
    logps, old, mask, advantages = padded(rows, extra, filling)
    loss, statistics = loss_of(logps, old, mask, advantages, rows=count, **CLIP)
    loss.backward()
    assert logps.grad is not None
    assert not logps.grad[mask == 0].any()
    return loss.item(), [logps.grad[row, : len(tokens)] for row, (tokens, _) in enumerate(rows)], statistics


# -- losses by hand ------------------------------------------------------------------------------

BY_HAND: Rows = [
    ([math.log(1.2), math.log(1.2)], 1.0),  # ratio 1.2, clipped to 1.1: 1.1
    ([math.log(0.5)], -1.0),  # ratio 0.5, clipped to 0.9: -0.9
    ([math.log(4.0), 0.0], -1.0),  # ratio sqrt(4) = 2, the clip would help the loss: -2
    ([math.log(0.5), math.log(0.5), math.log(0.5)], 2.0),  # ratio 0.5, the same: 1
]


def test_gspo_by_hand() -> None:
    loss, gradient, statistics = solved(gspo_loss, BY_HAND)
    assert loss == pytest.approx(-(1.1 - 0.9 - 2.0 + 1.0) / 4)
    assert [row.tolist() for row in gradient[:2]] == [[0.0, 0.0], [0.0]]
    assert gradient[2].tolist() == pytest.approx([0.25, 0.25])  # 1 * 2 / 2 tokens / 4 rows
    assert gradient[3].tolist() == pytest.approx([-1 / 12] * 3)  # -2 * 0.5 / 3 tokens / 4 rows
    assert statistics.to_data() == {
        "rows": 4,
        "ratio_mean": pytest.approx(1.05),
        "ratio_min": pytest.approx(0.5),
        "ratio_max": pytest.approx(2.0),
        "clip_fraction": 0.5,
        "log_ratio_mean": pytest.approx(math.log(1.2 * 0.5 * 2.0 * 0.5) / 4),
    }


def test_grpo_by_hand() -> None:
    """Row 1: tokens 2 and 1/2 at +1 give (1.1 + 0.5) / 2. Row 2: token 2 at -1 gives -2."""
    loss, gradient, statistics = solved(grpo_loss, [([math.log(2.0), math.log(0.5)], 1.0), ([math.log(2.0)], -1.0)])
    assert loss == pytest.approx(0.6)
    assert gradient[0].tolist() == pytest.approx([0.0, -0.125])  # -1 * 0.5 / 2 tokens / 2 rows
    assert gradient[1].tolist() == pytest.approx([1.0])
    assert statistics.to_data() == {
        "rows": 2,
        "ratio_mean": pytest.approx((1.25 + 2.0) / 2),
        "ratio_min": pytest.approx(0.5),
        "ratio_max": pytest.approx(2.0),
        "clip_fraction": pytest.approx(0.25),
        "log_ratio_mean": pytest.approx(math.log(2.0) / 2),
    }


def test_the_two_bounds_are_separate() -> None:
    logps, old, mask, advantages = padded([([0.25], 1.0), ([-0.25], -1.0)])
    loss, statistics = gspo_loss(logps, old, mask, advantages, epsilon=0.125, epsilon_high=0.5)
    assert loss.item() == pytest.approx(-(math.exp(0.25) - 0.875) / 2)
    assert statistics.clipped == 1.0


@both
def test_at_equal_weights_the_loss_is_the_mean_advantage(loss_of: Objective) -> None:
    """And the gradient is that of REINFORCE with length-normalised rows: the ratio is 1, the clip idle."""
    loss, gradient, statistics = solved(loss_of, [([0.0, 0.0], 3.0), ([0.0], -1.0)])
    assert loss == -1.0
    assert [row.tolist() for row in gradient] == [[-0.75, -0.75], [0.5]]
    assert (statistics.clipped, statistics.ratio_min, statistics.ratio_max) == (0.0, 1.0, 1.0)


def test_sequence_log_ratio_is_the_mean_over_own_tokens() -> None:
    logps, old, mask, _ = padded([([0.5, 0.25], 0.0), ([-1.0], 0.0)], extra=3, filling=math.nan)
    assert sequence_log_ratio(logps, old, mask).tolist() == [0.375, -1.0]


def test_kl_to_base_by_hand() -> None:
    """Tokens with base / policy = 2 and 1: (2 - log 2 - 1 + 0) / 2; d KL / d logps = (1 - base / policy) / 2."""
    policy, base, mask, _ = padded([([-math.log(2.0), 0.0], 0.0), ([0.0], 0.0)], extra=1, filling=-math.inf)
    value = kl_to_base(policy, base, mask)
    assert value.tolist() == pytest.approx([(1 - math.log(2.0)) / 2, 0.0])
    value.sum().backward()
    assert policy.grad is not None
    assert policy.grad.tolist() == [pytest.approx([-0.5, 0.0, 0.0]), [0.0, 0.0, 0.0]]


# -- gradients -----------------------------------------------------------------------------------


def analytic(loss_of: Objective, logps: Tensor, old: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    """d loss / d logps_it = -A_i r_i / (n_i B) wherever the clip is idle, else 0; r_it for tokens."""
    lengths = mask.sum(-1, keepdim=True)
    ratio = ((logps - old) * mask).exp()
    if loss_of is gspo_loss:
        ratio = (((logps - old) * mask).sum(-1, keepdim=True) / lengths).exp().expand_as(mask)
    sign = advantages[:, None]
    idle = ~((ratio > 1.1) & (sign > 0)) & ~((ratio < 0.9) & (sign < 0))
    return -sign * ratio / lengths / len(logps) * idle * mask


@both
def test_the_gradient_is_the_analytic_one(loss_of: Objective) -> None:
    generator = torch.Generator().manual_seed(3)
    old = -torch.rand(16, 9, generator=generator, dtype=torch.float64)
    logps = old + 0.4 * torch.randn(16, 9, generator=generator, dtype=torch.float64)
    mask = torch.arange(9) < torch.randint(1, 10, (16, 1), generator=generator)
    advantages = torch.randn(16, generator=generator, dtype=torch.float64)
    expected = analytic(loss_of, logps, old, mask, advantages)
    loss, statistics = loss_of(logps.requires_grad_(), old, mask, advantages, **CLIP)
    loss.backward()
    assert logps.grad is not None
    torch.testing.assert_close(logps.grad, expected)
    assert 0 < statistics.clipped < 16
    assert expected.abs().sum() > 0.1


@both
def test_only_the_new_log_probabilities_get_a_gradient(loss_of: Objective) -> None:
    same = torch.full((2, 3), -1.0, requires_grad=True)
    advantages = torch.tensor([1.0, -2.0], requires_grad=True)
    loss, _ = loss_of(same, same, torch.ones(2, 3, dtype=torch.bool), advantages, **CLIP)
    loss.backward()
    assert same.grad is not None
    assert same.grad.sum(-1).tolist() == pytest.approx([-0.5, 1.0])
    assert advantages.grad is None


# -- length, padding, batches --------------------------------------------------------------------

eighths = st.integers(-8, 8).map(lambda number: number / 8)  # sums are exact, and no ratio lies on a bound
utterances = st.lists(
    st.tuples(st.lists(eighths, min_size=1, max_size=6), st.sampled_from([-1.5, -0.5, 0.0, 0.5, 1.5])),
    min_size=1,
    max_size=6,
)


def close(left: list[Tensor], right: list[Tensor]) -> None:
    for one, other in zip(left, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


@both
@given(rows=utterances, extra=st.integers(0, 5), filling=st.sampled_from([0.0, -7.0, -math.inf, math.nan]))
def test_padding_changes_nothing(loss_of: Objective, rows: Rows, extra: int, filling: float) -> None:
    loss, gradient, statistics = solved(loss_of, rows)
    again, gradient_again, statistics_again = solved(loss_of, rows, extra, filling)
    assert again == pytest.approx(loss, abs=1e-12)
    assert statistics_again.to_data() == pytest.approx(statistics.to_data())
    close(gradient_again, gradient)


@both
@given(rows=utterances, others=utterances)
def test_a_row_adds_the_same_whatever_its_company(loss_of: Objective, rows: Rows, others: Rows) -> None:
    alone, gradient, _ = solved(loss_of, rows, count=7)
    rest, _, _ = solved(loss_of, others, count=7)
    together, gradient_together, _ = solved(loss_of, others + rows, count=7)
    assert together == pytest.approx(alone + rest, abs=1e-12)
    close(gradient_together[len(others) :], gradient)


@both
@given(rows=utterances, times=st.integers(2, 4))
def test_a_row_weighs_the_same_however_long(loss_of: Objective, rows: Rows, times: int) -> None:
    """Rows whose tokens are all said several times: the same loss, and the same gradient in all."""
    loss, gradient, _ = solved(loss_of, rows)
    longer, gradient_longer, _ = solved(loss_of, [(tokens * times, advantage) for tokens, advantage in rows])
    assert longer == pytest.approx(loss, abs=1e-12)
    close([row.sum() for row in gradient_longer], [row.sum() for row in gradient])


@both
@given(rows=utterances, cut=st.integers(0, 6))
def test_micro_batches_add_up_to_the_whole(loss_of: Objective, rows: Rows, cut: int) -> None:
    loss, gradient, statistics = solved(loss_of, rows)
    parts = [solved(loss_of, part, count=len(rows)) for part in (rows[:cut], rows[cut:]) if part]
    assert sum(part[0] for part in parts) == pytest.approx(loss, abs=1e-12)
    close([row for part in parts for row in part[1]], gradient)
    merged = LossStatistics.empty()
    for part in parts:
        merged = merged.merged(part[2])
    assert merged.to_data() == pytest.approx(statistics.to_data())


@both
def test_a_process_without_rows_adds_nothing(loss_of: Objective) -> None:
    logps = torch.zeros(0, 4, requires_grad=True)
    loss, statistics = loss_of(logps, torch.zeros(0, 4), torch.zeros(0, 4), torch.zeros(0), rows=8, **CLIP)
    loss.backward()
    assert loss.item() == 0.0
    assert statistics == LossStatistics.empty()
    assert set(statistics.to_data().values()) == {0, None}


# -- what is refused -----------------------------------------------------------------------------

ZEROS, ONES = torch.zeros(2, 3), torch.ones(2, 3)


@both
@pytest.mark.parametrize(
    ("logps", "old_logps", "mask", "advantages", "message"),
    [
        (torch.zeros(3), ZEROS, ONES, torch.zeros(2), r"must be \(B, T\) and advantages \(B,\), got \(3,\) and \(2,\)"),
        (ZEROS, ZEROS, ONES, torch.zeros(3), r"advantages \(B,\), got \(2, 3\) and \(3,\)"),
        (ZEROS, ZEROS, ONES, torch.zeros(2, 1), r"advantages \(B,\), got \(2, 3\) and \(2, 1\)"),
        (ZEROS, torch.zeros(2, 4), ONES, torch.zeros(2), r"one shape \(B, T\), got .*'old_logps': \(2, 4\)"),
        (ZEROS, ZEROS, torch.ones(2, 1), torch.zeros(2), r"one shape \(B, T\), got .*'mask': \(2, 1\)"),
        (ZEROS.bfloat16(), ZEROS, ONES, torch.zeros(2), r"logps must be float32 or float64, got torch.bfloat16"),
        (ZEROS, ZEROS, torch.tensor([[1, 0, 0], [0, 0, 0]]), torch.zeros(2), "every row needs a token"),
    ],
)
def test_tensors_that_do_not_fit(
    loss_of: Objective, logps: Tensor, old_logps: Tensor, mask: Tensor, advantages: Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loss_of(logps, old_logps, mask, advantages, **CLIP)


@both
def test_settings_that_cannot_work(loss_of: Objective) -> None:
    with pytest.raises(ValueError, match=r"at least 0, got -0\.1 and 0\.1"):
        loss_of(ZEROS, ZEROS, ONES, torch.zeros(2), epsilon=-0.1, epsilon_high=0.1)
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        loss_of(ZEROS, ZEROS, ONES, torch.zeros(2), rows=0, **CLIP)
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        loss_of(ZEROS[:0], ZEROS[:0], ONES[:0], torch.zeros(0), **CLIP)


def test_the_package_leaves_the_module_in_sight() -> None:
    from tracer_env import trainers

    assert trainers.gspo.loss is module


# -- against TRL ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trl_trainer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """TRL's trainer around a tiny Llama of random weights, with a tokenizer of letters."""
    trl = pytest.importorskip("trl")
    datasets = pytest.importorskip("datasets")
    from transformers import AutoModelForCausalLM

    folder = tiny.save(tmp_path_factory.mktemp("model"))
    settings = {"loss_type": "grpo", "temperature": 1.0, "use_cpu": True, "bf16": False, "report_to": []}
    settings["use_bias_correction_kl"] = False  # TRL's default weighs the KL by the ratio; `kl_to_base` does not
    with torch.random.fork_rng(), warnings.catch_warnings():
        # TRL sets an option by the name that transformers 5 has deprecated; the option is none of ours.
        warnings.filterwarnings("ignore", message="`gradient_checkpointing", category=FutureWarning)
        trainer = trl.GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(Path(folder)),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=trl.GRPOConfig(output_dir=str(tmp_path_factory.mktemp("trl")), num_generations=2, **settings),
            train_dataset=datasets.Dataset.from_list([{"prompt": "1 + 1"}]),
            processing_class=tiny.tokenizer(),
        )
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    return trainer


def policy_logps(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return (B, T): log-probabilities of the completion, written out plainly."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    start = batch["prompt_ids"].shape[1] - 1
    logits = model(input_ids=ids, attention_mask=attention).logits[:, start:-1]
    chosen: Tensor = logits.log_softmax(-1).gather(-1, batch["completion_ids"][..., None]).squeeze(-1)
    return chosen


def made_batch(model: Any, noise: float) -> dict[str, Tensor]:
    """Return 8 rows of unlike lengths, with sampling log-probabilities a little beside the model's own."""
    generator = torch.Generator().manual_seed(11)
    batch = {
        "prompt_ids": torch.randint(3, 90, (8, 5), generator=generator),
        "prompt_mask": (torch.arange(5) >= torch.tensor([0, 1, 2, 0, 1, 3, 0, 4])[:, None]).long(),
        "completion_ids": torch.randint(3, 90, (8, 12), generator=generator),
        "completion_mask": (torch.arange(12) < torch.tensor([12, 1, 7, 3, 9, 2, 12, 5])[:, None]).long(),
        "num_items_in_batch": torch.tensor(51),
    }
    rewards = torch.tensor([1.0, -1, -1, 1, 1, -1, -1, -1])
    batch["advantages"] = group_advantages(rewards, torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])).values
    with torch.no_grad():
        own = policy_logps(model, batch)
    batch["old_per_token_logps"] = own + noise * torch.randn(own.shape, generator=generator)
    batch["ref_per_token_logps"] = own + 0.3 * torch.randn(own.shape, generator=generator)
    return batch


def gradient(model: Any, loss: Tensor) -> Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.0, 0.05])
@pytest.mark.parametrize(
    ("level", "loss_of", "clips", "noise"),
    [
        ("sequence", gspo_loss, CLIPS["gspo_paper"], 1e-3),
        ("sequence", gspo_loss, CLIPS["tracer_reference"], 0.3),
        ("token", grpo_loss, (0.2, 0.28), 0.4),
    ],
)
def test_equal_to_trl(
    trl_trainer: Any, level: str, loss_of: Objective, clips: tuple[float, float], noise: float, beta: float
) -> None:
    trainer, model = trl_trainer, trl_trainer.model
    trainer.importance_sampling_level, trainer.beta = level, beta
    trainer.epsilon_low, trainer.epsilon_high = clips
    batch = made_batch(model, noise)
    theirs = trainer._compute_loss(model, batch)
    expected = gradient(model, theirs)

    logps, mask = policy_logps(model, batch), batch["completion_mask"]
    ours, statistics = loss_of(
        logps, batch["old_per_token_logps"], mask, batch["advantages"], epsilon=clips[0], epsilon_high=clips[1]
    )
    if beta:
        ours = ours + beta * kl_to_base(logps, batch["ref_per_token_logps"], mask).mean()
    found = gradient(model, ours)
    assert abs(ours.item() - theirs.item()) < 1e-5
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert expected.norm() > 0.1
    assert 0 < statistics.clipped < 8, "some rows must be clipped and some must not"
