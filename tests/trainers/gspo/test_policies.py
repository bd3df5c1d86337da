from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.errors import ConfigError, DataError
from tracer_env.trainers.gspo.finetune import Finetune, Full, LastN, LoRA
from tracer_env.trainers.gspo.policies import Policies

IDS = torch.tensor([[5, 20, 30, 40, 50, 60], [9, 8, 7, 6, 5, 4]])
KINDS = [LoRA(r=2, alpha=4), Full(), LastN(1)]


@pytest.fixture(params=["llama", "gpt2"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return tiny.save(tmp_path / "base", kind=request.param, template=None if request.param == "gpt2" else tiny.CHAT)


@pytest.fixture
def llama(tmp_path: Path) -> str:
    return tiny.save(tmp_path / "base")


def speaker(path: str, dtype: str = "float32") -> HuggingFaceSpeaker:
    return HuggingFaceSpeaker(path, dtype=dtype, device="cpu", max_new_tokens=8, examples=0)


def stir(policies: Policies, name: str, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in policies.parameters(name).values():
            parameter.add_((0.1 * torch.randn(parameter.shape, generator=generator)).to(parameter.dtype))
    policies.changed()


def logits(voice: HuggingFaceSpeaker) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = voice.loaded.model(IDS).logits
    return found


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # asked for by peft itself
def test_peft_loads_what_was_saved_and_computes_the_same(path: str, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    voice = speaker(path)
    policies = LoRA(r=2, alpha=8).prepare(voice, ["proposer", "reviewer"], seed=0)
    for seed, name in enumerate(policies.names):
        stir(policies, name, seed)
        policies.save(name, tmp_path / name)
    assert sorted(file.name for file in (tmp_path / "proposer").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    for name in policies.names:
        other = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        other = PeftModel.from_pretrained(other, str(tmp_path / name)).eval()
        policies.activate(name)
        with torch.no_grad():
            assert torch.equal(other(IDS).logits, logits(voice))


def test_this_package_loads_what_peft_saved(llama: str, tmp_path: Path) -> None:
    from peft import LoraConfig, inject_adapter_in_model
    from peft.utils import get_peft_model_state_dict
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=2, target_modules=["q_proj", "o_proj"], init_lora_weights="gaussian", use_rslora=True)
    other = inject_adapter_in_model(config, AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)).eval()
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    tensors = {f"base_model.model.{name}": value for name, value in get_peft_model_state_dict(other).items()}
    config.save_pretrained(str(tmp_path / "saved"))
    save_file(tensors, tmp_path / "saved" / "adapter_model.safetensors")
    voice = HuggingFaceSpeaker(llama, dtype="float32", adapters={"reviewer": str(tmp_path / "saved")})
    voice.loaded.use(voice.adapters["reviewer"])
    with torch.no_grad():
        assert torch.equal(logits(voice), other(IDS).logits)


def test_the_same_policy_gives_the_same_bytes_in_another_process(llama: str, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker\n"
        "from tracer_env.trainers.gspo.finetune import LoRA\n"
        "voice = HuggingFaceSpeaker(sys.argv[1], dtype='float32', device='cpu')\n"
        "LoRA(r=2).prepare(voice, ['proposer'], seed=3).save('proposer', pathlib.Path(sys.argv[2]))\n"
    )
    subprocess.run([sys.executable, "-c", code, llama, str(tmp_path / "there")], check=True)
    LoRA(r=2).prepare(speaker(llama), ["proposer"], seed=3).save("proposer", tmp_path / "here")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_saved_policy_comes_back_bit_for_bit(path: str, tmp_path: Path, kind: Finetune, dtype: str) -> None:
    voice = speaker(path, dtype)
    policies = kind.prepare(voice, ["proposer"], seed=0)
    stir(policies, "proposer")
    policies.save("proposer", tmp_path / "saved")
    policies.save("proposer", tmp_path / "saved")
    kept = {name: tensor.clone() for name, tensor in policies.tensors("proposer").items()}
    again = kind.prepare(speaker(path, dtype), ["proposer"], seed=1)
    state = torch.get_rng_state()
    again.load("proposer", tmp_path / "saved")
    assert torch.equal(torch.get_rng_state(), state)
    assert list(again.tensors("proposer")) == list(kept)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in again.tensors("proposer").items())


@pytest.mark.parametrize("kind", [Full(), LastN(1)])
def test_a_speaker_loads_a_trained_model_folder(llama: str, tmp_path: Path, kind: Finetune) -> None:
    voice = speaker(llama)
    before = logits(voice)
    policies = kind.prepare(voice, ["proposer"], seed=0)
    stir(policies, "proposer")
    policies.save("proposer", tmp_path / "saved")
    other = speaker(str(tmp_path / "saved"))
    assert torch.equal(logits(other), logits(voice))
    assert not torch.equal(logits(other), before)
    assert other.loaded.tokenizer.chat_template == tiny.CHAT
    assert not [file for file in (tmp_path / "saved").iterdir() if file.name.startswith(".")]


def test_the_base_is_there_for_a_while(llama: str) -> None:
    voice = speaker(llama)
    before = logits(voice)
    policies = LoRA(r=2).prepare(voice, ["proposer"], seed=0)
    stir(policies, "proposer")
    policies.activate("proposer")
    changed = logits(voice)
    assert not torch.equal(changed, before)
    with policies.base():
        assert torch.equal(logits(voice), before)
        assert not any(parameter.requires_grad for parameter in voice.loaded.model.parameters())
    assert torch.equal(logits(voice), changed)
    assert all(parameter.requires_grad for parameter in policies.parameters("proposer").values())


@pytest.mark.parametrize("kind", [Full(), LastN(1)])
def test_weights_have_no_base_to_go_back_to(llama: str, kind: Finetune) -> None:
    policies = kind.prepare(speaker(llama), ["proposer"], seed=0)
    with pytest.raises(ConfigError, match="set beta to 0 or finetune to 'lora'"):
        policies.base()


def test_after_closing_the_model_is_what_it_was(llama: str) -> None:
    voice = speaker(llama)
    before, names = logits(voice), [name for name, _ in voice.loaded.model.named_modules()]
    policies = LoRA(r=2).prepare(voice, ["proposer", "reviewer"], seed=0)
    kept = LoRA(r=2).prepare(speaker(llama), ["proposer"], seed=0)
    stir(kept, "proposer")
    kept.activate("proposer")
    trained = logits(voice)
    policies.close()
    assert (voice.adapters, policies.names, list(voice.loaded.adapters)) == ({}, (), ["proposer-2"])
    assert torch.equal(logits(voice), trained)
    kept.close()
    assert torch.equal(logits(voice), before)
    assert [name for name, _ in voice.loaded.model.named_modules()] == names
    assert LoRA(r=2).prepare(voice, ["proposer"], seed=0).names == ("proposer",)


@pytest.mark.parametrize("kind", KINDS)
def test_changed_weights_forget_kept_beginnings(llama: str, kind: Finetune) -> None:
    voice = speaker(llama)
    policies = kind.prepare(voice, ["proposer"], seed=0)
    with torch.inference_mode():
        voice.loaded.prefixes.rows((5, 6), 1)
    assert len(voice.loaded.prefixes) == 1
    policies.changed()
    assert len(voice.loaded.prefixes) == 0
    with torch.inference_mode():
        voice.loaded.prefixes.rows((5, 6), 1)
    policies.close()
    assert len(voice.loaded.prefixes) == 0


def wrong_name(policies: Policies, folder: Path) -> None:
    policies.parameters("propser")


def nothing(policies: Policies, folder: Path) -> None:
    policies.load(policies.names[0], folder / "none")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (wrong_name, ConfigError, "there is no policy 'propser'; did you mean 'proposer'"),
        (nothing, DataError, "none"),
    ],
)
def test_mistakes_are_one_clear_line(
    llama: str, tmp_path: Path, kind: Finetune, act: Callable[..., None], error: type[Exception], message: str
) -> None:
    policies: Any = kind.prepare(speaker(llama), ["proposer"], seed=0)
    with pytest.raises(error, match=message) as caught:
        act(policies, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_of_another_model_is_refused(llama: str, tmp_path: Path, kind: Finetune) -> None:
    other = speaker(tiny.save(tmp_path / "other", kind="gpt2", template=None))
    kind.prepare(other, ["proposer"], seed=0).save("proposer", tmp_path / "saved")
    policies = kind.prepare(speaker(llama), ["proposer"], seed=0)
    with pytest.raises(DataError, match="saved does not fit this model: it lacks"):
        policies.load("proposer", tmp_path / "saved")


def test_an_adapter_of_another_scale_is_refused(llama: str, tmp_path: Path) -> None:
    LoRA(r=2, alpha=4).prepare(speaker(llama), ["proposer"], seed=0).save("proposer", tmp_path / "saved")
    policies = LoRA(r=2, alpha=8).prepare(speaker(llama), ["proposer"], seed=0)
    with pytest.raises(DataError, match="has lora_alpha 4, the policy 'proposer' has 8; make them equal"):
        policies.load("proposer", tmp_path / "saved")


def test_a_part_of_another_model_is_refused(llama: str, tmp_path: Path) -> None:
    policies = Full().prepare(speaker(llama), ["proposer"], seed=0)
    stir(policies, "proposer")
    policies.save("proposer", tmp_path / "saved")
    part = LastN(1).prepare(speaker(llama), ["proposer"], seed=0)
    with pytest.raises(DataError, match=r"differs from this model in model.embed_tokens.weight, which does not learn"):
        part.load("proposer", tmp_path / "saved")
