from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM, Gemma2Config, Gemma2ForCausalLM, MistralConfig, MistralForCausalLM

from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.errors import ConfigError
from tracer_env.trainers.gspo import logprobs as module
from tracer_env.trainers.gspo.batch import Row, Sample
from tracer_env.trainers.gspo.logprobs import LogProbs, evaluating

SHAPE: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def drawn(vocabulary: int, sizes: Sequence[tuple[int, int, int]], seed: int = 0) -> list[Sample]:
    """Samples of (prompt number, prompt length, tokens), random ids. Equal numbers are one prompt."""
    generator = torch.Generator().manual_seed(seed)

    def ids(count: int, source: torch.Generator) -> tuple[int, ...]:
        return tuple(torch.randint(vocabulary, (count,), generator=source).tolist())

    return [
        Sample(ids(head, torch.Generator().manual_seed(number)), ids(tokens, generator), (0.0,) * tokens, 0.0, number)
        for number, head, tokens in sizes
    ]


SIZES = ((1, 12, 3), (1, 12, 7), (1, 12, 1), (2, 5, 4), (2, 5, 9), (3, 30, 2))


def in_memory(kind: Any, config: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return kind(config).eval()


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny.save(tmp_path_factory.mktemp("llama"))).eval()


@pytest.fixture(scope="module")
def nano() -> Any:
    return Nano().loaded.model


def reference(model: Any, sample: Sample, temperature: float = 1.0) -> torch.Tensor:
    """The log-softmax of one plain sequence."""
    ids = torch.tensor([sample.prompt_ids + sample.token_ids])
    logps = (model(input_ids=ids).logits[0] / temperature).log_softmax(-1)
    start = len(sample.prompt_ids)
    return torch.stack([logps[start - 1 + at, token] for at, token in enumerate(sample.token_ids)])


def computed(of: LogProbs, samples: Sequence[Sample], indices: Sequence[int] | None = None) -> dict[int, torch.Tensor]:
    wanted = range(len(samples)) if indices is None else indices
    found = {}
    for batch in of.plan(samples, wanted):
        portion = of(samples, batch)
        for index, row, mask in zip(portion.samples, portion.logps, portion.mask, strict=True):
            size = len(samples[index].token_ids)
            assert mask.tolist() == [1.0] * size + [0.0] * (len(mask) - size)
            assert not row[size:].any()
            found[index] = row[:size]
    return found


def weighted(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """A sum in which every token has a weight of its own."""
    flat = torch.cat(list(parts))
    return (flat * torch.linspace(0.5, 2.0, len(flat))).sum()


def gradients(model: Any, total: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    total.backward()
    return [p.grad.clone() for p in model.parameters()]


def near(left: Sequence[torch.Tensor], right: Sequence[torch.Tensor], tolerance: float = 1e-5) -> bool:
    scale = max(1.0, *(float(tensor.detach().abs().max()) for tensor in right))
    return all(float((a - b).detach().abs().max()) <= tolerance * scale for a, b in zip(left, right, strict=True))


# -- the values are the model's ------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_packed_plain_and_the_models_own_are_one(nano: Any, temperature: float) -> None:
    samples = drawn(nano.config.vocab_size, SIZES)
    own = [reference(nano, sample, temperature) for sample in samples]
    slopes = gradients(nano, weighted(own))
    for shared in (True, False):
        of = LogProbs(nano, temperature, shared=shared)
        assert any(len(row.samples) > 1 for batch in of.plan(samples, range(6)) for row in batch) == shared
        found = computed(of, samples)
        values = [found[index] for index in range(6)]
        assert near(values, own)
        assert near(gradients(nano, weighted(values)), slopes)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_other_models_too(kind: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny.save(tmp_path, kind=kind)).eval()
    samples = drawn(99, SIZES)
    of = LogProbs(model)
    assert of.shared
    found = computed(of, samples)
    assert near([found[index] for index in range(6)], [reference(model, sample) for sample in samples])


def test_two_uniform_tokens_by_hand() -> None:
    """A head of zeros over 40 tokens: every log-probability is -ln 40, every entropy ln 40."""
    model = in_memory(MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=None))
    with torch.no_grad():
        model.lm_head.weight.zero_()
    samples = drawn(40, SIZES[:2])
    of = LogProbs(model)
    portion = of(samples, of.plan(samples, (0, 1))[0])
    sums = dict(zip(portion.samples, portion.logps.sum(dim=1).tolist(), strict=True))
    assert sums == pytest.approx({0: -3 * math.log(40), 1: -7 * math.log(40)})
    assert portion.entropy.tolist() == pytest.approx([math.log(40)] * 2)


def test_entropy_is_that_of_the_distributions(llama: Any) -> None:
    samples = drawn(99, SIZES)
    of = LogProbs(llama, 0.8)
    found = {}
    for batch in of.plan(samples, range(6)):
        portion = of(samples, batch)
        assert not portion.entropy.requires_grad
        found |= dict(zip(portion.samples, portion.entropy.tolist(), strict=True))
    for index, sample in enumerate(samples):
        logits = llama(input_ids=torch.tensor([sample.prompt_ids + sample.token_ids])).logits[0] / 0.8
        shares = logits[len(sample.prompt_ids) - 1 : -1].softmax(-1)
        by_hand = -(shares * shares.log()).sum(-1).mean().item()
        assert found[index] == pytest.approx(by_hand, abs=1e-5)


# -- what changes nothing ------------------------------------------------------------------------


def test_batch_and_padding_change_nothing(llama: Any) -> None:
    samples = drawn(99, (*SIZES, (4, 90, 40)))
    of = LogProbs(llama)
    alone = [computed(of, samples, [index])[index] for index in range(6)]
    for budget in (1, 50, 10_000):
        of.max_tokens = budget
        together = computed(of, samples)
        assert near([together[index] for index in range(6)], alone, 1e-6)
    reverse = computed(of, samples, [6, 5, 4, 3, 2, 1, 0])
    assert near([reverse[index] for index in range(6)], alone, 1e-6)


def test_other_completions_of_a_row_are_not_seen(llama: Any) -> None:
    """Change one completion of a packed row: the others keep their values, and their gradients never reach it."""
    prompt, tokens = (7, 8, 9, 10), ((11, 12), (13, 14), (15, 16))
    changed = ((11, 12), (59, 3), (15, 16))
    of, row = LogProbs(llama), [Row((0, 1, 2), 7)]
    before, after = (
        of([Sample(prompt, ids, (0.0, 0.0), 0.0, 0) for ids in made], row).logps for made in (tokens, changed)
    )
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_chunks_change_nothing(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = drawn(99, SIZES)
    whole = computed(LogProbs(llama), samples)
    slopes = gradients(llama, weighted([whole[index] for index in range(6)]))
    for positions in (1, 3, 26, 27):
        monkeypatch.setattr(module, "_CELLS", positions * 99)
        found = computed(LogProbs(llama), samples)
        assert near([found[index] for index in range(6)], [whole[index] for index in range(6)], 1e-6)
        assert near(gradients(llama, weighted([found[index] for index in range(6)])), slopes, 1e-5)


class Largest(TorchDispatchMode):
    """Watches every tensor that is made; remembers the most rows over the vocabulary."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary, self.rows = vocabulary, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, list | tuple) else [made]:
            if isinstance(tensor, torch.Tensor) and tensor.shape[-1:] == (self.vocabulary,):
                self.rows = max(self.rows, tensor.numel() // self.vocabulary)
        return made


def test_the_vocabulary_times_the_length_never_exists(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """75 tokens to learn of 225: no tensor over the vocabulary has more than the 40 positions of a chunk."""
    samples = drawn(99, [(number, 50, 25) for number in (1, 2, 3)])
    monkeypatch.setattr(module, "_CELLS", 40 * 99)
    of = LogProbs(llama)
    llama.lm_head.requires_grad_(False)
    try:
        with Largest(99) as seen:
            portion = of(samples, of.plan(samples, range(3))[0])
            portion.logps.sum().backward()
            assert seen.rows == 40
            llama(input_ids=torch.tensor([samples[0].prompt_ids]))
            assert seen.rows == 50
    finally:
        llama.requires_grad_(True)
        llama.zero_grad()


def test_nothing_but_what_is_needed_waits_for_the_backward_pass(llama: Any) -> None:
    """No saved tensor holds logits: they are computed again."""
    samples, saved = drawn(99, SIZES), []
    of = LogProbs(llama)

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        of(samples, of.plan(samples, range(6))[0])
    assert saved
    assert not [shape for shape in saved if shape[-1] == 99 and len(shape) > 1]


# -- models that cannot ----------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [0.3, 0.002])
def test_soft_capped_logits_are_refused(spread: float) -> None:
    """Also where the logits are still so small that nobody would see it."""
    config = Gemma2Config(**SHAPE | {"initializer_range": spread}, final_logit_softcapping=30.0)
    model = in_memory(Gemma2ForCausalLM, config)
    with pytest.raises(ConfigError, match=r"Gemma2ForCausalLM changes its logits.*train another model"):
        LogProbs(model)


def test_a_change_of_logits_that_no_setting_tells_is_found() -> None:
    model = in_memory(MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=None))
    plain = model.forward

    def bent(**inputs: Any) -> Any:
        return SimpleNamespace(logits=2.0 * plain(**inputs).logits)

    LogProbs(model)
    model.forward = bent
    with pytest.raises(ConfigError, match="changes its logits"):
        LogProbs(model)


def test_a_sliding_window_forbids_sharing_a_prompt() -> None:
    """A window of four tokens: rows stand alone, and the values are those of the model."""
    model = in_memory(MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=4))
    samples = drawn(40, SIZES)
    of = LogProbs(model)
    assert not of.shared
    assert all(len(row.samples) == 1 for batch in of.plan(samples, range(6)) for row in batch)
    found = computed(of, samples)
    own = [reference(model, sample) for sample in samples]
    assert near([found[index] for index in range(6)], own)
    assert LogProbs(in_memory(MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=None))).shared


def test_an_attention_that_mixes_completions_is_found_by_trying(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the mask does not arrive, a shared prompt is given up; plain rows need none."""
    decoder = llama.model.forward
    monkeypatch.setattr(
        llama.model, "forward", lambda **inputs: decoder(**{**inputs, "attention_mask": None}), raising=True
    )
    assert not LogProbs(llama).shared


# -- the rest ------------------------------------------------------------------------------------


def test_making_it_leaves_the_model_as_it_was(llama: Any) -> None:
    llama.train()
    try:
        LogProbs(llama)
        assert llama.training
        with evaluating(llama):
            assert not llama.training
        assert llama.training
    finally:
        llama.eval()
    assert all(p.grad is None or not p.grad.any() for p in llama.parameters())


def test_bfloat16_is_near_and_its_sums_are_float32(llama: Any) -> None:
    samples = drawn(99, SIZES)
    own = computed(LogProbs(llama), samples)
    of = LogProbs(llama, bf16=True)
    found = computed(of, samples)
    assert of.shared
    assert all(row.dtype == torch.float32 for row in found.values())
    assert near([found[index] for index in range(6)], [own[index] for index in range(6)], 0.05)
    assert not near([found[index] for index in range(6)], [own[index] for index in range(6)], 1e-5)
    assert all(slope.isfinite().all() for slope in gradients(llama, weighted(list(found.values()))))
    llama.zero_grad(set_to_none=True)
