from __future__ import annotations

import builtins
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from moves import TASK, play
from safetensors.torch import load_file, save_file

from tracer_env.agents.speakers.models.adapters import adapter_parameters, fill, read_adapters, seat_key
from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.nano import Nano
from tracer_env.errors import ConfigError, DataError, MissingExtraError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import Rules
from tracer_env.trainers.gspo.finetune import LoRA
from tracer_env.types import Role, Seat, Utterance

IDS = torch.tensor([[5, 20, 30, 40, 50, 60]])


def speaker(path: str, **settings: Any) -> HuggingFaceSpeaker:
    fixed = {"dtype": "float32", "device": "cpu", "temperature": 1.0, "max_new_tokens": 12, "examples": 1}
    return HuggingFaceSpeaker(path, **{**fixed, **settings})


def stir(parameters: dict[str, torch.nn.Parameter], seed: int) -> None:
    """Give B values, so that the adapter does something."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in parameters.items():
            if ".lora_B." in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


@pytest.fixture(scope="module")
def run(llama: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with adapters for the proposers, and for agent 2 as a proposer."""
    voice, out = speaker(llama), tmp_path_factory.mktemp("adapters")
    policies = LoRA(r=2, alpha=4).prepare(voice, ["proposer", "agent_2-proposer"], 0)
    for seed, name in enumerate(policies.names):
        stir(policies.parameters(name), seed)
        policies.save(name, out / name)
    policies.close()
    return out


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run / "proposer", tmp_path / "proposer"))


def requests() -> list[Request]:
    """A proposer, a reviewer, agent 2 as a proposer; then the first seat again."""
    rules = Rules(num_agents=3, max_turns=6)
    states = [play(letters, rules) for letters in ("", "W", "W-", "")]
    assert [str(state.seat) for state in states[:3]] == [
        "agent_0 (proposer)",
        "agent_1 (reviewer)",
        "agent_2 (proposer)",
    ]
    return [Request(state, state.seat, stream(3, TASK.id, world), 2) for world, state in enumerate(states)]


def heard(voice: HuggingFaceSpeaker) -> list[Utterance]:
    return voice.speak(requests())


def test_a_seat_is_a_role_an_agent_or_both() -> None:
    assert [seat_key(name) for name in ("proposer", "agent_0", "agent_0-proposer", "agent_12/reviewer")] == [
        "proposer",
        "agent_0",
        "agent_0/proposer",
        "agent_12/reviewer",
    ]
    with pytest.raises(ConfigError, match="an adapter is named by role, agent_N or agent_N/role, got 'propser'; did"):
        seat_key("propser")


def test_the_most_specific_adapter_speaks(llama: str, run: Path) -> None:
    voice = speaker(llama, adapters=str(run))
    assert set(voice.adapters) == {"proposer", "agent_2/proposer"}
    assert voice.adapter_for(Seat(0, Role.PROPOSER)) == voice.adapters["proposer"]
    assert voice.adapter_for(Seat(2, Role.PROPOSER)) == voice.adapters["agent_2/proposer"]
    assert voice.adapter_for(Seat(2, Role.REVIEWER)) is None


def test_each_seat_speaks_with_its_adapter_and_the_rest_as_the_base(llama: str, run: Path) -> None:
    """Mixed requests of one call give what each adapter would say alone, in request order."""
    base, voice = speaker(llama), speaker(llama, adapters=str(run))
    assert voice.loaded is base.loaded
    plain, mixed, again = heard(base), heard(voice), heard(base)
    assert [u.token_ids for u in plain] == [u.token_ids for u in again]
    assert [u.logprobs for u in plain] == [u.logprobs for u in again]
    two = speaker(llama, adapters={"proposer": str(run / "agent_2-proposer")})
    one = speaker(llama, adapters={"proposer": str(run / "proposer")})
    assert [u.token_ids for u in mixed[:2]] == [u.token_ids for u in heard(one)[:2]]
    assert [u.token_ids for u in mixed[2:4]] == [u.token_ids for u in plain[2:4]]
    assert [u.token_ids for u in mixed[4:6]] == [u.token_ids for u in heard(two)[4:6]]
    assert [u.token_ids for u in mixed[6:]] == [u.token_ids for u in heard(one)[6:]]
    said = [[u.logprobs for u in utterances] for utterances in (mixed, plain)]
    assert not any(said[0][i] == said[1][i] for i in (0, 1, 4, 5, 6, 7))


def test_the_decoder_and_a_whole_forward_pass_agree(llama: str, run: Path) -> None:
    """The loop with its cache and kept prefix samples from what one pass with a mask of four axes computes."""
    voice = speaker(llama, adapters=str(run), temperature=0.7)
    said = heard(voice)[0]
    voice.loaded.use(voice.adapters["proposer"])
    ids = torch.tensor([said.prompt_ids + said.token_ids])
    length = ids.shape[1]
    causal = torch.ones(length, length).tril().bool()[None, None]
    with torch.no_grad():
        logits = voice.loaded.model(ids, attention_mask=causal).logits[0, len(said.prompt_ids) - 1 : -1]
    expected = (logits / 0.7).log_softmax(-1).gather(-1, torch.tensor(said.token_ids)[:, None])[:, 0]
    assert torch.tensor(said.logprobs).numpy() == pytest.approx(expected.numpy(), abs=1e-4)


def test_the_base_is_not_copied_and_comes_back_bit_for_bit(llama: str, run: Path) -> None:
    voice = speaker(llama)
    model = voice.loaded.model
    places = {p.data_ptr() for name, p in model.named_parameters() if ".lora_" not in name}
    state, before = torch.get_rng_state(), model(IDS).logits
    other = speaker(llama, adapters=str(run))
    assert torch.equal(torch.get_rng_state(), state)
    assert {p.data_ptr() for name, p in model.named_parameters() if ".lora_" not in name} == places
    outcomes = []
    for name in (*other.adapters.values(), None, *other.adapters.values(), None):
        voice.loaded.use(name)
        outcomes.append(model(IDS).logits)
    first, second, base, first_again, second_again, base_again = outcomes
    assert torch.equal(base, before)
    assert torch.equal(base_again, before)
    assert torch.equal(first, first_again)
    assert torch.equal(second, second_again)
    assert not torch.equal(first, before)
    assert not torch.equal(first, second)


def test_what_was_read_is_never_trained_nor_read_twice(llama: str, run: Path) -> None:
    voice, other = speaker(llama, adapters=str(run)), speaker(llama, adapters=str(run))
    assert voice.adapters == other.adapters
    voice.loaded.use(voice.adapters["proposer"])
    assert not any(p.requires_grad for name, p in voice.loaded.model.named_parameters() if ".lora_" in name)


def test_adapters_that_nobody_holds_go(llama: str, run: Path) -> None:
    voice, other = speaker(llama), speaker(llama, adapters=str(run))
    kept = LoRA(r=2).prepare(voice, ["reviewer"], seed=0)
    assert len(voice.loaded.adapters) == 3
    del other
    last = speaker(llama, adapters={"reviewer": str(run / "proposer")})
    assert set(voice.loaded.adapters) == {"reviewer", last.adapters["reviewer"]}
    kept.close()
    assert set(voice.loaded.adapters) == {last.adapters["reviewer"]}


def test_a_switch_forgets_kept_beginnings(llama: str, run: Path) -> None:
    voice = speaker(llama, adapters={"proposer": str(run / "proposer")})
    voice.speak(requests()[:1])
    assert len(voice.loaded.prefixes) == 1
    voice.loaded.use(voice.adapters["proposer"])
    assert len(voice.loaded.prefixes) == 1
    voice.loaded.use(None)
    assert len(voice.loaded.prefixes) == 0
    with pytest.raises(ConfigError, match="the model has no adapter 'proposer'"):
        voice.loaded.use("proposer")


def test_nano_takes_adapters(tmp_path: Path) -> None:
    policies = LoRA(r=2).prepare(Nano(), ["proposer"], 0)
    stir(policies.parameters("proposer"), 0)
    policies.save("proposer", tmp_path / "proposer")
    voice = Nano(adapters=str(tmp_path))
    assert voice.settings["adapters"].keys() == {"proposer"}
    said, plain = heard(voice), heard(Nano())
    assert said[0].logprobs != plain[0].logprobs
    assert [u.token_ids for u in said[2:4]] == [u.token_ids for u in plain[2:4]]


def test_settings_tell_adapters_apart(llama: str, run: Path) -> None:
    assert "adapters" not in speaker(llama).settings
    left = speaker(llama, adapters=str(run)).settings["adapters"]
    right = speaker(llama, adapters={"reviewer": str(run / "proposer")}).settings["adapters"]
    assert left["proposer"] == right["reviewer"] != left["agent_2/proposer"]


def test_parameters_are_counted_without_adapters(llama: str, run: Path) -> None:
    voice = speaker(llama)
    before = voice.loaded.parameters
    assert speaker(llama, adapters=str(run)).loaded.parameters == before


def test_weights_on_a_bfloat16_base_are_float32(llama: str, run: Path) -> None:
    voice = speaker(llama, adapters=str(run), dtype="bfloat16")
    found = adapter_parameters(voice.loaded, voice.adapters["proposer"])
    assert {parameter.dtype for parameter in found.values()} == {torch.float32}
    assert len(heard(voice)) == 8
    stored = load_file(run / "proposer" / "adapter_model.safetensors")
    assert all(torch.equal(stored["base_model.model." + name], found[name]) for name in found)


def broken(folder: Path, **changes: object) -> Path:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "IA3"}, "peft_type is of type 'IA3'; only LORA adapters"),
        ({"use_dora": True}, "use_dora is True, which is more than a plain LoRA"),
        ({"bias": "all"}, "bias is 'all', which is more than a plain LoRA"),
        ({"modules_to_save": ["lm_head"]}, r"modules_to_save is \['lm_head'\], which is more than a plain LoRA"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is 'pissa', which is more"),
        (
            {"target_modules": ["nowhere"]},
            "does not fit this model: it has matrices for 'model.layers.0.mlp.down_proj'",
        ),
        ({"target_modules": ["q_proj"]}, "does not fit this model: it has matrices for 'model.layers.0.mlp.down_proj'"),
        ({"r": 3}, "says rank 3 for 'model.layers.0.mlp.down_proj', but its matrices have 2 and 2"),
        ({"r": 10**9}, r"adapter_config\.json: r is 1000000000; it must be a whole number from 1 to 1048576"),
        ({"r": 10**6}, "says rank 1000000 for"),
        ({"rank_pattern": {"q_proj": 10**6}}, "says rank 1000000 for 'model.layers.0.self_attn.q_proj'"),
        ({"target_modules": "(([a-z._0-9]+)+)+!"}, "target_modules is .*, a pattern that may take for ever"),
    ],
)
def test_a_folder_for_something_else_is_one_clear_line(
    llama: str, copy: Path, changes: dict[str, object], message: str
) -> None:
    voice = speaker(llama)
    before = voice.loaded.model(IDS).logits
    with pytest.raises(DataError, match=message) as caught:
        read_adapters(voice.loaded, {"proposer": str(broken(copy, **changes))})
    assert "\n" not in str(caught.value)
    assert torch.equal(voice.loaded.model(IDS).logits, before)


def with_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return folder


FIRST = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t[FIRST].view(-1)[3:4].fill_(float("nan")),
            f"the tensor '{FIRST}' holds a number that is not finite",
        ),
        (
            lambda t: t[FIRST].view(-1)[3:4].fill_(float("-inf")),
            f"the tensor '{FIRST}' holds a number that is not finite",
        ),
        (lambda t: t.update({FIRST: t[FIRST].to(torch.int32)}), f"the tensor '{FIRST}' holds torch.int32"),
        (lambda t: t.update({FIRST: t[FIRST][:0].clone()}), f"the tensor '{FIRST}' is empty"),
        (lambda t: t.update({FIRST: torch.ones(3)}), "is no matrix of a plain LoRA"),
        (
            lambda t: t.update({FIRST: torch.ones(2, 4)}),
            r"make a weight of the shape \(32, 4\), the model has \(32, 32\)",
        ),
        (lambda t: t.update({FIRST: torch.ones(5, 32)}), "says rank 2 for .*, but its matrices have 5 and 2"),
        (lambda t: t.pop(FIRST), "lacks one of the two matrices of 'model.layers.0.self_attn.q_proj'"),
        (lambda t: [t.pop(name) for name in list(t) if "layers.0.self_attn.q_proj" in name], "it lacks matrices for"),
        (lambda t: t.clear(), "holds no matrix"),
        (lambda t: t.update({"x\x1b.weight": torch.ones(2, 2)}), r"the tensor 'x\\x1b.weight' is no matrix"),
        (
            lambda t: t.update({"e.lora_A.weight": torch.ones(2, 2), "e.lora_B.weight": torch.ones(2, 2)}),
            "it has, but not the model, 'e'",
        ),
    ],
)
def test_tensors_that_are_none_of_this_adapters(llama: str, copy: Path, change: Any, message: str) -> None:
    voice = speaker(llama)
    before = voice.loaded.model(IDS).logits
    with pytest.raises(DataError, match=message) as caught:
        read_adapters(voice.loaded, {"proposer": str(with_tensors(copy, change))})
    assert str(caught.value).isprintable()
    assert torch.equal(voice.loaded.model(IDS).logits, before)
    assert voice.loaded.adapters == {}


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers for it
@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj", "v_proj"], "use_rslora": True, "lora_alpha": 3},
        {"target_modules": r"model\.layers\.\d+\.self_attn\.(q|v)_proj"},
        {
            "target_modules": r"(?:.*?(?:attn|mlp).*?(?:q_proj|up_proj).*?)|"
            r"(?:\bmodel\.layers\.[\d]{1,}\.mlp\.(?:(?:down_proj)))"
        },
        {"target_modules": ["q_proj", "up_proj"], "exclude_modules": ["layers.1.self_attn.q_proj"]},
        {"target_modules": ["q_proj"], "layers_to_transform": [1], "layers_pattern": "layers"},
        {"target_modules": ["q_proj"], "layers_to_transform": 0},
        {
            "target_modules": ["q_proj", "k_proj", "v_proj"],
            "rank_pattern": {"^model.layers.0.self_attn.q_proj": 5, "k_proj": 3},
            "alpha_pattern": {r"layers\.1\.self_attn\.v_proj": 9, "k_proj": 1.5},
        },
        {"target_modules": ["q_proj"], "init_lora_weights": "gaussian", "task_type": "CAUSAL_LM", "revision": "main"},
    ],
    ids=["linear", "rslora", "expression", "long", "exclude", "layers", "layer", "patterns", "start"],
)
def test_an_adapter_that_peft_saved_speaks_as_there(llama: str, tmp_path: Path, settings: dict[str, Any]) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(3)
        theirs = get_peft_model(
            AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32), LoraConfig(**{"r": 4, **settings})
        ).eval()
    stir(dict(theirs.named_parameters()), 5)
    theirs.save_pretrained(tmp_path / "proposer")
    voice = speaker(llama, adapters=str(tmp_path))
    voice.loaded.use(voice.adapters["proposer"])
    with torch.no_grad():
        expected, found = theirs(IDS).logits, voice.loaded.model(IDS).logits
        voice.loaded.use(None)
        plain = voice.loaded.model(IDS).logits
    assert torch.equal(found, expected)
    assert not torch.equal(found, plain)


def test_files_that_are_missing_or_damaged_are_named(llama: str, copy: Path, tmp_path: Path) -> None:
    loaded = speaker(llama).loaded

    def refused(message: str) -> None:
        with pytest.raises(DataError, match=message) as caught:
            read_adapters(loaded, {"proposer": str(copy)})
        assert "\n" not in str(caught.value)

    weights, config = copy / "adapter_model.safetensors", copy / "adapter_config.json"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-8])
    refused("cannot read the adapter .*adapter_model.safetensors")
    weights.unlink()
    refused("has no adapter_model.safetensors; save it again")
    (copy / "adapter_model.bin").write_bytes(b"pickle")
    refused("a pickle .*, which is never loaded")
    config.write_text("{")
    refused("adapter_config.json is not readable as JSON")
    config.write_text("{}")
    refused("adapter_config.json: peft_type is of type None")
    config.unlink()
    refused("is no adapter: it has no adapter_config.json")


def test_a_folder_of_folders_is_checked(llama: str, run: Path, copy: Path, tmp_path: Path) -> None:
    loaded = speaker(llama).loaded
    with pytest.raises(DataError, match="there is no folder"):
        read_adapters(loaded, str(tmp_path / "none"))
    with pytest.raises(DataError, match=r"is one adapter; say whose it is, for example \{'proposer'"):
        read_adapters(loaded, str(copy))
    (tmp_path / "logs").mkdir()
    assert list(read_adapters(loaded, str(tmp_path))) == ["proposer"]
    copy.rename(tmp_path / "propser")
    with pytest.raises(DataError, match="did you mean 'proposer'"):
        read_adapters(loaded, str(tmp_path))
    shutil.rmtree(tmp_path / "propser")
    with pytest.raises(DataError, match="holds no subfolder"):
        read_adapters(loaded, str(tmp_path))
    with pytest.raises(ConfigError, match="names a seat twice"):
        read_adapters(loaded, {"agent_0-proposer": str(run), "agent_0/proposer": str(run)})


def test_numbers_that_would_be_rounded_are_refused() -> None:
    held = {"a": torch.nn.Parameter(torch.zeros(2, dtype=torch.bfloat16))}
    fill(held, {"a": torch.ones(2, dtype=torch.bfloat16)}, "x")
    assert held["a"].tolist() == [1, 1]
    with pytest.raises(DataError, match=r"x holds a in torch.float32, which torch.bfloat16 cannot hold exactly"):
        fill(held, {"a": torch.ones(2)}, "x")
    with pytest.raises(DataError, match="it lacks a"):
        fill(held, {}, "x")


def test_an_adapter_in_bfloat16_is_read_exactly(llama: str, copy: Path) -> None:
    path = copy / "adapter_model.safetensors"
    rough = {name: tensor.bfloat16() for name, tensor in load_file(path).items()}
    save_file(rough, path)
    voice = speaker(llama, adapters={"proposer": str(copy)})
    found = adapter_parameters(voice.loaded, voice.adapters["proposer"])
    assert all(torch.equal(rough["base_model.model." + name].float(), found[name]) for name in found)


def test_without_peft_the_install_line_is_given(llama: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "peft":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=r"needs the package 'peft'; install it with: .*tracer-env\[train\]"):
        speaker(llama, adapters=str(run))
