from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from tracer_env.agents.speakers.models.adapters import adapter_parameters, attach, fill
from tracer_env.agents.speakers.models.nano import Nano, packaged_weights
from tracer_env.agents.speakers.models.padded_heads import Padding, padded
from tracer_env.errors import DataError

IDS = torch.arange(3, 123).reshape(4, 30)


def logprobs(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits.log_softmax(-1)
    return found


def test_rows_of_a_head_by_hand() -> None:
    padding = Padding(2, 4)  # q: two rotary halves of one row, each followed by a zero row, times sqrt(2)
    rows = torch.tensor([[1.0], [2.0], [3.0], [4.0]])  # two heads
    assert padding.tensor("a.k_proj.weight", rows)[:, 0].tolist() == [1, 0, 2, 0, 3, 0, 4, 0]
    assert padding.tensor("a.v_proj.weight", rows)[:, 0].tolist() == [1, 2, 0, 0, 3, 4, 0, 0]
    assert padding.tensor("a.q_proj.weight", rows)[:, 0].tolist() == pytest.approx(
        [2**0.5 * x for x in (1, 0, 2, 0, 3, 0, 4, 0)]
    )
    assert padding.tensor("a.o_proj.weight", rows.T)[0].tolist() == [1, 2, 0, 0, 3, 4, 0, 0]
    assert padding.tensor("a.up_proj.weight", rows) is rows


def test_nano_with_larger_heads_says_what_nano_says(tmp_path: Path) -> None:
    folder, padding = padded(packaged_weights(), 32, tmp_path)
    assert (padding, padded(packaged_weights(), 32, tmp_path)) == (Padding(28, 32), (folder, padding))
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    both = [AutoModelForCausalLM.from_pretrained(one, dtype=torch.float32) for one in (packaged_weights(), folder)]
    assert both[1].config.head_dim == 32
    assert torch.allclose(logprobs(both[0]), logprobs(both[1]), atol=1e-4)


def test_an_adapter_follows_the_heads(tmp_path: Path) -> None:
    from peft import LoraConfig

    folder, padding = padded(packaged_weights(), 32, tmp_path)
    plain, large = Nano(), Nano(str(folder))
    config = LoraConfig(r=2, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "up_proj"])
    names = [attach(voice.loaded, config, "one") for voice in (plain, large)]
    generator = torch.Generator().manual_seed(0)
    base = logprobs(plain.loaded.model)
    mine = adapter_parameters(plain.loaded, names[0])
    for parameter in mine.values():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    fill(adapter_parameters(large.loaded, names[1]), padding.adapter({k: p.data for k, p in mine.items()}), "it")
    for voice, name in zip((plain, large), names, strict=True):
        voice.loaded.use(name)
    assert (logprobs(plain.loaded.model) - base).abs().max() > 0.1
    assert torch.allclose(logprobs(plain.loaded.model), logprobs(large.loaded.model), atol=1e-3)


def test_another_layout_is_refused(gpt2: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be made larger: it is a 'gpt2'"):
        padded(Path(gpt2), 64, tmp_path)


def test_the_angles_of_old_places_stay() -> None:
    settings = json.loads((packaged_weights() / "config.json").read_text())
    made = Padding(28, 32).config(settings)
    theta = made["rope_parameters"]["rope_theta"]
    assert [theta ** (-2 * i / 32) for i in range(14)] == pytest.approx([10_000.0 ** (-2 * i / 28) for i in range(14)])
    assert Padding(28, 32).config({"rope_theta": 10_000.0})["rope_theta"] == pytest.approx(theta)
