from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.errors import ConfigError, TrainingError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import Rules, initial
from tracer_env.trainers.gspo.batch import Sample
from tracer_env.trainers.gspo.config import GSPOConfig
from tracer_env.trainers.gspo.finetune import Full, LastN, LoRA, Policies
from tracer_env.trainers.gspo.loss import grpo_loss
from tracer_env.trainers.gspo.update import GSPOUpdate
from tracer_env.types import Task

TASKS = [Task(f"sum-{number}", f"What is {number} plus 7?", str(number + 7), scenario="sums") for number in range(4)]
BASE = GSPOConfig(steps_per_generation=1, learning_rate=1e-2, temperature=0.9, max_completion_length=8)


class Bench:
    """A speaker, its policies, an update, and samples that the first policy has really drawn."""

    def __init__(self, path: str, config: GSPOConfig = BASE, names: tuple[str, ...] = ("proposer",), **more: Any):
        finetune = more.pop("finetune", LoRA(r=2))
        self.speaker = HuggingFaceSpeaker(
            path, dtype=more.pop("dtype", "float32"), device="cpu", temperature=0.9, max_new_tokens=8, examples=0
        )
        self.model = self.speaker.loaded.model
        self.policies: Policies = finetune.prepare(self.speaker, names, seed=0)
        self.update = GSPOUpdate(self.model, self.policies, config, **more)

    def samples(self, rewards: Callable[[int], float] = lambda number: float(number % 4 == 0)) -> list[Sample]:
        requests = []
        for number, task in enumerate(TASKS):
            state = initial(task, Rules())
            requests.append(Request(state, state.seat, stream(number, task.id, 0), 4))
        said = self.speaker.speak(requests)
        return [
            Sample(one.prompt_ids, one.token_ids, one.logprobs, rewards(number), number // 4, number // 4)
            for number, one in enumerate(said)
        ]

    def learn(self, samples: list[Sample], name: str = "proposer") -> Any:
        return self.update.update(name, samples)

    def weights(self, name: str = "proposer") -> list[torch.Tensor]:
        return [tensor.clone() for tensor in self.policies.tensors(name).values()]


def shift(left: list[torch.Tensor], right: list[torch.Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(left, right, strict=True))


def plain_logps(model: Any, sample: Sample, temperature: float) -> torch.Tensor:
    ids = torch.tensor([sample.prompt_ids + sample.token_ids])
    logps = (model(input_ids=ids, use_cache=False).logits[0] / temperature).log_softmax(-1)
    start = len(sample.prompt_ids)
    return logps[torch.arange(start - 1, ids.shape[1] - 1), torch.tensor(sample.token_ids)]


def by_hand(bench: Bench, samples: list[Sample], config: GSPOConfig, minibatches: int = 1) -> list[float]:
    """The same steps as a plain loop: one sequence at a time, formulas as in the paper. Returns the losses."""
    parameters = list(bench.policies.parameters("proposer").values())
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    bench.policies.activate("proposer")
    losses = []
    for part in range(minibatches):
        mine = [one for one in samples if one.place % minibatches == part]
        terms = []
        for one in mine:
            group = [other.reward for other in samples if other.group == one.group]
            mean = sum(group) / len(group)
            deviation = math.sqrt(sum((reward - mean) ** 2 for reward in group) / (len(group) - 1))
            if deviation == 0:
                continue
            advantage = (one.reward - mean) / (deviation + 1e-4)
            logps = plain_logps(bench.model, one, config.temperature)
            ratio = (logps - torch.tensor(one.logprobs)).mean().exp()
            low, high = config.clip
            gain = torch.minimum(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)
            if config.beta:
                with bench.policies.base(), torch.no_grad():
                    base = plain_logps(bench.model, one, config.temperature)
                gain = gain - config.beta * ((base - logps).exp() - (base - logps) - 1).mean()
            terms.append(-gain)
        loss = torch.stack(terms).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
        optimiser.step()
        losses.append(loss.item())
    return losses


# -- the step is the one of the formulas -----------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "minibatches"),
    [({}, 1), ({"steps_per_generation": 2}, 2), ({"beta": 0.3, "steps_per_generation": 2, "epsilon": 0.05}, 2)],
)
def test_steps_equal_a_loop_by_hand(llama: str, settings: dict[str, Any], minibatches: int) -> None:
    config = replace(BASE, adam_epsilon=1e-8, **settings)
    ours, theirs = Bench(llama, config), Bench(llama, config)
    samples = ours.samples(lambda number: float(number in (0, 5, 6, 9)))
    before = ours.weights()
    found = ours.learn(samples)
    losses = by_hand(theirs, samples, config, minibatches)
    assert found["loss"] == pytest.approx(sum(losses) / len(losses), abs=1e-5)
    assert shift(before, ours.weights()) > 5e-3
    # AdamW's first step is about the sign of the gradient, so the nearly zero ones may differ by a share of it.
    assert shift(ours.weights(), theirs.weights()) < 2e-4
    assert (found["groups"], found["dropped_groups"], found["rows"]) == (4, 1, 12)


def test_the_gradient_equals_that_of_the_loop(llama: str) -> None:
    """Plain gradients, before AdamW takes their size away."""
    ours, theirs = Bench(llama), Bench(llama)
    samples = ours.samples()
    ours.learn(samples)
    by_hand(theirs, samples, BASE)
    pairs = zip(*(list(bench.policies.parameters("proposer").values()) for bench in (ours, theirs)), strict=True)
    found = [(a.grad, b.grad) for a, b in pairs]
    assert all(a is not None and b is not None and float((a - b).abs().max()) < 1e-5 for a, b in found)
    assert max(float(a.abs().max()) for a, _ in found if a is not None) > 1e-2


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("budget", [1, 100, 280, 100_000])
def test_micro_batches_change_nothing(llama: str, budget: int, shared: bool) -> None:
    one, other = Bench(llama), Bench(llama, replace(BASE, max_batch_tokens=budget), shared_prompts=shared)
    samples = one.samples()
    batches = other.update.logprobs.plan(samples, range(16))
    assert len(batches) in {1: (16,), 100: (8, 16), 280: range(2, 16), 100_000: (1,)}[budget]
    left, right = one.learn(samples), other.learn(samples)
    assert left["loss"] == pytest.approx(right["loss"], abs=1e-6)
    assert left["grad_norm"] == pytest.approx(right["grad_norm"], rel=1e-5)
    assert left["entropy"] == pytest.approx(right["entropy"], abs=1e-5)
    for a, b in zip(
        one.policies.parameters("proposer").values(), other.policies.parameters("proposer").values(), strict=True
    ):
        assert float((a.grad - b.grad).abs().max()) < 1e-6  # type: ignore[operator]
    assert shift(one.weights(), other.weights()) < 2e-4


def test_gradient_checkpointing_changes_nothing(llama: str) -> None:
    plain = Bench(llama, replace(BASE, beta=0.1))
    saving = Bench(llama, replace(BASE, beta=0.1, gradient_checkpointing=True))
    samples = plain.samples()
    calls: list[int] = []
    hook = saving.model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: calls.append(1))
    found = saving.learn(samples)
    hook.remove()
    wanted = plain.learn(samples)
    batches = len(saving.update.logprobs.plan(samples, range(16)))
    assert len(calls) == 3 * batches  # forward, base, and forward again in the backward pass
    assert found["loss"] == pytest.approx(wanted["loss"], abs=1e-7)
    assert shift(plain.weights(), saving.weights()) < 1e-6
    assert not any(getattr(module, "gradient_checkpointing", False) for module in saving.model.modules())
    assert not saving.model.get_input_embeddings()._forward_hooks
    assert not saving.model.training


# -- ratios ----------------------------------------------------------------------------------------


def test_the_first_ratio_is_one_and_later_ones_move(llama: str) -> None:
    first, bench = Bench(llama), Bench(llama)
    samples = bench.samples()
    found = first.learn(samples)
    assert found["ratio_min"] == pytest.approx(1, abs=1e-5)
    assert found["ratio_max"] == pytest.approx(1, abs=1e-5)
    split = Bench(llama, replace(BASE, steps_per_generation=2)).learn(samples)
    again = Bench(llama, replace(BASE, num_iterations=2)).learn(samples)
    for moved in (split, again):
        assert moved["ratio_max"] - moved["ratio_min"] > 1e-3
        assert moved["clip_fraction"] > 0
    assert (found["rows"], split["rows"], again["rows"]) == (16, 16, 32)


def test_what_was_sampled_is_what_training_computes(llama: str) -> None:
    """Sampling and training agree on every log-probability, before anything has been learned."""
    bench = Bench(llama, replace(BASE, old_logps="recomputed"))
    found = bench.learn(bench.samples())
    assert bench.update.recomputes
    assert found["old_logps_drift"] < 1e-5
    assert Bench(llama).learn(bench.samples())["old_logps_drift"] is None


def test_a_token_objective_is_another_object(llama: str) -> None:
    one, other = (
        Bench(llama, replace(BASE, num_iterations=2)),
        Bench(llama, replace(BASE, num_iterations=2), objective=grpo_loss),
    )
    samples = one.samples()
    found, told = one.learn(samples), other.learn(samples)
    assert told["ratio_max"] > found["ratio_max"]
    assert shift(one.weights(), other.weights()) > 1e-4


# -- exact ids ---------------------------------------------------------------------------------------


def test_exact_ids_are_learned_and_nothing_is_tokenised(llama: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that the tokenizer would never give (padding and marks inside the text) are learned as they are."""
    bench, twin = Bench(llama), Bench(llama)
    words = bench.speaker.loaded.tokenizer
    tokens = ((5, 0, 9, 2), (0, 0, 7, 2), (1, 44, 0, 2), (8, 0, 2))
    assert all(tuple(words(words.decode(ids, skip_special_tokens=True))["input_ids"]) != ids for ids in tokens)
    prompt = (4, 0, 17, 1, 30)
    samples = [Sample(prompt, ids, (-4.0,) * len(ids), float(n == 0), 0) for n, ids in enumerate(tokens)]
    seen: list[torch.Tensor] = []

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the tokenizer was called during an update")

    for name in ("__call__", "encode", "decode", "batch_decode", "_encode_plus", "apply_chat_template", "pad"):
        monkeypatch.setattr(type(words), name, refuse)
    config = replace(BASE, epsilon=10.0, epsilon_high=10.0)
    bench.update.config = config
    hook = bench.model.model.embed_tokens.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    bench.learn(samples)
    hook.remove()
    [ids] = seen
    wanted = prompt + tokens[1][:-1] + tokens[2][:-1] + tokens[0][:-1] + tokens[3][:-1]
    assert ids.tolist() == [list(wanted)]
    by_hand(twin, samples, config)
    assert shift(bench.weights(), twin.weights()) < 2e-4


def test_the_end_token_is_trained(llama: str) -> None:
    """The end token's log-probability is part of the row, has a gradient, and grows when the end was right."""
    bench = Bench(llama, replace(BASE, epsilon=10.0, epsilon_high=10.0))
    end, prompt = bench.speaker.loaded.tokenizer.eos_token_id, (4, 6, 17)
    samples = [
        Sample(prompt, ids, (-4.0,) * 2, float(number == 0), 0) for number, ids in enumerate([(9, end), (9, 12)])
    ]
    bench.policies.activate("proposer")
    [batch] = bench.update.logprobs.plan(samples, (0, 1))
    portion = bench.update.logprobs(samples, batch)
    assert portion.mask.tolist() == [[1.0, 1.0]] * 2
    slopes = torch.autograd.grad(portion.logps[0, 1], list(bench.policies.parameters("proposer").values()))
    assert any(slope.any() for slope in slopes)
    before = portion.logps[0, 1].item()
    for _ in range(3):
        bench.learn(samples)
    assert bench.update.logprobs(samples, batch).logps[0, 1].item() > before + 0.01


# -- groups without signal, steps that are not finite ----------------------------------------------


def test_groups_without_signal_take_no_step(llama: str) -> None:
    bench = Bench(llama, replace(BASE, steps_per_generation=2))
    before = bench.weights()
    found = bench.learn(bench.samples(lambda number: 1.0))
    assert (found["groups"], found["dropped_groups"], found["empty_steps"], found["rows"]) == (4, 4, 2, 0)
    assert (found["loss"], found["grad_norm"], found["entropy"]) == (None, None, None)
    assert shift(before, bench.weights()) == 0
    nothing = bench.learn([])
    assert (nothing["groups"], nothing["empty_steps"], nothing["loss"]) == (0, 2, None)


def test_a_step_that_is_not_finite_is_skipped_and_counted(llama: str) -> None:
    """One gradient becomes NaN in the first update only: nothing moves, then training goes on."""
    bench = Bench(llama)
    samples, before = bench.samples(), bench.weights()
    parameter = next(iter(bench.policies.parameters("proposer").values()))
    hook = parameter.register_hook(lambda grad: grad * math.nan)
    found = bench.learn(samples)
    hook.remove()
    assert (found["skipped_steps"], found["loss"]) == (1, None)
    assert shift(before, bench.weights()) == 0
    assert not bench.update.optimisers["proposer"].state
    found = bench.learn(samples)
    assert found["skipped_steps"] == 0
    assert found["loss"] is not None
    assert bench.update.nonfinite == {"proposer": 0}
    assert all(tensor.isfinite().all() for tensor in bench.weights())


def test_training_ends_when_nothing_is_finite_any_more(llama: str) -> None:
    bench = Bench(llama, replace(BASE, max_nonfinite=3))
    samples = bench.samples()
    with torch.no_grad():
        next(iter(bench.policies.parameters("proposer").values())).fill_(math.nan)
    for skipped in (1, 2):
        assert bench.learn(samples)["skipped_steps"] == 1
        assert bench.update.nonfinite["proposer"] == skipped
    with pytest.raises(
        TrainingError, match=r"the last 3 optimiser steps of 'proposer' had a loss.*learning_rate"
    ) as told:
        bench.learn(samples)
    assert "\n" not in str(told.value)
    assert not bench.model.training


# -- the base, two policies, other weights ----------------------------------------------------------


def test_the_divergence_is_from_the_model_without_adapter(llama: str) -> None:
    """Nought before the first step; afterwards what the formula gives for two forward passes."""
    bench = Bench(llama, replace(BASE, beta=0.5))
    samples = bench.samples()
    assert bench.learn(samples)["kl"] == pytest.approx(0, abs=1e-9)
    bench.policies.activate("proposer")
    with torch.no_grad():
        now = [plain_logps(bench.model, sample, 0.9) for sample in samples]
        with bench.policies.base():
            base = [plain_logps(bench.model, sample, 0.9) for sample in samples]
    wanted = sum(((b - a).exp() - (b - a) - 1).mean().item() for a, b in zip(now, base, strict=True)) / 16
    assert wanted > 1e-5
    assert bench.learn(samples)["kl"] == pytest.approx(wanted, rel=1e-3)
    assert Bench(llama).learn(samples)["kl"] is None


def test_a_divergence_needs_a_base(llama: str) -> None:
    with pytest.raises(ConfigError, match="beta needs the model as it was"):
        Bench(llama, replace(BASE, beta=0.5), finetune=Full())


def test_two_policies_learn_in_turn_and_leave_each_other_alone(llama: str) -> None:
    both, alone = Bench(llama, names=("proposer", "reviewer")), Bench(llama, names=("reviewer",))
    samples = both.samples()
    start = both.weights("reviewer")
    both.learn(samples)
    assert shift(start, both.weights("reviewer")) == 0
    proposer = both.weights("proposer")
    found, wanted = both.learn(samples, "reviewer"), alone.learn(samples, "reviewer")
    assert shift(proposer, both.weights("proposer")) == 0
    assert shift(both.weights("reviewer"), alone.weights("reviewer")) == 0
    assert found == wanted
    assert both.update.steps == {"proposer": 1, "reviewer": 1}


def test_the_whole_model_learns_too(llama: str) -> None:
    bench = Bench(llama, replace(BASE, learning_rate=1e-3), finetune=Full())
    samples = bench.samples()
    before = bench.weights()
    found = bench.learn(samples)
    assert found["grad_norm"] > 0
    assert min(float((a - b).abs().max()) for a, b in zip(before, bench.weights(), strict=True)) > 0


def test_learning_raises_what_was_rewarded(llama: str) -> None:
    """The same samples again and again: the rewarded ones become likelier, the others do not."""
    bench = Bench(llama, replace(BASE, num_iterations=10, epsilon=0.5, epsilon_high=0.5))
    samples = bench.samples()
    before = [sum(sample.logprobs) / len(sample.logprobs) for sample in samples]
    bench.learn(samples)
    bench.policies.activate("proposer")
    with torch.no_grad():
        after = [plain_logps(bench.model, sample, 0.9).mean().item() for sample in samples]
    gains = [b - a for a, b in zip(before, after, strict=True)]
    assert sum(gains[0::4]) / 4 > 0.05
    assert sum(gains[0::4]) / 4 > sum(sum(gains[i::4]) for i in (1, 2, 3)) / 12 + 0.1


@pytest.mark.parametrize("settings", [{"bf16": True}, {}])
def test_bfloat16_runs_and_recomputes(llama: str, settings: dict[str, Any]) -> None:
    """Autocast on float32 weights, and a model loaded in bfloat16: ratios start at exactly one all the same."""
    bench = Bench(llama, replace(BASE, **settings), dtype="float32" if settings else "bfloat16")
    before = bench.weights()
    found = bench.learn(bench.samples())
    assert bench.update.recomputes
    assert found["ratio_max"] == found["ratio_min"] == 1.0
    assert 0 < found["old_logps_drift"] < 0.2
    assert found["skipped_steps"] == 0
    assert shift(before, bench.weights()) > 1e-3
    assert {tensor.dtype for tensor in bench.weights()} == {torch.float32}


@pytest.mark.parametrize("finetune", [Full(), LastN(1)])
def test_weights_that_would_lose_the_steps_are_refused(llama: str, finetune: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"the weights of 'proposer' .* torch.bfloat16, .* give speaker.dtype float32"
    ):
        Bench(llama, finetune=finetune, dtype="bfloat16")
    assert Bench(llama, replace(BASE, bf16=True), finetune=finetune).update.recomputes


# -- order ---------------------------------------------------------------------------------------------


def test_an_update_is_a_function_of_its_inputs(gpt2: str) -> None:
    """A model with dropout of its own drops nothing here, and the global generator stays where it was."""
    config = replace(BASE, num_iterations=2)
    one, two = Bench(gpt2, config), Bench(gpt2, config)
    assert one.model.config.resid_pdrop == 0.1
    samples = one.samples()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one.learn(samples)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    two.learn(samples)
    assert shift(one.weights(), two.weights()) == 0


@pytest.mark.parametrize("old", ["recomputed", "sampled"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("finetune", [LoRA(r=2), Full(), LastN(1)])
def test_the_first_ratios_are_one(finetune: Any, checkpointing: bool, old: str, gpt2: str) -> None:
    """What is updated is the policy that sampled, dropout of the model or not: exactly, where it is computed alike."""
    config = replace(BASE, old_logps=old, gradient_checkpointing=checkpointing)
    bench = Bench(gpt2, config, finetune=finetune)
    dropping = [layer for layer in bench.model.modules() if getattr(layer, "p", 0) == 0.1]
    assert dropping
    found = bench.learn(bench.samples())
    ratios = found["ratio_min"], found["ratio_max"]
    assert ratios == ((1, 1) if old == "recomputed" else pytest.approx((1, 1), abs=1e-4))
    assert found["clip_fraction"] == 0
    assert not bench.model.training
    assert [layer.p for layer in dropping] == [0.1] * len(dropping)


def test_warm_up_scales_the_steps(llama: str) -> None:
    """One step of warm-up of a rate halves it; AdamW's first step is the rate in size."""
    bench = Bench(llama, replace(BASE, warmup_steps=1))
    before, samples = bench.weights(), bench.samples()
    found = bench.learn(samples)
    assert found["learning_rate"] == pytest.approx(0.005)
    assert shift(before, bench.weights()) == pytest.approx(0.005, rel=1e-3)
    assert bench.learn(samples)["learning_rate"] == pytest.approx(0.01)
