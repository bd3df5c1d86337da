from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from moves import TASK, play

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.errors import ConfigError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.trainers.gspo.finetune import Full, LastN, LoRA, finetune_named
from tracer_env.types import Role, Seat

IDS = torch.tensor([[5, 20, 30, 40, 50, 60]])
LLAMA_LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def speaker(path: str, **settings: Any) -> HuggingFaceSpeaker:
    fixed = {"dtype": "float32", "device": "cpu", "temperature": 1.0, "max_new_tokens": 8, "examples": 0}
    return HuggingFaceSpeaker(path, **{**fixed, **settings})


def spoken(voice: HuggingFaceSpeaker) -> tuple[tuple[int, ...], tuple[float, ...]]:
    state = play("")
    said = voice.speak([Request(state, state.seat, stream(3, TASK.id, 0), 1)])[0]
    return said.token_ids, said.logprobs


def test_an_adapter_begins_as_the_base(llama: str) -> None:
    voice = speaker(llama)
    before, text = voice.loaded.model(IDS).logits, spoken(voice)
    policies = LoRA(r=2).prepare(voice, ["proposer", "reviewer"], seed=0)
    for name in policies.names:
        policies.activate(name)
        assert torch.equal(voice.loaded.model(IDS).logits, before)
    assert spoken(voice) == text


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_start_hangs_on_seed_and_name_alone(llama: str, dtype: str) -> None:
    state = torch.get_rng_state()
    one = LoRA(r=2).prepare(speaker(llama, dtype=dtype), ["proposer", "reviewer"], seed=5)
    two = LoRA(r=2).prepare(speaker(llama, dtype=dtype), ["reviewer"], seed=5)
    three = LoRA(r=2).prepare(speaker(llama, dtype=dtype), ["reviewer"], seed=6)
    assert torch.equal(torch.get_rng_state(), state)
    left, right, other = one.tensors("reviewer"), two.tensors("reviewer"), three.tensors("reviewer")
    assert list(left) == list(right)
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert {tensor.dtype for tensor in left.values()} == {torch.float32}
    starts = [name for name in left if ".lora_A." in name]
    assert len(starts) == 14
    assert not any(torch.equal(left[name], other[name]) for name in starts)
    assert not any(torch.equal(left[name], one.tensors("proposer")[name]) for name in starts)
    assert len({left[name].sum().item() for name in starts}) == 14
    assert all(left[name].abs().max() <= left[name].shape[1] ** -0.5 for name in starts)
    assert not any(left[name].any() for name in left if name not in starts)


def test_parameters_have_plain_names_and_one_order(llama: str) -> None:
    first = LoRA(r=2, targets=("q_proj", "v_proj")).prepare(speaker(llama), ["proposer"], seed=0)
    second = LoRA(r=2, targets=("q_proj", "v_proj")).prepare(speaker(llama), ["proposer"], seed=0)
    names = [
        f"model.layers.{layer}.self_attn.{module}.lora_{matrix}.weight"
        for layer in (0, 1)
        for module in ("q_proj", "v_proj")
        for matrix in "AB"
    ]
    assert list(first.parameters("proposer")) == list(second.parameters("proposer")) == names
    shapes = [tuple(parameter.shape) for parameter in first.parameters("proposer").values()]
    assert shapes == [(2, 32), (32, 2), (2, 32), (16, 2)] * 2
    assert first.parameters("proposer")[names[0]] is not second.parameters("proposer")[names[0]]


def test_only_the_active_policy_learns(llama: str) -> None:
    voice = speaker(llama)
    policies = LoRA(r=2).prepare(voice, ["proposer", "reviewer"], seed=0)
    policies.activate("reviewer")
    wanted = {id(parameter) for parameter in policies.parameters("reviewer").values()}
    assert {id(p) for p in voice.loaded.model.parameters() if p.requires_grad} == wanted
    voice.loaded.model(IDS).logits.logsumexp(-1).sum().backward()
    assert {id(p) for p in voice.loaded.model.parameters() if p.grad is not None} == wanted
    assert all(p.grad.any() for name, p in policies.parameters("reviewer").items() if ".lora_B." in name)  # type: ignore[union-attr]


def test_a_backward_pass_survives_a_look_at_the_base(llama: str) -> None:
    """KL to the base: the policy's graph is built, the base computed, then gradients flow."""
    voice = speaker(llama)
    policies = LoRA(r=2).prepare(voice, ["proposer"], seed=0)
    policies.activate("proposer")

    def gradients(look: bool) -> list[torch.Tensor]:
        voice.loaded.model.zero_grad()
        loss = voice.loaded.model(IDS).logits.logsumexp(-1).sum()
        if look:
            with policies.base(), torch.no_grad():
                voice.loaded.model(IDS)
        loss.backward()
        return [p.grad.clone() for p in policies.parameters("proposer").values()]  # type: ignore[union-attr]

    assert all(torch.equal(a, b) for a, b in zip(gradients(False), gradients(True), strict=True))


def test_seats_sample_with_their_policy(llama: str) -> None:
    voice = speaker(llama)
    text = spoken(voice)
    policies = LoRA(r=2).prepare(voice, ["agent_0-proposer", "reviewer"], seed=0)
    assert set(voice.adapters) == {"agent_0/proposer", "reviewer"}
    assert voice.adapter_for(Seat(1, Role.PROPOSER)) is None
    with torch.no_grad():
        for parameter in policies.parameters("agent_0-proposer").values():
            parameter.fill_(0.3)
    policies.changed()
    assert spoken(voice) != text
    assert spoken(speaker(llama)) == text
    digests = voice.settings["adapters"]
    with torch.no_grad():
        next(iter(policies.parameters("reviewer").values())).add_(1)
    assert voice.settings["adapters"]["reviewer"] != digests["reviewer"]
    assert voice.settings["adapters"]["agent_0/proposer"] == digests["agent_0/proposer"]


def test_modules_of_gpt2_are_linear_too(gpt2: str) -> None:
    voice = speaker(gpt2)
    policies = LoRA(r=2).prepare(voice, ["proposer"], seed=0)
    assert {name.split(".")[-3] for name in policies.parameters("proposer")} == {"c_attn", "c_fc", "c_proj"}
    policies.activate("proposer")
    assert voice.loaded.model(IDS).logits.requires_grad
    assert len(spoken(voice)[0]) > 0


def test_the_head_is_no_target_and_the_list_is_explicit(llama: str) -> None:
    voice = speaker(llama)
    first = LoRA().prepare(voice, ["proposer"], seed=0)
    again = LoRA().prepare(speaker(llama), ["proposer"], seed=0)
    assert sorted(voice.loaded.adapters[voice.adapters["proposer"]].target_modules) == LLAMA_LINEAR
    assert len(first.parameters("proposer")) == len(again.parameters("proposer")) == 2 * 7 * 2


def test_seats_that_are_taken_are_refused(llama: str) -> None:
    voice = speaker(llama)
    LoRA().prepare(voice, ["agent_0"], seed=0)
    for name in ("agent_0", "proposer", "agent_0-reviewer"):
        with pytest.raises(ConfigError, match="would share seats with the adapter 'agent_0'"):
            LoRA().prepare(voice, [name], seed=0)
    LoRA().prepare(voice, ["agent_1-proposer"], seed=0)
    with pytest.raises(ConfigError, match="policies need different names"):
        LoRA().prepare(voice, ["agent_2", "agent_2"], seed=0)
    with pytest.raises(ConfigError, match="at least one, got none"):
        LoRA().prepare(voice, [], seed=0)


def test_full_trains_everything_and_leaves_the_shared_table(llama: str) -> None:
    voice = speaker(llama)
    before = voice.settings
    policies = Full().prepare(voice, ["proposer"], seed=0)
    policies.activate("proposer")
    assert list(policies.parameters("proposer")) == [name for name, _ in voice.loaded.model.named_parameters()]
    assert all(parameter.requires_grad for parameter in voice.loaded.model.parameters())
    assert speaker(llama).loaded is not voice.loaded
    digest = voice.settings["weights"]
    assert {**before, "weights": digest} == voice.settings
    with torch.no_grad():
        policies.parameters("proposer")["model.norm.weight"].add_(1)
    assert voice.settings["weights"] != digest


def test_last_n_trains_the_last_layers_and_the_norm_behind_them(llama: str, gpt2: str) -> None:
    voice = speaker(llama)
    policies = LastN(layers=1).prepare(voice, ["proposer"], seed=0)
    free = [name for name, parameter in voice.loaded.model.named_parameters() if parameter.requires_grad]
    assert list(policies.parameters("proposer")) == free
    assert {".".join(name.split(".")[:3]) for name in free} == {"model.layers.1", "model.norm.weight"}
    policies = LastN(layers=2).prepare(speaker(gpt2), ["reviewer"], seed=0)
    assert {".".join(name.split(".")[:3]) for name in policies.parameters("reviewer")} == {
        "transformer.h.0",
        "transformer.h.1",
        "transformer.ln_f.weight",
        "transformer.ln_f.bias",
    }


@pytest.mark.parametrize("kind", [Full(), LastN(1)])
def test_weights_that_others_speak_with_do_not_learn(llama: str, kind: Full | LastN) -> None:
    voice, other = speaker(llama), speaker(llama)
    with pytest.raises(ConfigError, match="2 speakers share the weights that are to change"):
        kind.prepare(voice, ["proposer"], seed=0)
    assert all(parameter.requires_grad for parameter in voice.loaded.model.parameters())
    del other
    policies = LoRA().prepare(voice, ["proposer"], seed=0)
    with pytest.raises(ConfigError, match="carry the adapters proposer"):
        kind.prepare(voice, ["proposer"], seed=0)
    policies.close()
    assert kind.prepare(voice, ["proposer"], seed=0).names == ("proposer",)
    with pytest.raises(ConfigError, match="trains one policy, got proposer, reviewer; take finetune 'lora'"):
        kind.prepare(voice, ["proposer", "reviewer"], seed=0)


def test_names_are_read() -> None:
    assert finetune_named("lora") == LoRA(r=16, alpha=32, dropout=0.0, targets="all-linear")
    assert finetune_named("lora:r=8,alpha=16.5,dropout=0") == LoRA(8, 16.5)
    assert finetune_named("lora:targets=q_proj+v_proj") == LoRA(targets=("q_proj", "v_proj"))
    assert finetune_named("full") == Full()
    assert finetune_named("last_n:layers=3") == LastN(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: finetune_named("lorra"), "finetune is 'lorra'; did you mean 'lora'"),
        (lambda: finetune_named("lora:rank=8"), "finetune 'lora' has no setting 'rank=8'"),
        (lambda: finetune_named("full:r=8"), "finetune 'full' has no setting"),
        (lambda: finetune_named("lora:r=eight"), "lora.r must be a whole number from 1, got 'eight'"),
        (lambda: LoRA(r=0), "lora.r must be a whole number from 1, got 0"),
        (lambda: LoRA(alpha=0), "lora.alpha must be a number above 0"),
        (lambda: LoRA(alpha="32"), "lora.alpha must be a number above 0, got '32'"),
        (lambda: LoRA(dropout=0.1), "lora.dropout is 0.1, but texts are sampled without dropout"),
        (lambda: finetune_named("lora:dropout=0.05"), "lora.dropout is 0.05, but texts are sampled without"),
        (lambda: LoRA(dropout=None), "lora.dropout is None"),
        (lambda: LoRA(targets=()), "lora.targets must be"),
        (lambda: LastN(0), "last_n.layers must be a whole number from 1, got 0"),
    ],
)
def test_values_that_cannot_work_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_a_model_without_the_asked_parts_is_an_error(llama: str) -> None:
    with pytest.raises(ConfigError, match="no linear module 'q_prj'; did you mean 'q_proj'"):
        LoRA(targets=("q_prj",)).prepare(speaker(llama), ["proposer"], seed=0)
    with pytest.raises(ConfigError, match=r"last_n.layers is 3, the model has 2 layers"):
        LastN(3).prepare(speaker(llama), ["proposer"], seed=0)
