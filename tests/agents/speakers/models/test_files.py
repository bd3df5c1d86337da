"""Models are known by their weights; nothing of a model's folder is run or unpickled unless the user asks."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tracer_env.agents.speakers.models.files import digest, model_name, weight_files
from tracer_env.agents.speakers.models.huggingface import HuggingFaceSpeaker
from tracer_env.agents.speakers.models.nano import Nano, packaged_weights
from tracer_env.errors import DataError, RunFolderError
from tracer_env.parts.casting import make_speaker
from tracer_env.runs.comparing import compare
from tracer_env.runs.config import Config, EvaluationConfig
from tracer_env.trainers.runs.language import train_run


def _copy(source: str, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


def _change(folder: Path) -> Path:
    tensors = load_file(folder / "model.safetensors")
    save_file({name: value * 1.5 for name, value in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_the_digest_is_that_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"numbers")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    assert digest(tmp_path) == hashlib.sha256(b"numbers").hexdigest()
    (tmp_path / "b.safetensors").write_bytes(b"more")
    lines = [f"b.safetensors {hashlib.sha256(b'more').hexdigest()}\n"]
    lines += [f"model.safetensors {hashlib.sha256(b'numbers').hexdigest()}\n"]
    assert digest(tmp_path) == hashlib.sha256("".join(lines).encode()).hexdigest()
    (tmp_path / "b.safetensors").write_bytes(b"others")  # a file that has changed is read again
    assert digest(tmp_path) != hashlib.sha256("".join(lines).encode()).hexdigest()
    for path in tmp_path.glob("*.safetensors"):
        path.unlink()
    assert [path.name for path in weight_files(tmp_path)] == ["pytorch_model.bin"]
    assert digest(tmp_path / "no") is None


def test_names_hold_no_path(tmp_path: Path, llama: str) -> None:
    assert model_name("org/model", None) == "org/model"
    assert model_name(str(tmp_path), "ab" * 32) == f"{tmp_path.name}@sha256:abababababababab"
    assert Nano().model == "nano"
    here, there = _copy(llama, tmp_path / "a" / "mine"), _copy(llama, tmp_path / "b" / "mine")
    one, other = (HuggingFaceSpeaker(str(path), device="cpu", dtype="float32") for path in (here, there))
    assert (one.model, one.settings) == (other.model, other.settings)
    assert one.model == f"mine@sha256:{hashlib.sha256((here / 'model.safetensors').read_bytes()).hexdigest()[:16]}"
    assert str(tmp_path) not in json.dumps(one.settings)
    assert HuggingFaceSpeaker(str(_change(there)), device="cpu", dtype="float32").settings != one.settings
    assert Nano(str(packaged_weights())).settings == Nano().settings


def test_pickles_are_opened_for_users_who_ask(tmp_path: Path, llama: str) -> None:
    folder = _copy(llama, tmp_path / "old")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        DataError, match=r"pytorch_model\.bin is a pickle: save it as safetensors, or set speaker\.pickl"
    ):
        HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32")
    asked = HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32", pickled_weights=True)
    assert asked.settings["model"] == hashlib.sha256((folder / "pytorch_model.bin").read_bytes()).hexdigest()


def test_a_models_config_runs_no_code(tmp_path: Path, llama: str) -> None:
    folder = _copy(llama, tmp_path / "odd")
    settings = json.loads((folder / "config.json").read_text())
    mark = tmp_path / "mark"
    (folder / "canary.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass C: pass\nclass M: pass\n")
    auto = {"AutoConfig": "canary.C", "AutoModelForCausalLM": "canary.M", "AutoTokenizer": ["canary.M", None]}
    for changes in ({"auto_map": auto}, {"auto_map": auto, "model_type": "unknown"}):
        (folder / "config.json").write_text(json.dumps({**settings, **changes}))
        with suppress(DataError):  # what it would be without its code is no concern here
            HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32")
        assert not mark.exists()
    (folder / "config.json").write_text(json.dumps({**settings, "attn_implementation": "someone/kernel"}))
    with pytest.raises(DataError, match="asks for the attention 'someone/kernel', which is code from a hub"):
        HuggingFaceSpeaker(str(folder), device="cpu", dtype="float32")


def _asked(model: Path, steps: int = 1) -> Config:
    return Config.from_data(
        {
            "scenario": {"name": "arithmetic", "level": 1, "limit": 1},
            "speaker": {"name": f"hf:{model}", "device": "cpu", "dtype": "float32", "examples": 0},
            "rules": {"max_turns": 3},
            "gspo": {
                **{"num_generations": 2, "tasks_per_step": 1, "steps_per_generation": 1, "max_steps": steps},
                **{"max_completion_length": 8, "temperature": 1.0, "finetune": "lora:r=2"},
            },
        }
    )


def test_a_training_finds_its_model_elsewhere_and_knows_another_one(tmp_path: Path, llama: str) -> None:
    model = _copy(llama, tmp_path / "here" / "model")
    train_run(_asked(model), out=tmp_path / "run")
    record = json.loads((tmp_path / "run/adapters/proposer/adapter_config.json").read_text())
    assert record["base_model_name_or_path"] == model_name(str(model), digest(model))
    moved = model.rename(tmp_path / "there")
    with pytest.raises(DataError, match="cannot load a causal language model"):
        train_run(None, resume=tmp_path / "run")
    result = train_run(_asked(moved, 2), resume=tmp_path / "run")
    assert result is not None
    assert result["steps"] == 2
    assert make_speaker(f"hf:{moved}", adapters=str(tmp_path / "run" / "adapters"), device="cpu", dtype="float32")
    _change(moved)
    with pytest.raises(
        RunFolderError, match=r"speaker\.model was .*, now .* \(the SHA-256 of the model's weights, which"
    ):
        train_run(_asked(moved, 3), resume=tmp_path / "run")


def test_a_comparison_knows_another_model(tmp_path: Path, llama: str) -> None:
    model = _copy(llama, tmp_path / "model")
    config = replace(_asked(model), gspo={}, evaluation=EvaluationConfig(methods=("always",)))
    config = replace(config, speaker=replace(config.speaker, settings={**config.speaker.settings, "max_new_tokens": 4}))
    compare(config, out=tmp_path / "run")
    record = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert record["models"] == {"all seats": digest(model)}
    assert compare(config, resume=tmp_path / "run").rows
    _change(model)
    with pytest.raises(RunFolderError, match="was started with another model for all seats: the SHA-256 of its"):
        compare(resume=tmp_path / "run")
