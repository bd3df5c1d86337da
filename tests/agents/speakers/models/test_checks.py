"""A model's folder from elsewhere: whatever is wrong with it is one line, and it names no other folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.nano import packaged_weights
from tracer_env.errors import DataError

DEEP = '{"a":' * 20_000
Change = Callable[[Path], Any]


def _set(file: str, **values: Any) -> Change:
    return lambda folder: (folder / file).write_text(json.dumps({**json.loads((folder / file).read_text()), **values}))


def _put(file: str, text: str) -> Change:
    return lambda folder: (folder / file).write_text(text)


def _without_weights(then: Change) -> Change:
    return lambda folder: ((folder / "model.safetensors").unlink(), then(folder))


def _weights(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return apply


BAD: dict[str, tuple[Change, str]] = {
    "a kind that is a list": (_set("config.json", model_type=[1]), "unhashable"),
    "a kind that steers a terminal": (_set("config.json", model_type="\x1b]0;x\x07"), "model type"),
    "another architecture": (_set("config.json", model_type="gpt2"), "lack"),
    "sizes as text": (_set("config.json", hidden_size="x"), "hidden_size"),
    "no heads": (_set("config.json", num_attention_heads=0), "ZeroDivisionError"),
    "other shapes": (_set("config.json", vocab_size=10**9), "have other shapes than its config.json says"),
    "layers without end": (_set("config.json", num_hidden_layers=10**8), "asks for 100000000 layers, and its weights"),
    "ends that are texts": (_set("config.json", eos_token_id="x"), "eos_token_id"),
    "ends that are mappings": (_set("generation_config.json", eos_token_id={"a": [1]}), "unhashable"),
    "an unknown number type": (_set("config.json", dtype="evil"), "no attribute 'evil'"),
    "a config that is a list": (_put("config.json", "[]"), "it must be an object"),
    "a config that is null": (_put("config.json", "null"), "it must be an object"),
    "a config that is deep": (_put("config.json", DEEP), "is no JSON"),
    "a generation that is a list": (_put("generation_config.json", "[]"), "it must be an object"),
    "tokens that are a list": (_put("tokenizer.json", "[]"), "cannot load a causal language model"),
    "tokens of a list": (_put("tokenizer_config.json", "[]"), "it must be an object"),
    "a class that is a number": (_set("tokenizer_config.json", tokenizer_class=7), "cannot load"),
    "a length that is a text": (_set("tokenizer_config.json", model_max_length="x"), "cannot load"),
    "added tokens that are a list": (_put("added_tokens.json", "[1]"), "cannot load"),
    "a template that ends early": (_put("chat_template.jinja", "{% if"), "the chat template of"),
    "a template that divides": (_put("chat_template.jinja", "{{ 1 / 0 }}"), "division by zero"),
    "a template that climbs": (_put("chat_template.jinja", "{{ ''.__class__.__mro__ }}"), "is unsafe"),
    "a template that says nothing": (_put("chat_template.jinja", "{# nothing #}"), "it makes no text"),
    "weights that are none": (_put("model.safetensors", "[]"), "header too small"),
    "weights that are not finite": (_weights(lambda held: held["model.norm.weight"].fill_(float("nan"))), "not finite"),
    "weights that are missing": (_weights(lambda held: held.pop("model.norm.weight")), "lack 1 tensors"),
    "an adapter": (_put("adapter_config.json", '{"base_model_name_or_path": "../other"}'), "so it is an adapter"),
    "an index that leaves the folder": (
        _without_weights(_put("model.safetensors.index.json", '{"weight_map": {"a": "../../x.safetensors"}}')),
        "weight_map.'a' is '../../x.safetensors'; it must be a safetensors file of this folder",
    ),
    "an index of pickles": (
        _without_weights(_put("model.safetensors.index.json", '{"weight_map": {"a": "x.bin"}}')),
        "it must be a safetensors file of this folder",
    ),
    "an index that is a list": (_without_weights(_put("model.safetensors.index.json", "[]")), "it must be an object"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_model_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str) -> None:
    change, message = BAD[case]
    folder = Path(shutil.copytree(packaged_weights(), tmp_path / "model"))
    change(folder)
    with pytest.raises(DataError) as caught:
        HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32")
    line = str(caught.value)
    assert message in line
    assert str(folder) in line
    assert "\n" not in line
    assert len(line) < 1000
    assert capfd.readouterr().err == ""  # the library's own words on it are not printed


def test_records_that_strict_json_would_refuse_are_read(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged_weights(), tmp_path / "model"))
    _set("tokenizer_config.json", model_max_length=10**30)(folder)
    _set("config.json", limit=[0.0, float("inf")])(folder)
    assert HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32").context == 1024


def test_a_model_of_several_files_is_loaded(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(packaged_weights(), tmp_path / "model"))
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in parts.items():
        save_file({name: tensors[name] for name in held}, folder / file, {"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, held in parts.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32").loaded.parameters > 900_000
